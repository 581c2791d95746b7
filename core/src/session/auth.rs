//! The proof of a code within a session (section 12).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::extension_packet::ExtensionPacket;
use super::{Event, Session};
use crate::code::{Code, CodeError, Prover, REFUSAL, Verifier};
use crate::secure::{Entropy, Identity, Keys, PublicKey, Side, own_key};
use crate::{ProtocolError, Quoted};

/// A proof in progress, during which no other packets are allowed.
pub(super) struct Auth {
    role: Role,
    /// True once the first of the peer's two messages was received.
    answered: bool,
}

enum Role {
    Prove(Box<Prover>),
    Verify(Box<Verifier>),
}

impl Auth {
    /// Starts the proof; the caller, which has the code, sends first.
    pub(super) fn start(
        side: Side,
        code: &Code,
        keys: &Keys,
        entropy: &mut Entropy,
        out: &mut Vec<u8>,
    ) -> Self {
        let role = match side {
            Side::Caller => {
                let prover = Prover::new(code, keys, entropy);
                put(prover.start(), out);
                Role::Prove(Box::new(prover))
            }
            Side::Callee => Role::Verify(Box::new(Verifier::new(code, keys, entropy))),
        };
        Self { role, answered: false }
    }

    /// Processes a message. Returns true once both sides have proved the code.
    fn receive(&mut self, message: &str, out: &mut Vec<u8>) -> Result<bool, CodeError> {
        let answered = core::mem::replace(&mut self.answered, true);
        match (&mut self.role, answered) {
            (Role::Prove(prover), false) => put(&prover.answer(message)?, out),
            (Role::Prove(prover), true) => prover.confirm(message)?,
            (Role::Verify(verifier), false) => put(&verifier.answer(message)?, out),
            (Role::Verify(verifier), true) => match verifier.confirm(message) {
                Ok(proof) => put(&proof, out),
                Err(error) => {
                    put(REFUSAL, out);
                    return Err(error);
                }
            },
        }
        Ok(answered)
    }
}

impl Session {
    /// Returns true until both sides have proved the code.
    pub fn is_authenticating(&self) -> bool {
        self.auth.is_some()
    }

    /// Proves to a peer that has proved the code that this side also holds `identity` (section 12.3).
    pub(crate) fn send_own_key(&mut self, identity: &Identity, out: &mut Vec<u8>) {
        if let Some(encryption) = &self.encryption {
            let (hash, other) = encryption.handshake();
            let proof = own_key::prove(identity, other, hash);
            // Ignored: a closed session needs no key.
            let _ =
                self.send_extension(&ExtensionPacket::Key { key: identity.public(), proof }, out);
        }
    }

    /// Verifies that the peer holds `key`; `own` is the identity of this side's handshake.
    pub(crate) fn verify_own_key(&self, key: PublicKey, proof: &[u8; 32], own: &Identity) -> bool {
        let encryption = self.encryption.as_ref();
        encryption
            .is_some_and(|encryption| own_key::verify(own, key, encryption.handshake().0, proof))
    }

    /// Processes a line during the proof of a code.
    pub(super) fn receive_auth(
        &mut self,
        line: &str,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event>, ProtocolError> {
        let Some(auth) = &mut self.auth else { return Ok(None) };
        let Some(message) = line.strip_prefix("X_AUTH ") else {
            let got = Quoted(line).to_box();
            return Err(ProtocolError::Malformed { expected: "X_AUTH base64", got });
        };
        if auth.receive(message, out).map_err(ProtocolError::Code)? {
            self.auth = None;
            return Ok(Some(Event::Authenticated));
        }
        Ok(None)
    }
}

fn put(message: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"X_AUTH ");
    out.extend_from_slice(message.as_bytes());
    out.push(b'\n');
}
