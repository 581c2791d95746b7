//! The proof of a code: two hosts prove to each other that they know the same words, and reveal them to no
//! third party (section 12.2).

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use rand_core::{CryptoRng, RngCore};
use spake2::{Ed25519Group, Identity, Password, Spake2};

use super::Code;
use crate::Quoted;
use crate::secure::{Entropy, Keys, SecureError, Side, decode, encode};

/// B's answer, in place of base64, to a proof of other words.
pub const REFUSAL: &str = "NO";

/// A, the side that enters the code. Sends the first and third message.
#[derive(Debug)]
pub struct Prover {
    exchange: Exchange,
    first: String,
}

impl Prover {
    /// Creates the side in the session of `keys`, to which the proof is bound: it is invalid in any other.
    pub fn new(code: &Code, keys: &Keys, entropy: &mut Entropy) -> Self {
        let (exchange, first) = Exchange::new(Side::Caller, code, keys, entropy);
        Self { exchange, first }
    }

    /// Returns the first message, in base64.
    pub fn start(&self) -> &str {
        &self.first
    }

    /// Reads B's first answer and returns the proof, in base64.
    ///
    /// # Errors
    ///
    /// [`CodeError::Malformed`], or [`CodeError::OutOfTurn`] for a second call. Both end the exchange.
    pub fn answer(&mut self, text: &str) -> Result<String, CodeError> {
        let proofs = self.exchange.agree(text)?;
        Ok(encode(proofs.own.as_bytes()))
    }

    /// Reads B's second answer. `Ok` proves that B knows the words too.
    ///
    /// # Errors
    ///
    /// [`CodeError::Wrong`] for a proof of other words or a [`REFUSAL`]; [`CodeError::Malformed`];
    /// [`CodeError::OutOfTurn`].
    pub fn confirm(&mut self, text: &str) -> Result<(), CodeError> {
        self.exchange.confirm(text).map(drop)
    }
}

/// B, the side that created the code. Sends the second and fourth message.
///
/// Does not limit attempts: the caller counts [`CodeError::Wrong`] up to [`MAX_TRIES`](super::MAX_TRIES).
#[derive(Debug)]
pub struct Verifier {
    exchange: Exchange,
    first: String,
}

impl Verifier {
    /// Creates the side in the session of `keys`.
    pub fn new(code: &Code, keys: &Keys, entropy: &mut Entropy) -> Self {
        let (exchange, first) = Exchange::new(Side::Callee, code, keys, entropy);
        Self { exchange, first }
    }

    /// Reads A's first message and returns the answer, in base64.
    ///
    /// # Errors
    ///
    /// [`CodeError::Malformed`], or [`CodeError::OutOfTurn`] for a second call. Both end the exchange.
    pub fn answer(&mut self, text: &str) -> Result<String, CodeError> {
        self.exchange.agree(text)?;
        Ok(core::mem::take(&mut self.first))
    }

    /// Reads A's proof and returns B's own, in base64. `Ok` proves that A knows the words.
    ///
    /// # Errors
    ///
    /// [`CodeError::Wrong`], which the caller must answer with [`REFUSAL`] and count;
    /// [`CodeError::Malformed`]; [`CodeError::OutOfTurn`].
    pub fn confirm(&mut self, text: &str) -> Result<String, CodeError> {
        let proofs = self.exchange.confirm(text)?;
        Ok(encode(proofs.own.as_bytes()))
    }
}

/// The reason why the proof of a code failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeError {
    /// The peer knows other words: a typing error or a guess.
    Wrong,
    /// A field is not a message of this exchange.
    Malformed {
        /// The field, escaped and truncated.
        got: Box<str>,
    },
    /// A message is out of turn or follows the end of the exchange.
    OutOfTurn,
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong => f.write_str("wrong code"),
            Self::Malformed { got } => write!(f, "expected X_AUTH base64, got {got}"),
            Self::OutOfTurn => f.write_str("message out of turn"),
        }
    }
}

impl core::error::Error for CodeError {}

/// The part common to both sides.
#[derive(Debug)]
struct Exchange {
    side: Side,
    hash: [u8; 32],
    state: State,
}

#[derive(Debug)]
enum State {
    Started(Box<Spake2<Ed25519Group>>),
    Agreed(Proofs),
    Over,
}

/// The message by which each side proves to have the key. Compared in constant time, as `blake3::Hash` is.
#[derive(Clone, Copy, Debug)]
struct Proofs {
    own: blake3::Hash,
    peer: blake3::Hash,
}

impl Exchange {
    fn new(side: Side, code: &Code, keys: &Keys, entropy: &mut Entropy) -> (Self, String) {
        let password = Password::new(code.secret());
        let identity = |name: &[u8]| Identity::new(&[name, keys.hash()].concat());
        let (a, b) = (identity(b"xcher 2 code A"), identity(b"xcher 2 code B"));
        let start = match side {
            Side::Caller => Spake2::start_a_with_rng,
            Side::Callee => Spake2::start_b_with_rng,
        };
        let (state, first) = start(&password, &a, &b, Rng(entropy));
        let state = State::Started(Box::new(state));
        (Self { side, hash: *keys.hash(), state }, encode(&first))
    }

    fn agree(&mut self, text: &str) -> Result<Proofs, CodeError> {
        let State::Started(state) = core::mem::replace(&mut self.state, State::Over) else {
            return Err(CodeError::OutOfTurn);
        };
        // A letter for the side and a point.
        let mut message = [0; 33];
        decode(text, &mut message)?;
        let key = state.finish(&message);
        let key = key.map_err(|_| CodeError::Malformed { got: Quoted(text).to_box() })?;
        let key = blake3::derive_key("xcher 2 code confirm", &key);
        let proof = |side: Side| {
            let mut hasher = blake3::Hasher::new_keyed(&key);
            hasher.update(&[side.letter()]).update(&self.hash).finalize()
        };
        let proofs = Proofs { own: proof(self.side), peer: proof(self.side.other()) };
        self.state = State::Agreed(proofs);
        Ok(proofs)
    }

    fn confirm(&mut self, text: &str) -> Result<Proofs, CodeError> {
        let State::Agreed(proofs) = core::mem::replace(&mut self.state, State::Over) else {
            return Err(CodeError::OutOfTurn);
        };
        if text == REFUSAL && self.side == Side::Caller {
            return Err(CodeError::Wrong);
        }
        let mut proof = [0; 32];
        decode(text, &mut proof)?;
        if proofs.peer == proof { Ok(proofs) } else { Err(CodeError::Wrong) }
    }
}

impl From<SecureError> for CodeError {
    fn from(error: SecureError) -> Self {
        match error {
            SecureError::Malformed { got, .. } => Self::Malformed { got },
            _ => Self::OutOfTurn,
        }
    }
}

/// Adapts the host's entropy to `spake2`.
struct Rng<'a>(&'a mut Entropy);

impl CryptoRng for Rng<'_> {}

impl RngCore for Rng<'_> {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.0.bytes())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.0.bytes())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
