//! Negotiates the extensions and the keys of a session (section 9).
//!
//! A base-protocol peer sees only one question, about a file that cannot exist.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Extensions;
use super::auth::Auth;
use crate::code::Code;
use crate::secure::{Entropy, Handshake, Identity, Keys, Opener, PublicKey, Safety, Sealer, Side};
use crate::{Device, Nick, ProtocolError, Quoted};

const PROBE: &str = "X_CHK //xcher/2";
const YES: &str = "X_CHK //xcher/2 YES";
const NO: &str = "X_CHK //xcher/2 NO";

/// One side's terms of a negotiation.
pub struct Terms {
    /// The side.
    pub side: Side,
    /// The identity to prove.
    pub identity: Arc<Identity>,
    /// Randomness for the keys of this session.
    pub entropy: Entropy,
    /// The callee's nick, as X_INIT spelled it.
    pub callee_nick: Option<Nick>,
    /// The extensions to offer.
    pub extensions: Extensions,
    /// The device to name, if any.
    pub device: Option<Device>,
    /// True to reject an unencrypted session. Implied by `expected_key` and `code`.
    pub require_encryption: bool,
    /// The key that the peer must prove, if it is pinned.
    pub expected_key: Option<PublicKey>,
    /// The code that both sides must prove.
    pub code: Option<Code>,
}

/// The result of a negotiation.
pub(super) enum Agreement {
    /// Both sides support extensions and share keys. Without keys no extension is in force.
    Encrypted { extensions: Extensions, secured: Box<Secured> },
    /// The base protocol, unencrypted.
    Plain,
}

/// The results of a handshake.
pub(super) struct Secured {
    /// The device that the peer names.
    pub(super) device: Option<Device>,
    pub(super) keys: Keys,
    pub(super) sealer: Sealer,
    pub(super) opener: Opener,
    pub(super) safety: Safety,
    pub(super) auth: Option<Auth>,
    /// The first message of the code's proof, sent encrypted.
    pub(super) proof: Vec<u8>,
}

/// The effect of a line.
pub(super) enum Outcome {
    Agreed(Agreement),
    /// The peer uses the base protocol, and the line is one of its packets.
    NotNegotiation,
}

pub(super) struct Negotiation {
    terms: Terms,
    stage: Stage,
    /// The device that the peer's X_CAPS names.
    peer_device: Option<Device>,
    /// The lines that the handshake authenticates.
    prologue: Vec<u8>,
}

enum Stage {
    /// The caller has sent the probe and awaits YES or NO.
    AwaitingAnswer,
    /// The callee awaits the probe.
    AwaitingProbe,
    /// The probe was answered with YES; X_CAPS follows.
    ExchangingCaps,
    Handshaking {
        handshake: Handshake,
        extensions: Extensions,
    },
}

impl Negotiation {
    /// Starts the negotiation; the caller sends the probe.
    pub(super) fn new(terms: Terms, out: &mut Vec<u8>) -> Self {
        let stage = match terms.side {
            Side::Caller => {
                put(out, PROBE);
                Stage::AwaitingAnswer
            }
            Side::Callee => Stage::AwaitingProbe,
        };
        let mut prologue = Vec::new();
        prologue.extend_from_slice(b"X_INIT ");
        put(&mut prologue, terms.callee_nick.as_ref().map_or("", Nick::as_str));
        put(&mut prologue, PROBE);
        put(&mut prologue, YES);
        Self { terms, stage, peer_device: None, prologue }
    }

    /// Processes a line; returns the outcome once the negotiation has ended.
    pub(super) fn receive(
        &mut self,
        line: &str,
        out: &mut Vec<u8>,
    ) -> Result<Option<Outcome>, ProtocolError> {
        match &mut self.stage {
            Stage::AwaitingAnswer => match line {
                YES => self.stage = Stage::ExchangingCaps,
                NO => {
                    self.abandon()?;
                    return Ok(Some(Outcome::Agreed(Agreement::Plain)));
                }
                _ => return self.not_negotiation(),
            },
            Stage::AwaitingProbe => match line {
                PROBE => {
                    put(out, YES);
                    self.send_caps(out);
                    self.stage = Stage::ExchangingCaps;
                }
                _ => return self.not_negotiation(),
            },
            Stage::ExchangingCaps => {
                // No base-protocol peer sends the probe or answers YES.
                let words =
                    line.strip_prefix("X_CAPS ").ok_or(ProtocolError::EncryptionNotOffered)?;
                let (offered, device) = Extensions::parse(words)
                    .ok_or_else(|| malformed("X_CAPS word word …", line))?;
                let extensions = self.terms.extensions.agreed(offered);
                self.peer_device = device;
                // The callee's line comes first, in the prologue too.
                put(&mut self.prologue, line);
                if self.terms.side == Side::Caller {
                    self.send_caps(out);
                }
                return self.agree(extensions, out);
            }
            Stage::Handshaking { handshake, .. } => {
                let message = line
                    .strip_prefix("X_SECURE ")
                    .ok_or_else(|| malformed("X_SECURE base64", line))?;
                handshake.read(message).map_err(ProtocolError::Secure)?;
                return self.handshake(out);
            }
        }
        Ok(None)
    }

