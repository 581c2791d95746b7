//! The encrypted state of a session (section 11).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::negotiation::Secured;
use super::{Event, Extensions, Session};
use crate::secure::{Cipher, Keys, Opener, PublicKey, Safety, Sealer, SecureError, Side};
use crate::stream::Seal;
use crate::{LineBuffer, ProtocolError};

const X_SAS: &str = "X_SAS ";

pub(super) struct Encryption {
    keys: Keys,
    sealer: Sealer,
    opener: Opener,
    safety: Safety,
    /// The first error of a record. Nothing is accepted after it.
    error: Option<SecureError>,
}

impl Encryption {
    /// Starts encryption; the session keeps the proof of the code.
    pub(super) fn start(secured: Box<Secured>, out: &mut Vec<u8>) -> Box<Self> {
        let Secured { keys, sealer, opener, safety, proof, .. } = *secured;
        out.extend_from_slice(&proof);
        let mut encryption = Box::new(Self { keys, sealer, opener, safety, error: None });
        encryption.send_sas(out);
        encryption
    }

    /// Returns the handshake hash and the peer's key.
    pub(super) fn handshake(&self) -> (&[u8; 32], PublicKey) {
        (self.keys.hash(), self.keys.remote_key())
    }

    /// Adds records, split anywhere, and appends their text to `lines`.
    pub(super) fn receive(&mut self, mut bytes: &[u8], lines: &mut LineBuffer) {
        while self.error.is_none() {
            match self.opener.receive(&mut bytes) {
                Ok(Some(plain)) => lines.receive(plain),
                Ok(None) => return,
                Err(error) => self.error = Some(error),
            }
        }
    }

    /// Returns the error of a record, once all lines before it were taken.
    pub(super) fn error(&self) -> Result<Option<Event>, ProtocolError> {
        self.error.clone().map_or(Ok(None), |error| Err(ProtocolError::Secure(error)))
    }

    /// Returns true if a record is incomplete.
    pub(super) fn is_half(&self) -> bool {
        self.opener.is_half()
    }

    /// Processes a line, if it is an X_SAS (section 11.5).
    pub(super) fn receive_line(
        &mut self,
        line: &str,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event>, ProtocolError> {
        let Some(message) = line.strip_prefix(X_SAS) else { return Ok(None) };
        self.safety.read(message).map_err(ProtocolError::Secure)?;
        self.send_sas(out);
        let words = self.safety.words().map(|words| alloc::format!("{words}").into());
        Ok(Some(Event::SafetyWords { words }))
    }

    fn send_sas(&mut self, out: &mut Vec<u8>) {
        if let Some(message) = self.safety.write() {
            out.extend_from_slice(X_SAS.as_bytes());
            out.extend_from_slice(message.as_bytes());
            out.push(b'\n');
        }
    }
}

impl Session {
    /// Encrypts bytes that this session appended to the caller's buffer, if the session is encrypted. Do not
    /// pass bytes appended before [`proceed`](Self::proceed).
    pub fn seal(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let Some(encryption) = &mut self.encryption else { return bytes };
        let mut sealed = Vec::new();
        // Fails only after 2⁶⁴ records.
        match encryption.sealer.seal(&bytes, &mut sealed) {
            Ok(()) => sealed,
            Err(_) => Vec::new(),
        }
    }

    /// Returns the seal for the data connection of request `number` of one side; `None` if the session is
    /// unencrypted.
    pub fn data_seal(&self, requester: Side, number: u64) -> Option<Seal> {
        let aes = self.extensions.has(Extensions::AES);
        let cipher = if aes { Cipher::Aes256Gcm } else { Cipher::ChaCha20Poly1305 };
        let key = self.encryption.as_ref()?.keys.data(requester, number, cipher);
        Some(Seal::new(key, self.extensions.has(Extensions::VERIFY)))
    }

    /// Returns this side.
    pub fn side(&self) -> Side {
        self.side
    }
}
