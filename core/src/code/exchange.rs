//! Two hosts that were told the same words prove it to each other, and tell nobody else (section
//! 12.2).

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use rand_core::{CryptoRng, RngCore};
use spake2::{Ed25519Group, Identity, Password, Spake2};

use super::Code;
use crate::Quoted;
use crate::secure::{Entropy, Keys, SecureError, Side, decode, encode};

/// What B says, in place of base64, to whoever proved to know other words.
pub const REFUSAL: &str = "NO";

/// A: who was told the code. Its lines come first and third.
#[derive(Debug)]
pub struct Prover {
    exchange: Exchange,
    first: String,
}

impl Prover {
    /// Over the session of `keys`, to which the proof is bound: it is worth nothing in another one.
    pub fn new(code: &Code, keys: &Keys, entropy: &mut Entropy) -> Self {
        let (exchange, first) = Exchange::new(Side::Caller, code, keys, entropy);
        Self { exchange, first }
    }

    /// The first line, in base64.
    pub fn start(&self) -> &str {
        &self.first
    }

    /// Takes B's first answer; gives the proof, in base64.
    ///
    /// # Errors
    ///
    /// [`CodeError::Malformed`]; [`CodeError::OutOfTurn`] the second time. It is over then.
    pub fn answer(&mut self, text: &str) -> Result<String, CodeError> {
        let theirs = self.exchange.agree(text)?;
        Ok(encode(theirs.mine.as_bytes()))
    }

    /// Takes B's second answer. `Ok` says that B knows the words too.
    ///
    /// # Errors
    ///
    /// [`CodeError::Wrong`] for a proof of other words, or [`REFUSAL`]; else
    /// [`CodeError::Malformed`] or [`CodeError::OutOfTurn`].
    pub fn confirm(&mut self, text: &str) -> Result<(), CodeError> {
        self.exchange.confirm(text).map(drop)
    }
}

/// B: who made the code up. Its lines come second and fourth.
///
/// How many wrong codes are too many, it does not know: each is one [`CodeError::Wrong`].
#[derive(Debug)]
pub struct Verifier {
    exchange: Exchange,
    first: String,
}

impl Verifier {
    /// Over the session of `keys`.
    pub fn new(code: &Code, keys: &Keys, entropy: &mut Entropy) -> Self {
        let (exchange, first) = Exchange::new(Side::Callee, code, keys, entropy);
        Self { exchange, first }
    }

    /// Takes A's first line; gives the answer, in base64.
    ///
    /// # Errors
    ///
    /// [`CodeError::Malformed`]; [`CodeError::OutOfTurn`] the second time. It is over then.
    pub fn answer(&mut self, text: &str) -> Result<String, CodeError> {
        self.exchange.agree(text)?;
        Ok(core::mem::take(&mut self.first))
    }

    /// Takes A's proof; gives B's own, in base64. `Ok` says that A knows the words.
    ///
    /// # Errors
    ///
    /// [`CodeError::Wrong`]: to be answered with [`REFUSAL`] and counted. Else
    /// [`CodeError::Malformed`] or [`CodeError::OutOfTurn`].
    pub fn confirm(&mut self, text: &str) -> Result<String, CodeError> {
        let proofs = self.exchange.confirm(text)?;
        Ok(encode(proofs.mine.as_bytes()))
    }
}

/// Why two hosts do not trust each other's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeError {
    /// The other side knows other words: a slip of the tongue, or a guess.
    Wrong,
    /// A field that is nothing of this exchange.
    Malformed {
        /// The field, escaped and cut.
        got: Box<str>,
    },
    /// A line when it is not its turn, or after the end.
    OutOfTurn,
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong => f.write_str("expected the words of this code, got other ones"),
            Self::Malformed { got } => {
                write!(f, "expected a message about the code in base64, got {got}")
            }
            Self::OutOfTurn => {
                f.write_str("expected a message about the code in its turn, got one out of turn")
            }
        }
    }
}

impl core::error::Error for CodeError {}

/// What is the same for both sides.
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

/// What each side says to show that it has the key. Compared in constant time, as all hashes of
/// `blake3` are.
#[derive(Clone, Copy, Debug)]
struct Proofs {
    mine: blake3::Hash,
    theirs: blake3::Hash,
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
        let (state, first) = start(&password, &a, &b, Dice(entropy));
        let state = State::Started(Box::new(state));
        (Self { side, hash: *keys.hash(), state }, encode(&first))
    }

    fn agree(&mut self, text: &str) -> Result<Proofs, CodeError> {
        let State::Started(state) = core::mem::replace(&mut self.state, State::Over) else {
            return Err(CodeError::OutOfTurn);
        };
        // A letter for the side, and a point.
        let mut message = [0; 33];
        decode(text, &mut message)?;
        let key = state.finish(&message);
        let key = key.map_err(|_| CodeError::Malformed { got: Quoted(text).to_box() })?;
        let key = blake3::derive_key("xcher 2 code confirm", &key);
        let proof = |side: Side| {
            let mut hasher = blake3::Hasher::new_keyed(&key);
            hasher.update(&[side.letter()]).update(&self.hash).finalize()
        };
        let proofs = Proofs { mine: proof(self.side), theirs: proof(self.side.other()) };
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
        if proofs.theirs == proof { Ok(proofs) } else { Err(CodeError::Wrong) }
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

/// The host's entropy in the shape that `spake2` draws from.
struct Dice<'a>(&'a mut Entropy);

impl CryptoRng for Dice<'_> {}

impl RngCore for Dice<'_> {
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
