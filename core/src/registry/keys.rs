//! Proofs of who the relay and its clients are (section 5.6).

use alloc::format;
use alloc::vec::Vec;

use super::refusal::Refusal;
use super::{Action, ConnId, Registry};
use crate::relay_caps::RelayCaps;
use crate::secure::relay_key::Link;
use crate::secure::{PublicKey, decode_key_and_proof, encode};
use crate::{Quoted, RelayPacket};

/// How far a client is in showing its key.
#[derive(Clone, Copy, Default)]
pub(super) enum Shown {
    #[default]
    Nothing,
    /// The relay has proved its key, and the client's proof is to come.
    Relays(Link),
    /// The client holds this key.
    Both(PublicKey),
    /// The client's proof was wrong, and it has no other try.
    Wrong,
}

impl Shown {
    pub(super) fn proved(self) -> Option<PublicKey> {
        match self {
            Self::Both(key) => Some(key),
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
        match client.shown {
            Shown::Nothing => {
                let once = PublicKey::parse(fields).map_err(|_| malformed("X_KEY base64"))?;
                let relay = identity.public();
                let link = Link { relay, nonce: self.entropy.bytes(), once };
                let Some(proof) = link.prove_relay(identity) else {
                    return Err(malformed("a key that is not weak"));
                };
                client.shown = Shown::Relays(link);
                let answer = format!("{relay} {} {}", encode(&link.nonce), encode(&proof));
                self.write(conn, &RelayPacket::Key(&answer), actions);
                Ok(())
            }
            Shown::Relays(link) => {
                client.shown = Shown::Wrong;
                let (host, proof) =
                    decode_key_and_proof(fields).ok_or_else(|| malformed("X_KEY base64 base64"))?;
                if !link.is_host(identity, host, &proof) {
                    return Err(Refusal::Error("expected the proof of that key".into()));
                }
                client.shown = Shown::Both(host);
                Ok(())
            }
            Shown::Both(_) | Shown::Wrong => {
                Err(Refusal::Error("expected one proof a connection".into()))
            }
        }
    }
}
