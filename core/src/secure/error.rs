//! What goes wrong in private, by what was expected and what came.

use alloc::boxed::Box;
use core::fmt;

use super::record::{HEAD_LEN, MAX_PLAIN_LEN, MAX_RECORD_LEN, TAG_LEN};

/// A private conversation that cannot go on. None of these is ever a reason to go on in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecureError {
    /// A field that is no base64 of the length it must have.
    Malformed {
        /// Bytes.
        expected: usize,
        /// The field, escaped and cut.
        got: Box<str>,
    },
    /// A message of the handshake, or a number of the safety words, when it is not its turn.
    OutOfTurn,
    /// A handshake that is asked for its keys before its end.
    HandshakeUnfinished,
    /// A message that is not part of this handshake: changed on its way, replayed, from someone
    /// without the key that it names, or between two that saw other X_CAPS lines.
    HandshakeMismatch,
    /// A public key with which any secret key gives the same shared secret.
    WeakKey,
    /// The head of a record names a length that no record has.
    RecordLength {
        /// Bytes after the head.
        got: u16,
    },
    /// A record that was changed, left out, repeated, moved, or sealed with another key.
    InvalidRecord {
        /// Which record was expected, from 0.
        record: u64,
    },
    /// A record without a byte in it that is not marked as the last.
    EmptyRecord {
        /// Which, from 0.
        record: u64,
    },
    /// Bytes after the last record.
    AfterEnd,
    /// The stream ended before the last record.
    Truncated {
        /// How many records came whole.
        records: u64,
    },
    /// As many records as one key can seal.
    Exhausted,
    /// A buffer that no record fits: the caller's fault.
    BufferLength {
        /// Its length, in bytes.
        got: usize,
    },
    /// A cipher that this build does not have.
    CipherUnavailable,
    /// A number that is not the one that was committed to: someone tried to choose the words.
    CommitmentMismatch,
}

impl fmt::Display for SecureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { expected, got } => {
                write!(f, "expected {expected} bytes in base64, got {got}")
            }
            Self::OutOfTurn => f.write_str("expected a message in its turn, got one out of turn"),
            Self::HandshakeUnfinished => {
                f.write_str("expected a finished handshake, got one that is not at its end")
            }
            Self::HandshakeMismatch => f.write_str(
                "expected a message of this handshake, got one that was changed on its way or \
                 belongs to another",
            ),
            Self::WeakKey => {
                f.write_str("expected a public key that keeps a secret, got one that keeps none")
            }
            Self::RecordLength { got } => {
                write!(
                    f,
                    "expected a record of {TAG_LEN} to {MAX_RECORD_LEN} bytes, got one of {got}"
                )
            }
            Self::InvalidRecord { record } => write!(
                f,
                "expected record {record} as it was sealed, got one that was changed, moved, \
                 repeated or sealed with another key"
            ),
            Self::EmptyRecord { record } => {
                write!(f, "expected something in record {record}, got nothing and no end mark")
            }
            Self::AfterEnd => f.write_str("expected nothing after the last record, got more"),
            Self::Truncated { records } => write!(
                f,
                "expected records up to the marked last one, got the end after {records} of them"
            ),
            Self::Exhausted => {
                f.write_str("expected a key with records left, got one that is used up")
            }
            Self::BufferLength { got } => write!(
                f,
                "expected room for a record of {} to {} bytes, got {got}",
                HEAD_LEN + 1 + TAG_LEN,
                HEAD_LEN + MAX_PLAIN_LEN + TAG_LEN
            ),
            Self::CipherUnavailable => {
                f.write_str("expected a cipher that this build has, got AES-256-GCM")
            }
            Self::CommitmentMismatch => f.write_str(
                "expected the number that was committed to, got another: someone is in between",
            ),
        }
    }
}

impl core::error::Error for SecureError {}
