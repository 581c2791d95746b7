//! Proves that a host that used a one-time key in the handshake also holds a long-term key (section 12.3).

use subtle::ConstantTimeEq as _;

use super::{Identity, PublicKey};

/// Proves to the peer of a handshake that this host holds `identity`. `other` is the key that the peer used
/// in the handshake, and `hash` is the handshake hash.
pub(crate) fn prove(identity: &Identity, other: PublicKey, hash: &[u8; 32]) -> [u8; 32] {
    proof(identity, other, hash).unwrap_or_default()
}

/// Verifies that the peer holds `key`. `own` is the identity that this host used in the handshake.
pub(crate) fn verify(own: &Identity, key: PublicKey, hash: &[u8; 32], claimed: &[u8; 32]) -> bool {
    proof(own, key, hash).is_some_and(|proof| bool::from(proof.ct_eq(claimed)))
}

/// Computes the proof, which needs one of the two secret keys. Returns `None` for a weak key.
fn proof(own: &Identity, other: PublicKey, hash: &[u8; 32]) -> Option<[u8; 32]> {
    let key = blake3::derive_key("xcher 2 own key", &*own.agree(other)?);
    Some(*blake3::keyed_hash(&key, hash).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_verifies_for_its_key_and_session_only() {
        let (prover, own) = (Identity::new([1; 32]), Identity::new([2; 32]));
        let hash = [9; 32];
        let claimed = prove(&prover, own.public(), &hash);
        assert!(verify(&own, prover.public(), &hash, &claimed));
        assert!(!verify(&own, prover.public(), &[8; 32], &claimed));
        assert!(!verify(&own, Identity::new([3; 32]).public(), &hash, &claimed));
        assert!(!verify(&Identity::new([4; 32]), prover.public(), &hash, &claimed));
        // Anyone can compute the secret of a key of low order.
        let low = PublicKey::new([0; 32]);
        let forged =
            *blake3::keyed_hash(&blake3::derive_key("xcher 2 own key", &[0; 32]), &hash).as_bytes();
        assert!(!verify(&own, low, &hash, &forged));
        assert!(!verify(&own, low, &hash, &[0; 32]));
    }
}
