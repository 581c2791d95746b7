//! The headers of yamux frames among the bytes of a tunnel
//! (<https://github.com/hashicorp/yamux/blob/master/spec.md>).

/// The length of a header.
const HEADER_LEN: usize = 12;
/// The flag of the frame that opens a stream.
const SYN: u16 = 1;
/// The flag of the frame that resets a stream.
const RST: u16 = 8;

/// Finds headers in bytes that arrive split anywhere. Their validity is left to yamux.
#[derive(Debug, Default)]
pub(super) struct FrameHeaders {
    header: [u8; HEADER_LEN],
    /// Bytes of the header received so far.
    received: usize,
    /// Bytes of the current frame's body still to come.
    body_left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) kind: FrameKind,
    flags: u16,
    pub(super) stream: u32,
    pub(super) len: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    Data,
    /// The length is credit, and no body follows.
    WindowUpdate,
    Other,
}

impl FrameHeader {
    pub(super) fn opens_stream(self) -> bool {
        self.flags & SYN != 0 && self.kind != FrameKind::Other
    }

    pub(super) fn resets_stream(self) -> bool {
        self.flags & RST != 0
    }
}

impl FrameHeaders {
    /// Passes every header that these bytes complete to `report`.
    pub(super) fn receive(&mut self, mut bytes: &[u8], mut report: impl FnMut(FrameHeader)) {
        while !bytes.is_empty() {
            let skipped = self.body_left.min(bytes.len());
            self.body_left -= skipped;
            bytes = &bytes[skipped..];
            let taken = (HEADER_LEN - self.received).min(bytes.len());
            if self.body_left > 0 || taken == 0 {
                continue;
            }
            let (part, rest) = bytes.split_at(taken);
            self.header[self.received..self.received + taken].copy_from_slice(part);
            self.received += taken;
            bytes = rest;
            if self.received == HEADER_LEN {
                self.received = 0;
                let header = parse(self.header);
                if header.kind == FrameKind::Data {
                    self.body_left = header.len as usize;
                }
                report(header);
            }
        }
    }
}

fn parse([_, kind, f0, f1, s0, s1, s2, s3, l0, l1, l2, l3]: [u8; HEADER_LEN]) -> FrameHeader {
    let kind = match kind {
        0 => FrameKind::Data,
        1 => FrameKind::WindowUpdate,
        _ => FrameKind::Other,
    };
    FrameHeader {
        kind,
        flags: u16::from_be_bytes([f0, f1]),
        stream: u32::from_be_bytes([s0, s1, s2, s3]),
        len: u32::from_be_bytes([l0, l1, l2, l3]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_headers_at_every_split() {
        let mut bytes = Vec::new();
        for (kind, len) in [(0, 5), (1, 70_000), (0, 0), (2, 9), (0, 1)] {
            bytes.extend([0, kind, 0, 1, 0, 0, 0, 3]);
            bytes.extend(u32::to_be_bytes(len));
            if kind == 0 {
                bytes.extend(vec![0; len as usize]);
            }
        }
        for size in 1..=bytes.len() {
            let (mut headers, mut seen) = (FrameHeaders::default(), Vec::new());
            for piece in bytes.chunks(size) {
                headers.receive(piece, |header| {
                    seen.push((header.kind, header.len, header.opens_stream()));
                });
            }
            let expected = [
                (FrameKind::Data, 5, true),
                (FrameKind::WindowUpdate, 70_000, true),
                (FrameKind::Data, 0, true),
                (FrameKind::Other, 9, false),
                (FrameKind::Data, 1, true),
            ];
            assert_eq!(seen, expected, "{size}");
        }
    }

    /// Finds the headers when all bytes are available at once.
    fn headers_of(mut bytes: &[u8]) -> Vec<FrameHeader> {
        let mut seen = Vec::new();
        while let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() {
            let header = parse(*header);
            let body = if header.kind == FrameKind::Data { header.len as usize } else { 0 };
            bytes = rest.get(body..).unwrap_or_default();
            seen.push(header);
        }
        seen
    }

    #[test]
    fn finds_the_same_headers_in_any_bytes_at_any_split() {
        for seed in 0..2000 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut bytes = Vec::new();
            for _ in 0..rng.usize(..20) {
                let len = [0, rng.u32(..40), rng.u32(..3000), rng.u32(..)][rng.usize(..4)];
                bytes.extend([0, rng.u8(..4), 0, rng.u8(..16), 0, 0, 0, rng.u8(..)]);
                bytes.extend(len.to_be_bytes());
                let body = rng.usize(..=(len as usize).min(3000));
                bytes.extend(std::iter::repeat_with(|| rng.u8(..)).take(body));
            }
            let (mut headers, mut seen, mut rest) =
                (FrameHeaders::default(), Vec::new(), &bytes[..]);
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rng.usize(1..=rest.len().min(50)));
                headers.receive(piece, |header| seen.push(header));
                rest = after;
            }
            assert_eq!(seen, headers_of(&bytes), "seed {seed}");
        }
    }
}