    /// Falls back to the base protocol.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Unencrypted`] if the terms require encryption.
    pub(super) fn abandon(&self) -> Result<(), ProtocolError> {
        let Terms { require_encryption, expected_key, code, .. } = &self.terms;
        match *require_encryption || expected_key.is_some() || code.is_some() {
            true => Err(ProtocolError::Unencrypted),
            false => Ok(()),
        }
    }

    /// Returns true if nothing was agreed yet, so that the negotiation may be abandoned.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::AwaitingAnswer | Stage::AwaitingProbe)
    }

    fn not_negotiation(&self) -> Result<Option<Outcome>, ProtocolError> {
        self.abandon()?;
        Ok(Some(Outcome::NotNegotiation))
    }

    /// Sends this side's X_CAPS.
    fn send_caps(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        self.terms.extensions.encode(self.terms.device, out);
        self.prologue.extend_from_slice(&out[start..]);
    }

    fn agree(
        &mut self,
        extensions: Extensions,
        out: &mut Vec<u8>,
    ) -> Result<Option<Outcome>, ProtocolError> {
        if !extensions.has(Extensions::SECURE) {
            return Err(ProtocolError::EncryptionNotOffered);
        }
        let Terms { side, identity, entropy, .. } = &mut self.terms;
        let handshake = Handshake::new(*side, identity, &self.prologue, entropy);
        self.stage = Stage::Handshaking { handshake, extensions };
        match self.terms.side {
            Side::Caller => self.handshake(out),
            Side::Callee => Ok(None),
        }
    }

    /// Sends the next message of the handshake, if it is this side's turn.
    fn handshake(&mut self, out: &mut Vec<u8>) -> Result<Option<Outcome>, ProtocolError> {
        let Stage::Handshaking { handshake, extensions } = &mut self.stage else { return Ok(None) };
        // Checked before sending anything more to an unexpected peer.
        if let (Some(expected), Some(got)) = (self.terms.expected_key, handshake.remote_key())
            && expected != got
        {
            return Err(ProtocolError::KeyChanged { expected, got });
        }
        if !handshake.is_finished() {
            let message = handshake.write().map_err(ProtocolError::Secure)?;
            out.extend_from_slice(b"X_SECURE ");
            put(out, &message);
        }
        if !handshake.is_finished() {
            return Ok(None);
        }
        let extensions = *extensions;
        let Stage::Handshaking { handshake, .. } =
            core::mem::replace(&mut self.stage, Stage::ExchangingCaps)
        else {
            return Ok(None);
        };
        let (keys, sealer, opener) = handshake.finish().map_err(ProtocolError::Secure)?;
        let Terms { side, entropy, code, .. } = &mut self.terms;
        if code.is_some() && !extensions.has(Extensions::CODE) {
            return Err(ProtocolError::NoCode);
        }
        let safety = Safety::new(&keys, entropy);
        let mut proof = Vec::new();
        let auth = code.as_ref().map(|code| Auth::start(*side, code, &keys, entropy, &mut proof));
        let device = self.peer_device;
        let secured = Box::new(Secured { device, keys, sealer, opener, safety, auth, proof });
        Ok(Some(Outcome::Agreed(Agreement::Encrypted { extensions, secured })))
    }
}

/// Returns true if a line is an answer to an abandoned probe.
pub(super) fn is_late(line: &str) -> bool {
    line == YES || line == NO
}

fn put(out: &mut Vec<u8>, line: &str) {
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
}

fn malformed(expected: &'static str, line: &str) -> ProtocolError {
    ProtocolError::Malformed { expected, got: Quoted(line).to_box() }
}
