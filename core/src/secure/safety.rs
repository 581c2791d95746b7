//! Words that two people read to each other to know that nobody is between them (section 11.5).

use alloc::string::String;
use core::fmt;

use super::{Entropy, Keys, SecureError, Side, base64};
use crate::code::words;

/// What both sides see: three words, the same only if no one is in between, but for one chance in
/// sixteen million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SafetyWords([u8; 3]);

impl SafetyWords {
    /// Each of them, in small letters.
    pub fn words(self) -> [&'static str; 3] {
        let [first, second, third] = self.0;
        [
            words::word(words::TWO_SYLLABLES, first),
            words::word(words::THREE_SYLLABLES, second),
            words::word(words::TWO_SYLLABLES, third),
        ]
    }
}

impl fmt::Display for SafetyWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third] = self.words();
        write!(f, "{first} {second} {third}")
    }
}

/// One side of the exchange that makes the words: three `X_SAS` lines, the caller's first.
///
/// The caller commits to its number before it sees the other's, so that neither can choose what the
/// words become.
#[derive(Debug)]
pub struct Safety {
    side: Side,
    hash: [u8; 32],
    nonce: [u8; 16],
    /// The caller's commitment, once the called side has it.
    commitment: Option<blake3::Hash>,
    passed: Passed,
    words: Option<SafetyWords>,
}

/// The line that passed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passed {
    Nothing,
    Commitment,
    Answer,
    All,
    Refused,
}

impl Safety {
    /// An exchange over the session of `keys`.
    pub fn new(keys: &Keys, entropy: &mut Entropy) -> Self {
        Self {
            side: keys.side(),
            hash: *keys.hash(),
            nonce: entropy.bytes(),
            commitment: None,
            passed: Passed::Nothing,
            words: None,
        }
    }

    /// This side's next line, in base64, if it is its turn.
    pub fn write(&mut self) -> Option<String> {
        let (text, passed) = match (self.side, self.passed) {
            (Side::Caller, Passed::Nothing) => {
                (base64::encode(blake3::hash(&self.nonce).as_bytes()), Passed::Commitment)
            }
            (Side::Callee, Passed::Commitment) => (base64::encode(&self.nonce), Passed::Answer),
            (Side::Caller, Passed::Answer) => (base64::encode(&self.nonce), Passed::All),
            _ => return None,
        };
        self.passed = passed;
        Some(text)
    }

    /// Takes the other side's line, in base64.
    ///
    /// # Errors
    ///
    /// [`SecureError`], which says why it is none. The exchange is over then, without words.
    pub fn read(&mut self, text: &str) -> Result<(), SecureError> {
        let passed = core::mem::replace(&mut self.passed, Passed::Refused);
        let mut nonce = [0; 16];
        self.passed = match (self.side, passed) {
            (Side::Callee, Passed::Nothing) => {
                let mut commitment = [0; 32];
                base64::decode(text, &mut commitment)?;
                self.commitment = Some(commitment.into());
                Passed::Commitment
            }
            (Side::Caller, Passed::Commitment) => {
                base64::decode(text, &mut nonce)?;
                self.words = Some(self.derive(&self.nonce, &nonce));
                Passed::Answer
            }
            (Side::Callee, Passed::Answer) => {
                base64::decode(text, &mut nonce)?;
                if self.commitment != Some(blake3::hash(&nonce)) {
                    return Err(SecureError::CommitmentMismatch);
                }
                self.words = Some(self.derive(&nonce, &self.nonce));
                Passed::All
            }
            _ => {
                self.words = None;
                return Err(SecureError::OutOfTurn);
            }
        };
        Ok(())
    }

    /// The words, once all lines have passed.
    pub fn words(&self) -> Option<SafetyWords> {
        self.words.filter(|_| self.passed == Passed::All)
    }

    fn derive(&self, caller: &[u8; 16], called: &[u8; 16]) -> SafetyWords {
        let hash = blake3::Hasher::new_derive_key("xcher 2 safety words")
            .update(&self.hash)
            .update(caller)
            .update(called)
            .finalize();
        let [first, second, third, ..] = *hash.as_bytes();
        SafetyWords([first, second, third])
    }
}
