//! Proofs of the keys of the relay and its clients (section 5.6).

use alloc::format;
use alloc::vec::Vec;

use super::outcome::record;
use super::refusal::Refusal;
use super::{Action, ConnId, Outcome, Registry, Rule};
use crate::relay_caps::RelayCaps;
use crate::secure::relay_key::ProofContext;
use crate::secure::{PublicKey, decode_key_and_proof, encode};
use crate::{Quoted, RelayPacket};

/// The progress of the proofs on a connection.
#[derive(Clone, Copy, Default)]
pub(super) enum KeyProof {
    #[default]
    None,
    /// The relay has proved its key and awaits the client's proof.
    RelayProved(ProofContext),
    /// The client has proved this key.
    Proved(PublicKey),
    /// The client's proof was wrong. It has no second attempt.
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
    /// Processes one of the client's two X_KEYs. Each is accepted once, because it costs a multiplication
    /// on the curve.
    pub(super) fn receive_key(
        &mut self,
        conn: ConnId,
        fields: &str,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let (Some(identity), Some(client)) = (&self.identity, self.clients.get_mut(&conn)) else {
            return Err(Refusal::Error(Rule::UnknownVerb, "unknown verb".into()));
        };
        if !client.supports(RelayCaps::KEY) {
            let reason = "X_CAPS with the word key must come first";
            return Err(Refusal::Error(Rule::CapsFirst, reason.into()));
        }
        let malformed = |form: &str| {
            let got = Quoted(fields);
            Refusal::Error(Rule::Syntax, format!("expected {form}, got X_KEY {got}"))
        };
        match client.key_proof {
            KeyProof::None => {
                let once = PublicKey::parse(fields).map_err(|_| malformed("X_KEY base64"))?;
                let relay = identity.public();
                let context = ProofContext { relay, nonce: self.entropy.bytes(), once };
                let Some(proof) = context.prove_relay(identity) else {
                    return Err(malformed("a key that is not weak"));
                };
                client.key_proof = KeyProof::RelayProved(context);
                let answer = format!("{relay} {} {}", encode(&context.nonce), encode(&proof));
                self.write(conn, &RelayPacket::Key(&answer), actions);
                Ok(())
            }
            KeyProof::RelayProved(context) => {
                client.key_proof = KeyProof::Failed;
                let (host, proof) =
                    decode_key_and_proof(fields).ok_or_else(|| malformed("X_KEY base64 base64"))?;
                if !context.verify_host(identity, host, &proof) {
                    let reason = "the proof does not match the key";
                    return Err(Refusal::Error(Rule::KeyProof, reason.into()));
                }
                client.key_proof = KeyProof::Proved(host);
                self.check_key(host)?;
                record(conn, Outcome::Proved, actions);
                Ok(())
            }
            KeyProof::Proved(_) | KeyProof::Failed => {
                let reason = "only one proof is allowed per connection";
                Err(Refusal::Error(Rule::NotDue, reason.into()))
            }
        }
    }
}
