//! Proves that a relay holds its key, and a host its key at this relay (section 5.6).

use subtle::ConstantTimeEq as _;

use super::{Identity, PublicKey, decode};

/// A question that only the holder of a relay's key can answer, once (section 5.6).
#[derive(Debug)]
pub struct RelayKeyChallenge(Identity);

impl RelayKeyChallenge {
    /// Creates one. `seed` must come from a source fit for keys.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(Identity::new(seed))
    }

    /// Returns the field of the X_KEY that asks it.
    pub fn key(&self) -> PublicKey {
        self.0.public()
    }

    /// Returns the relay's key if the fields of its X_KEY prove it.
    pub fn verify(self, fields: &str) -> Option<PublicKey> {
        let (context, proof) = ProofContext::parse(fields, self.key())?;
        context.verify_relay(&self.0, &proof).then_some(context.relay)
    }
}

/// The context that binds both proofs to one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProofContext {
    /// The relay's key.
    pub(crate) relay: PublicKey,
    /// The nonce that the relay drew for this connection.
    pub(crate) nonce: [u8; 32],
    /// The host's one-time key for this connection.
    pub(crate) once: PublicKey,
}

/// Derives a host's key at one relay, which two relays cannot link to each other.
pub(crate) fn host_key(identity: &Identity, relay: PublicKey) -> Identity {
    let mut hasher = blake3::Hasher::new_derive_key("xcher 2 key at relay");
    hasher.update(identity.secret()).update(relay.as_bytes());
    Identity::new(hasher.finalize().into())
}

impl Identity {
    /// Returns the key by which the relay with this key knows a host with this identity (section 5.6).
    pub fn key_at_relay(&self, relay: PublicKey) -> PublicKey {
        host_key(self, relay).public()
    }
}

impl ProofContext {
    /// Parses the fields of the relay's X_KEY. Returns the proof, too.
    pub(crate) fn parse(fields: &str, once: PublicKey) -> Option<(Self, [u8; 32])> {
        let mut fields = fields.split(' ');
        let (Some(relay), Some(number), Some(shown), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return None;
        };
        let (mut nonce, mut proof) = ([0; 32], [0; 32]);
        decode(number, &mut nonce).and_then(|()| decode(shown, &mut proof)).ok()?;
        Some((Self { relay: PublicKey::parse(relay).ok()?, nonce, once }, proof))
    }

    /// Creates the relay's proof; `None` if the host's key is weak.
    #[cfg(feature = "relay")]
    pub(crate) fn prove_relay(&self, relay: &Identity) -> Option<[u8; 32]> {
        self.proof("xcher 2 relay", relay, self.once, self.relay)
    }

    /// Verifies the relay's proof with the host's one-time key.
    pub(crate) fn verify_relay(&self, once: &Identity, proof: &[u8; 32]) -> bool {
        equals(self.proof("xcher 2 relay", once, self.relay, self.relay), proof)
    }

    /// Creates the host's proof with its key at this relay; `None` if the relay's key is weak.
    pub(crate) fn prove_host(&self, host: &Identity) -> Option<[u8; 32]> {
        self.proof("xcher 2 host at relay", host, self.relay, host.public())
    }

    /// Verifies the host's proof with the relay's key.
    #[cfg(feature = "relay")]
    pub(crate) fn verify_host(&self, relay: &Identity, host: PublicKey, proof: &[u8; 32]) -> bool {
        equals(self.proof("xcher 2 host at relay", relay, host, host), proof)
    }

    /// Computes a proof, which needs one of the two secret keys.
    fn proof(
        &self,
        context: &str,
        own: &Identity,
        other: PublicKey,
        proved: PublicKey,
    ) -> Option<[u8; 32]> {
        let key = blake3::derive_key(context, &*own.agree(other)?);
        let mut hasher = blake3::Hasher::new_keyed(&key);
        let Self { relay, nonce, once } = self;
        for part in [relay.as_bytes(), nonce, once.as_bytes(), proved.as_bytes()] {
            hasher.update(part);
        }
        Some(hasher.finalize().into())
    }
}

fn equals(expected: Option<[u8; 32]>, proof: &[u8; 32]) -> bool {
    expected.is_some_and(|expected| bool::from(expected.ct_eq(proof)))
}

#[cfg(test)]
mod tests {
    use super::super::encode;
    use super::*;

    #[test]
    fn proofs_verify_for_their_keys_and_connection_only() {
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
        assert!(
            !link.verify_host(&relay, host.public(), &by_relay),
            "a relay's proof is not a host's"
        );
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
    fn challenge_is_answered_by_the_holder_of_the_key_alone() {
        let relay = Identity::new([1; 32]);
        let answer = |challenge: &RelayKeyChallenge, by: &Identity, shown: PublicKey| {
            let context = ProofContext { relay: shown, nonce: [4; 32], once: challenge.key() };
            let proof = context.prove_relay(by).expect("a good key");
            alloc::format!("{shown} {} {}", encode(&context.nonce), encode(&proof))
        };
        let challenge = RelayKeyChallenge::new([2; 32]);
        let honest = answer(&challenge, &relay, relay.public());
        assert_eq!(challenge.verify(&honest), Some(relay.public()));
        let challenge = RelayKeyChallenge::new([2; 32]);
        let forged = answer(&challenge, &Identity::new([3; 32]), relay.public());
        assert_eq!(challenge.verify(&forged), None);
        for other in ["", &honest[..honest.len() - 1], &alloc::format!("{honest} x")] {
            assert_eq!(RelayKeyChallenge::new([2; 32]).verify(other), None);
        }
        // An answer to another question.
        assert_eq!(RelayKeyChallenge::new([5; 32]).verify(&honest), None);
    }

    #[test]
    fn a_weak_key_yields_no_proof() {
        let own = Identity::new([1; 32]);
        let weak = PublicKey::new([0; 32]);
        let link = ProofContext { relay: weak, nonce: [0; 32], once: weak };
        assert_eq!((link.prove_relay(&own), link.prove_host(&own)), (None, None));
        assert!(!link.verify_relay(&own, &[0; 32]) && !link.verify_host(&own, weak, &[0; 32]));
    }

    #[test]
    fn a_host_has_one_stable_key_per_relay() {
        let identity = Identity::new([3; 32]);
        let at = |relay: u8| host_key(&identity, Identity::new([relay; 32]).public()).public();
        assert_eq!(at(1), at(1));
        assert_ne!(at(1), at(2));
        assert_ne!(at(1), identity.public());
    }
}
