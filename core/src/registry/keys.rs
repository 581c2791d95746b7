//! Proofs of who the relay and its clients are (section 5.6).

use alloc::format;
use alloc::vec::Vec;

use super::refusal::Refusal;
use super::{Action, ConnId, Registry};
use crate::relay_caps::RelayCaps;
use crate::secure::relay_key::ProofContext;
use crate::secure::{PublicKey, decode_key_and_proof, encode};
use crate::{Quoted, RelayPacket};

/// How far a client is in showing its key.
#[derive(Clone, Copy, Default)]
pub(super) enum KeyProof {
    #[default]
    None,
    /// The relay has proved its key, and the client's proof is to come.
    RelayProved(ProofContext),
    /// The client holds this key.
    Proved(PublicKey),
    /// The client's proof was wrong, and it has no other try.
    Failed,
}

impl KeyProof {
    pub(super) fn proved(self) -> Option<PublicKey> {
        match self {
            Self::Proved(key) => Some(key),
            _ => None,
        }
    }
}

impl Registry {
    /// Takes one of the client's two X_KEYs. Each costs a multiplication on the curve, so each comes
    /// once.
    pub(super) fn key_shown(
        &mut self,
        conn: ConnId,
        fields: &str,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let (Some(identity), Some(client)) = (&self.identity, self.clients.get_mut(&conn)) else {
            return Err(Refusal::Error("unknown verb".into()));
        };
        if !client.knows(RelayCaps::KEY) {
            return Err(Refusal::Error("expected X_CAPS with the word key first".into()));
        }
        let malformed = |form: &str| {
            let got = Quoted(fields);
            Refusal::Error(format!("expected {form}, got X_KEY {got}"))
        };
        match client.key_proof {
            KeyProof::None => {
                let once = PublicKey::parse(fields).map_err(|_| malformed("X_KEY base64"))?;
                let relay = identity.public();
                let link = ProofContext { relay, nonce: self.entropy.bytes(), once };
                let Some(proof) = link.prove_relay(identity) else {
                    return Err(malformed("a key that is not weak"));
                };
                client.key_proof = KeyProof::RelayProved(link);
                let answer = format!("{relay} {} {}", encode(&link.nonce), encode(&proof));
                self.write(conn, &RelayPacket::Key(&answer), actions);
                Ok(())
            }
            KeyProof::RelayProved(link) => {
                client.key_proof = KeyProof::Failed;
                let (host, proof) =
                    decode_key_and_proof(fields).ok_or_else(|| malformed("X_KEY base64 base64"))?;
                if !link.verify_host(identity, host, &proof) {
                    return Err(Refusal::Error("expected the proof of that key".into()));
                }
                client.key_proof = KeyProof::Proved(host);
                Ok(())
            }
            KeyProof::Proved(_) | KeyProof::Failed => {
                Err(Refusal::Error("expected one proof a connection".into()))
            }
        }
    }
}
