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
}
