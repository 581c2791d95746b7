//! Both sides prove that they were told the same code (section 12).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::extension_packet::ExtensionPacket;
use super::{Event, Session};
use crate::code::{Code, CodeError, Prover, REFUSAL, Verifier};
use crate::secure::{Entropy, Identity, Keys, PublicKey, Side, own_key};
use crate::{ProtocolError, Quoted};

/// A proof under way; nothing else is said meanwhile.
pub(super) struct Auth {
    role: Role,
    /// The first of the other side's two lines came.
    answered: bool,
}

enum Role {
    Prove(Box<Prover>),
    Verify(Box<Verifier>),
}

impl Auth {
    /// Begins; whoever was told the code speaks first.
    pub(super) fn begin(
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

    /// Takes a message. True once both have proved it.
    fn heard(&mut self, message: &str, out: &mut Vec<u8>) -> Result<bool, CodeError> {
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
    /// Whether a code is still to be proved.
    pub fn is_authenticating(&self) -> bool {
        self.auth.is_some()
    }

    /// Shows who has proved the code that this side also holds `identity`.
    pub(crate) fn send_own_key(&mut self, identity: &Identity, out: &mut Vec<u8>) {
        if let Some(privacy) = &self.privacy {
            let (hash, other) = privacy.handshake();
            let proof = own_key::prove(identity, other, hash);
            // A session that is over needs no more keys.
            let _ =
                self.send_extension(&ExtensionPacket::Key { key: identity.public(), proof }, out);
        }
    }

    /// Whether the other side holds `key`, as it says; `shown` is what this side showed it.
    pub(crate) fn verify_own_key(
        &self,
        key: PublicKey,
        proof: &[u8; 32],
        shown: &Identity,
    ) -> bool {
        let privacy = self.privacy.as_ref();
        privacy.is_some_and(|privacy| own_key::verify(shown, key, privacy.handshake().0, proof))
    }

    /// Takes a line while a code is being proved.
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
        if auth.heard(message, out).map_err(ProtocolError::Code)? {
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
