//! How both sides find out what they can do beyond the six packets, and agree on keys (section 9).
//!
//! A side that knows only the six packets sees one question about a file that nobody can have.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Extensions;
use super::auth::Auth;
use crate::code::Code;
use crate::secure::{Entropy, Handshake, Identity, Keys, Opener, PublicKey, Safety, Sealer, Side};
use crate::{Nick, ProtocolError, Quoted};

const PROBE: &str = "X_CHK //xcher/2";
const YES: &str = "X_CHK //xcher/2 YES";
const NO: &str = "X_CHK //xcher/2 NO";

/// What a side brings to a negotiation.
pub struct Terms {
    /// Which side it is.
    pub side: Side,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// For the keys of this session alone.
    pub entropy: Entropy,
    /// The nick that was called, as X_INIT spelled it.
    pub callee_nick: Option<Nick>,
    /// What it can do.
    pub extensions: Extensions,
    /// It speaks in private or not at all.
    pub require_encryption: bool,
    /// Whom it expects, if it knows.
    pub expected_key: Option<PublicKey>,
    /// What both are to prove to know.
    pub code: Option<Code>,
}

/// How a negotiation ended.
pub(super) enum Agreement {
    /// Both know more than the six packets, and share keys: without them no extension is in force.
    Encrypted { extensions: Extensions, secured: Box<Secured> },
    /// The six packets are all.
    Plain,
}

/// What a handshake brought.
pub(super) struct Secured {
    pub(super) keys: Keys,
    pub(super) sealer: Sealer,
    pub(super) opener: Opener,
    pub(super) safety: Safety,
    pub(super) auth: Option<Auth>,
    /// What is said first, in private, to prove the code.
    pub(super) proof: Vec<u8>,
}

/// What a line did.
pub(super) enum Heard {
    Agreed(Agreement),
    /// The six packets are all, and this is one of them.
    NotTaken,
}

pub(super) struct Negotiation {
    terms: Terms,
    stage: Stage,
    /// The lines that the handshake vouches for.
    prologue: Vec<u8>,
}

enum Stage {
    /// The caller asked, and waits for YES or NO.
    Probing,
    /// The called side waits for the probe.
    Waiting,
    /// YES was said; X_CAPS is to come.
    Naming,
    Securing {
        handshake: Handshake,
        extensions: Extensions,
    },
}

impl Negotiation {
    /// Begins; the caller asks.
    pub(super) fn new(terms: Terms, out: &mut Vec<u8>) -> Self {
        let stage = match terms.side {
            Side::Caller => {
                put(out, PROBE);
                Stage::Probing
            }
            Side::Callee => Stage::Waiting,
        };
        let mut prologue = Vec::new();
        prologue.extend_from_slice(b"X_INIT ");
        put(&mut prologue, terms.callee_nick.as_ref().map_or("", Nick::as_str));
        put(&mut prologue, PROBE);
        put(&mut prologue, YES);
        Self { terms, stage, prologue }
    }

    /// Takes a line; says how it ended, if it did.
    pub(super) fn heard(
        &mut self,
        line: &str,
        out: &mut Vec<u8>,
    ) -> Result<Option<Heard>, ProtocolError> {
        match &mut self.stage {
            Stage::Probing => match line {
                YES => self.stage = Stage::Naming,
                NO => {
                    self.give_up()?;
                    return Ok(Some(Heard::Agreed(Agreement::Plain)));
                }
                _ => return self.not_taken(),
            },
            Stage::Waiting => match line {
                PROBE => {
                    put(out, YES);
                    self.name(out);
                    self.stage = Stage::Naming;
                }
                _ => return self.not_taken(),
            },
            Stage::Naming => {
                let Some(words) = line.strip_prefix("X_CAPS ") else {
                    return match self.terms.side {
                        // No peer of the six packets says YES.
                        Side::Caller => Err(ProtocolError::EncryptionNotOffered),
                        // A caller may have given up waiting for the YES.
                        Side::Callee => self.not_taken(),
                    };
                };
                let theirs = Extensions::parse(words)
                    .ok_or_else(|| malformed("X_CAPS word word …", line))?;
                let extensions = self.terms.extensions.agreed(theirs);
                // The called side's line comes first, in the prologue too.
                put(&mut self.prologue, line);
                if self.terms.side == Side::Caller {
                    self.name(out);
                }
                return self.named(extensions, out);
            }
            Stage::Securing { handshake, .. } => {
                let message = line
                    .strip_prefix("X_SECURE ")
                    .ok_or_else(|| malformed("X_SECURE base64", line))?;
                handshake.read(message).map_err(ProtocolError::Secure)?;
                return self.secure(out);
            }
        }
        Ok(None)
    }

    /// The six packets are all.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Unencrypted`] where that will not do.
    pub(super) fn give_up(&self) -> Result<(), ProtocolError> {
        let Terms { require_encryption, expected_key, code, .. } = &self.terms;
        match *require_encryption || expected_key.is_some() || code.is_some() {
            true => Err(ProtocolError::Unencrypted),
            false => Ok(()),
        }
    }

    /// Whether nothing was agreed on yet, so that it may still be given up.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Probing | Stage::Waiting)
    }

    fn not_taken(&self) -> Result<Option<Heard>, ProtocolError> {
        self.give_up()?;
        Ok(Some(Heard::NotTaken))
    }

    /// Says what this side can do.
    fn name(&mut self, out: &mut Vec<u8>) {
        let begins = out.len();
        self.terms.extensions.encode(out);
        self.prologue.extend_from_slice(&out[begins..]);
    }

    fn named(
        &mut self,
        extensions: Extensions,
        out: &mut Vec<u8>,
    ) -> Result<Option<Heard>, ProtocolError> {
        if !extensions.has(Extensions::SECURE) {
            return Err(ProtocolError::EncryptionNotOffered);
        }
        let Terms { side, identity, entropy, .. } = &mut self.terms;
        let handshake = Handshake::new(*side, identity, &self.prologue, entropy);
        self.stage = Stage::Securing { handshake, extensions };
        match self.terms.side {
            Side::Caller => self.secure(out),
            Side::Callee => Ok(None),
        }
    }

    /// Says the next message of the handshake, where it is this side's turn.
    fn secure(&mut self, out: &mut Vec<u8>) -> Result<Option<Heard>, ProtocolError> {
        let Stage::Securing { handshake, extensions } = &mut self.stage else { return Ok(None) };
        // Before anything more is said to whom it may concern.
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
        let Stage::Securing { handshake, .. } = core::mem::replace(&mut self.stage, Stage::Naming)
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
        let auth = code.as_ref().map(|code| Auth::begin(*side, code, &keys, entropy, &mut proof));
        let secured = Box::new(Secured { keys, sealer, opener, safety, auth, proof });
        Ok(Some(Heard::Agreed(Agreement::Encrypted { extensions, secured })))
    }
}

/// A line that answers the probe after it was given up.
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
