//! The source of all unpredictable bytes.

use super::secret::Secret;

/// An endless stream of random bytes, expanded from 32 bytes that the driver drew from its system.
///
/// Not `Clone`: using the same bytes twice would break the secrecy of whatever they were used for. Earlier
/// output cannot be computed from the state.
#[derive(Debug)]
pub struct Entropy(Secret<32>);

impl Entropy {
    /// Creates the stream of `seed`, which must come from a source fit for keys and have no other use.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(Secret(seed))
    }

    /// Returns the next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// Fills `bytes` with the next bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        // BLAKE3's extendable output would do too, but needs code that nothing else uses.
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
    fn bytes_never_repeat_and_are_not_printed() {
        let mut entropy = Entropy::new([7; 32]);
        let first = entropy.bytes::<32>();
        assert_ne!(first, [7; 32]);
        assert_ne!(first, entropy.bytes::<32>());
        assert_eq!(first, Entropy::new([7; 32]).bytes::<32>(), "the seed determines the stream");
        assert_ne!(first, Entropy::new([8; 32]).bytes::<32>());
        assert_eq!(format!("{entropy:?}"), "Entropy(…)");
    }
}
