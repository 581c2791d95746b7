//! Safety words, which two users compare to detect a man in the middle (section 11.5). A short
//! authentication string as in ZRTP (RFC 6189).

use alloc::string::String;
use core::fmt;

use super::{Entropy, Keys, SecureError, Side, base64};
use crate::code::words;

/// Three words, equal on both sides only without a man in the middle, except with a probability of one in
/// sixteen million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SafetyWords([u8; 3]);

impl SafetyWords {
    /// Returns the words, in lower case.
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

/// One side of the exchange that derives the words: three `X_SAS` lines, the caller's first.
///
/// The caller commits to its nonce before it sees the callee's, so that neither can choose the words.
#[derive(Debug)]
pub struct Safety {
    side: Side,
    hash: [u8; 32],
    nonce: [u8; 16],
    /// The caller's commitment, once the callee has it.
    commitment: Option<blake3::Hash>,
    progress: Progress,
    words: Option<SafetyWords>,
}

/// The last line exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Nothing,
    Commitment,
    Answer,
    All,
    Failed,
}

impl Safety {
    /// Starts an exchange for the session of `keys`.
    pub fn new(keys: &Keys, entropy: &mut Entropy) -> Self {
        Self {
            side: keys.side(),
            hash: *keys.hash(),
            nonce: entropy.bytes(),
            commitment: None,
            progress: Progress::Nothing,
            words: None,
        }
    }

    /// Returns this side's next message, in base64, if it is this side's turn.
    pub fn write(&mut self) -> Option<String> {
        let (text, progress) = match (self.side, self.progress) {
            (Side::Caller, Progress::Nothing) => {
                (base64::encode(blake3::hash(&self.nonce).as_bytes()), Progress::Commitment)
            }
            (Side::Callee, Progress::Commitment) => (base64::encode(&self.nonce), Progress::Answer),
            (Side::Caller, Progress::Answer) => (base64::encode(&self.nonce), Progress::All),
            _ => return None,
        };
        self.progress = progress;
        Some(text)
    }

    /// Reads the peer's message, in base64.
    ///
    /// # Errors
    ///
    /// [`SecureError`] if it is not the next message, which ends the exchange without words.
    pub fn read(&mut self, text: &str) -> Result<(), SecureError> {
        let progress = core::mem::replace(&mut self.progress, Progress::Failed);
        let mut nonce = [0; 16];
        self.progress = match (self.side, progress) {
            (Side::Callee, Progress::Nothing) => {
                let mut commitment = [0; 32];
                base64::decode(text, &mut commitment)?;
                self.commitment = Some(commitment.into());
                Progress::Commitment
            }
            (Side::Caller, Progress::Commitment) => {
                base64::decode(text, &mut nonce)?;
                self.words = Some(self.derive(&self.nonce, &nonce));
                Progress::Answer
            }
            (Side::Callee, Progress::Answer) => {
                base64::decode(text, &mut nonce)?;
                if self.commitment != Some(blake3::hash(&nonce)) {
                    return Err(SecureError::CommitmentMismatch);
                }
                self.words = Some(self.derive(&nonce, &self.nonce));
                Progress::All
            }
            _ => {
                self.words = None;
                return Err(SecureError::OutOfTurn);
            }
        };
        Ok(())
    }

    /// Returns the words, once all messages were exchanged.
    pub fn words(&self) -> Option<SafetyWords> {
        self.words.filter(|_| self.progress == Progress::All)
    }

    fn derive(&self, caller: &[u8; 16], callee: &[u8; 16]) -> SafetyWords {
        let hash = blake3::Hasher::new_derive_key("xcher 2 safety words")
            .update(&self.hash)
            .update(caller)
            .update(callee)
            .finalize();
        let [first, second, third, ..] = *hash.as_bytes();
        SafetyWords([first, second, third])
    }
}
