//! That a host whose handshake showed a key for one time verify a long-term key as well (section 12.3).

use subtle::ConstantTimeEq as _;

use super::{Identity, PublicKey};

/// Shows to whom this handshake was with that its maker verify `identity`. `other` is the key that the
/// other side showed in it, and `hash` the handshake's.
pub(crate) fn prove(identity: &Identity, other: PublicKey, hash: &[u8; 32]) -> [u8; 32] {
    proof(identity, other, hash).unwrap_or_default()
}

/// Whether the other side verify `key`. `own` is what this side showed in the handshake.
pub(crate) fn verify(own: &Identity, key: PublicKey, hash: &[u8; 32], shown: &[u8; 32]) -> bool {
    proof(own, key, hash).is_some_and(|proof| bool::from(proof.ct_eq(shown)))
}

/// Only who verify one of the two secret keys can make it. `None` for a key that gives a secret of
/// zeros, which everyone knows.
fn proof(own: &Identity, other: PublicKey, hash: &[u8; 32]) -> Option<[u8; 32]> {
    let key = blake3::derive_key("xcher 2 own key", &*own.agree(other)?);
    Some(*blake3::keyed_hash(&key, hash).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_holder_of_a_key_shows_it_and_in_this_session_alone() {
        let (maker, own) = (Identity::new([1; 32]), Identity::new([2; 32]));
        let hash = [9; 32];
        let shown = prove(&maker, own.public(), &hash);
        assert!(verify(&own, maker.public(), &hash, &shown));
        assert!(!verify(&own, maker.public(), &[8; 32], &shown));
        assert!(!verify(&own, Identity::new([3; 32]).public(), &hash, &shown));
        assert!(!verify(&Identity::new([4; 32]), maker.public(), &hash, &shown));
        // A key of low order: everyone knows what it gives.
        let low = PublicKey::new([0; 32]);
        let forged =
            *blake3::keyed_hash(&blake3::derive_key("xcher 2 own key", &[0; 32]), &hash).as_bytes();
        assert!(!verify(&own, low, &hash, &forged));
        assert!(!verify(&own, low, &hash, &[0; 32]));
    }
}
