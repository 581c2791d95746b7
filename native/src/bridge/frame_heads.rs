//! The heads of yamux frames among the bytes of a tunnel
//! (<https://github.com/hashicorp/yamux/blob/master/spec.md>).

/// Finds heads in bytes that come split anywhere. Whether they make sense is for yamux to say.
#[derive(Debug, Default)]
pub(super) struct Heads {
    head: [u8; LENGTH],
    /// How much of the head is there.
    here: usize,
    /// Bytes of the frame that are still to come.
    body: usize,
}

/// The length of a head.
const LENGTH: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    flags: u16,
    pub(super) stream: u32,
    pub(super) len: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    /// A window update: the length is credit.
    Credit,
    Other,
}

impl Head {
    pub(super) fn opens(self) -> bool {
        self.flags & 1 != 0 && self.kind != Kind::Other
    }

    pub(super) fn resets(self) -> bool {
        self.flags & 8 != 0
    }
}

impl Heads {
    pub(super) fn each(&mut self, mut bytes: &[u8], mut see: impl FnMut(Head)) {
        while !bytes.is_empty() {
            let skipped = self.body.min(bytes.len());
            self.body -= skipped;
            bytes = &bytes[skipped..];
            let taken = (LENGTH - self.here).min(bytes.len());
            if self.body > 0 || taken == 0 {
                continue;
            }
            let (now, rest) = bytes.split_at(taken);
            self.head[self.here..self.here + taken].copy_from_slice(now);
            self.here += taken;
            bytes = rest;
            if self.here == LENGTH {
                self.here = 0;
                let head = parse(self.head);
                if head.kind == Kind::Data {
                    self.body = head.len as usize;
                }
                see(head);
            }
        }
    }
}

fn parse([_, kind, f0, f1, s0, s1, s2, s3, l0, l1, l2, l3]: [u8; LENGTH]) -> Head {
    let kind = match kind {
        0 => Kind::Data,
        1 => Kind::Credit,
        _ => Kind::Other,
    };
    Head {
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
    fn heads_are_found_at_every_split() {
        let mut bytes = Vec::new();
        for (kind, len) in [(0, 5), (1, 70_000), (0, 0), (2, 9), (0, 1)] {
            bytes.extend([0, kind, 0, 1, 0, 0, 0, 3]);
            bytes.extend(u32::to_be_bytes(len));
            if kind == 0 {
                bytes.extend(vec![0; len as usize]);
            }
        }
        for size in 1..=bytes.len() {
            let (mut heads, mut seen) = (Heads::default(), Vec::new());
            for piece in bytes.chunks(size) {
                heads.each(piece, |head| seen.push((head.kind, head.len, head.opens())));
            }
            let expected = [
                (Kind::Data, 5, true),
                (Kind::Credit, 70_000, true),
                (Kind::Data, 0, true),
                (Kind::Other, 9, false),
                (Kind::Data, 1, true),
            ];
            assert_eq!(seen, expected, "{size}");
        }
    }

    /// Head by head, of all bytes at once.
    fn plainly(mut bytes: &[u8]) -> Vec<Head> {
        let mut seen = Vec::new();
        while let Some((head, rest)) = bytes.split_first_chunk::<LENGTH>() {
            let head = parse(*head);
            let body = if head.kind == Kind::Data { head.len as usize } else { 0 };
            bytes = rest.get(body..).unwrap_or_default();
            seen.push(head);
        }
        seen
    }

    #[test]
    fn any_bytes_in_any_pieces_have_the_same_heads() {
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
            let (mut heads, mut seen, mut rest) = (Heads::default(), Vec::new(), &bytes[..]);
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rng.usize(1..=rest.len().min(50)));
                heads.each(piece, |head| seen.push(head));
                rest = after;
            }
            assert_eq!(seen, plainly(&bytes), "seed {seed}");
        }
    }
}
