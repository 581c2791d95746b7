//! That a relay holds its key, and a host the key that it has at this relay (section 5.6).

use subtle::ConstantTimeEq as _;

use super::{Identity, PublicKey};

/// What both proofs of one link hang on: neither is of use on another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProofContext {
    /// The relay's key.
    pub(crate) relay: PublicKey,
    /// What the relay drew for this link.
    pub(crate) nonce: [u8; 32],
    /// The key that the host made for this link.
    pub(crate) once: PublicKey,
}

/// The key of a host at one relay: two relays that compare theirs learn nothing.
pub(crate) fn host_key(identity: &Identity, relay: PublicKey) -> Identity {
    let mut hasher = blake3::Hasher::new_derive_key("xcher 2 key at relay");
    hasher.update(identity.secret()).update(relay.as_bytes());
    Identity::new(hasher.finalize().into())
}

impl ProofContext {
    /// The relay's proof, made with its key; `None` where the host's is weak.
    #[cfg(feature = "relay")]
    pub(crate) fn prove_relay(&self, relay: &Identity) -> Option<[u8; 32]> {
        self.proof("xcher 2 relay", relay, self.once, self.relay)
    }

    /// Whether the relay made this proof, as who made the key for this link can tell.
    pub(crate) fn verify_relay(&self, once: &Identity, proof: &[u8; 32]) -> bool {
        is(self.proof("xcher 2 relay", once, self.relay, self.relay), proof)
    }

    /// The host's proof, made with its key at this relay; `None` where the relay's is weak.
    pub(crate) fn prove_host(&self, host: &Identity) -> Option<[u8; 32]> {
        self.proof("xcher 2 host at relay", host, self.relay, host.public())
    }

    /// Whether the holder of `host` made this proof, as the relay can tell.
    #[cfg(feature = "relay")]
    pub(crate) fn verify_host(&self, relay: &Identity, host: PublicKey, proof: &[u8; 32]) -> bool {
        is(self.proof("xcher 2 host at relay", relay, host, host), proof)
    }

    /// Only who holds one of the two secret keys can make it.
    fn proof(
        &self,
        context: &str,
        own: &Identity,
        other: PublicKey,
        whose: PublicKey,
    ) -> Option<[u8; 32]> {
        let key = blake3::derive_key(context, &*own.agree(other)?);
        let mut hasher = blake3::Hasher::new_keyed(&key);
        let Self { relay, nonce, once } = self;
        for part in [relay.as_bytes(), nonce, once.as_bytes(), whose.as_bytes()] {
            hasher.update(part);
        }
        Some(hasher.finalize().into())
    }
}

fn is(expected: Option<[u8; 32]>, proof: &[u8; 32]) -> bool {
    expected.is_some_and(|expected| bool::from(expected.ct_eq(proof)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_holders_prove_their_keys_and_on_this_link_alone() {
        let (relay, once) = (Identity::new([1; 32]), Identity::new([2; 32]));
        let host = host_key(&Identity::new([3; 32]), relay.public());
        let link = ProofContext { relay: relay.public(), nonce: [4; 32], once: once.public() };
        let by_relay = link.prove_relay(&relay).expect("a good key");
        let by_host = link.prove_host(&host).expect("a good key");
        assert!(
            link.verify_relay(&once, &by_relay)
                && link.verify_host(&relay, host.public(), &by_host)
        );

        let other = Identity::new([9; 32]);
        assert!(!link.verify_relay(&once, &link.prove_relay(&other).expect("a good key")));
        assert!(!link.verify_host(&relay, other.public(), &by_host));
        assert!(!link.verify_host(&relay, host.public(), &by_relay), "neither is the other's");
        for another in [
            ProofContext { nonce: [5; 32], ..link },
            ProofContext { once: other.public(), ..link },
            ProofContext { relay: other.public(), ..link },
        ] {
            assert!(!another.verify_host(&relay, host.public(), &by_host), "{another:?}");
            assert!(!another.verify_relay(&once, &by_relay), "{another:?}");
        }
    }

    #[test]
    fn a_weak_key_proves_nothing() {
        let own = Identity::new([1; 32]);
        let weak = PublicKey::new([0; 32]);
        let link = ProofContext { relay: weak, nonce: [0; 32], once: weak };
        assert_eq!((link.prove_relay(&own), link.prove_host(&own)), (None, None));
        assert!(!link.verify_relay(&own, &[0; 32]) && !link.verify_host(&own, weak, &[0; 32]));
    }

    #[test]
    fn a_host_has_another_key_at_each_relay_and_the_same_at_one() {
        let identity = Identity::new([3; 32]);
        let at = |relay: u8| host_key(&identity, Identity::new([relay; 32]).public()).public();
        assert_eq!(at(1), at(1));
        assert_ne!(at(1), at(2));
        assert_ne!(at(1), identity.public());
    }
}
