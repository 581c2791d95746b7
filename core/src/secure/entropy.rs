//! Where all that must not be guessed comes from.

use super::secret::Secret;

/// Random bytes without end, from 32 that the driver drew from its system.
///
/// Not to be copied: the same bytes twice would undo the secrecy of whatever they were used for.
/// What was given out cannot be computed from what is left.
#[derive(Debug)]
pub struct Entropy(Secret<32>);

impl Entropy {
    /// The stream that follows from `seed`: from a source fit for keys, and used for this alone.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(Secret(seed))
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// Fills `bytes` with the next ones.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        // A stream of BLAKE3's own would do, but is code that nothing else needs.
        let block = |number: u64| blake3::keyed_hash(&self.0, &number.to_le_bytes());
        for (number, piece) in (1..).zip(bytes.chunks_mut(32)) {
            piece.copy_from_slice(&block(number).as_bytes()[..piece.len()]);
        }
        self.0 = Secret(block(0).into());
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn bytes_never_come_twice_and_never_show() {
        let mut entropy = Entropy::new([7; 32]);
        let first = entropy.bytes::<32>();
        assert_ne!(first, [7; 32]);
        assert_ne!(first, entropy.bytes::<32>());
        assert_eq!(first, Entropy::new([7; 32]).bytes::<32>(), "the seed alone decides");
        assert_ne!(first, Entropy::new([8; 32]).bytes::<32>());
        assert_eq!(format!("{entropy:?}"), "Entropy(…)");
    }
}
