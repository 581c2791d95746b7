//! A control connection that nobody else can read (section 11).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::negotiation::Secured;
use super::{Event, Extensions, Session};
use crate::secure::{Cipher, Keys, Opener, PublicKey, Safety, Sealer, SecureError, Side};
use crate::stream::Seal;
use crate::{LineBuffer, ProtocolError};

const X_SAS: &str = "X_SAS ";

pub(super) struct Privacy {
    keys: Keys,
    sealer: Sealer,
    opener: Opener,
    safety: Safety,
    /// What came was not what the other side sent; nothing is taken after it.
    error: Option<SecureError>,
}

impl Privacy {
    /// Begins; what of it is a proof is the session's.
    pub(super) fn begin(secured: Box<Secured>, out: &mut Vec<u8>) -> Box<Self> {
        let Secured { keys, sealer, opener, safety, proof, .. } = *secured;
        out.extend_from_slice(&proof);
        let mut privacy = Box::new(Self { keys, sealer, opener, safety, error: None });
        privacy.say_safety(out);
        privacy
    }

    /// The handshake hash, and the key that the other side showed.
    pub(super) fn handshake(&self) -> (&[u8; 32], PublicKey) {
        (self.keys.hash(), self.keys.remote_key())
    }

    /// Takes records, split anywhere.
    pub(super) fn receive(&mut self, mut bytes: &[u8], lines: &mut LineBuffer) {
        while self.error.is_none() {
            match self.opener.receive(&mut bytes) {
                Ok(Some(plain)) => lines.receive(plain),
                Ok(None) => return,
                Err(error) => self.error = Some(error),
            }
        }
    }

    /// What is wrong, once all that came before it was taken.
    pub(super) fn error(&self) -> Result<Option<Event>, ProtocolError> {
        self.error.clone().map_or(Ok(None), |error| Err(ProtocolError::Secure(error)))
    }

    /// Whether part of a record came.
    pub(super) fn is_half(&self) -> bool {
        self.opener.is_half()
    }

    /// Takes a line, if it is one of the safety words' (section 11.5).
    pub(super) fn heard(
        &mut self,
        line: &str,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event>, ProtocolError> {
        let Some(message) = line.strip_prefix(X_SAS) else { return Ok(None) };
        self.safety.read(message).map_err(ProtocolError::Secure)?;
        self.say_safety(out);
        let words = self.safety.words().map(|words| alloc::format!("{words}").into());
        Ok(Some(Event::SafetyWords { words }))
    }

    fn say_safety(&mut self, out: &mut Vec<u8>) {
        if let Some(message) = self.safety.write() {
            out.extend_from_slice(X_SAS.as_bytes());
            out.extend_from_slice(message.as_bytes());
            out.push(b'\n');
        }
    }
}

impl Session {
    /// What goes over the connection for bytes that were written to a caller's buffer. Not for those
    /// that were written before [`proceed`](Self::proceed).
    pub fn seal(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let Some(privacy) = &mut self.privacy else { return bytes };
        let mut sealed = Vec::new();
        // It fails after 2⁶⁴ records.
        match privacy.sealer.seal(&bytes, &mut sealed) {
            Ok(()) => sealed,
            Err(_) => Vec::new(),
        }
    }

    /// How the bytes of what was requested are sealed: of the request of this number among those of one
    /// side. `None` in the clear.
    pub fn data_seal(&self, requester: Side, number: u64) -> Option<Seal> {
        let aes = self.extensions.has(Extensions::AES);
        let cipher = if aes { Cipher::Aes256Gcm } else { Cipher::ChaCha20Poly1305 };
        let key = self.privacy.as_ref()?.keys.data(requester, number, cipher);
        Some(Seal::new(key, self.extensions.has(Extensions::VERIFY)))
    }

    /// Which side this is.
    pub fn side(&self) -> Side {
        self.side
    }
}
