//! Errors of encrypted sessions.

use alloc::boxed::Box;
use core::fmt;

use super::record::{HEAD_LEN, MAX_PLAIN_LEN, MAX_RECORD_LEN, TAG_LEN};

/// An error that ends an encrypted session. None of them permits falling back to an unencrypted one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecureError {
    /// A field is not base64 of the expected length.
    Malformed {
        /// Expected bytes.
        expected: usize,
        /// The field, escaped and truncated.
        got: Box<str>,
    },
    /// A message of the handshake or of the safety words is out of turn.
    OutOfTurn,
    /// The handshake was asked for its keys before its end.
    HandshakeUnfinished,
    /// A message does not belong to this handshake: it was altered or replayed, its sender does not hold the
    /// key that it names, or the two sides saw different X_CAPS lines.
    HandshakeMismatch,
    /// A public key yields the same shared secret with every secret key (RFC 7748, section 6.1).
    WeakKey,
    /// The head of a record contains an invalid length.
    RecordLength {
        /// The length, in bytes.
        got: u16,
    },
    /// A record was altered, omitted, repeated, reordered, or sealed with another key.
    InvalidRecord {
        /// The number of the expected record, from 0.
        record: u64,
    },
    /// A record is empty but not marked as the last.
    EmptyRecord {
        /// The number of the record, from 0.
        record: u64,
    },
    /// The byte before a file of a batch is neither 0 nor 1 (section 18).
    BatchMarker {
        /// The byte.
        got: u8,
    },
    /// Bytes follow the last record.
    AfterEnd,
    /// The stream ended before the last record.
    Truncated {
        /// Complete records received.
        records: u64,
    },
    /// The key has sealed as many records as it can: 2⁶⁴ − 1.
    Exhausted,
    /// The caller's buffer does not have the length of a record.
    BufferLength {
        /// The buffer's length, in bytes.
        got: usize,
    },
    /// This build does not have the cipher.
    CipherUnavailable,
    /// The caller's nonce does not match its commitment: an attacker tried to choose the safety words
    /// (section 11.5).
    CommitmentMismatch,
}

impl fmt::Display for SecureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { expected, got } => {
                write!(f, "expected {expected} bytes in base64, got {got}")
            }
            Self::OutOfTurn => f.write_str("message out of turn"),
            Self::HandshakeUnfinished => f.write_str("the handshake is not finished"),
            Self::HandshakeMismatch => f.write_str(
                "handshake failed: a message was altered in transit or belongs to another handshake",
            ),
            Self::WeakKey => f.write_str("handshake failed: weak public key"),
            Self::RecordLength { got } => {
                write!(
                    f,
                    "expected a record of {TAG_LEN} to {MAX_RECORD_LEN} bytes, got one of {got}"
                )
            }
            Self::InvalidRecord { record } => write!(
                f,
                "record {record} is not authentic: altered, reordered, repeated or sealed with \
                 another key"
            ),
            Self::EmptyRecord { record } => {
                write!(f, "record {record} is empty, but not marked as the last")
            }
            Self::BatchMarker { got } => write!(f, "expected 0 or 1 before a file, got {got}"),
            Self::AfterEnd => f.write_str("data after the last record"),
            Self::Truncated { records } => write!(
                f,
                "the stream is truncated: it ended after {records} records, before the end mark"
            ),
            Self::Exhausted => f.write_str("the key has no record numbers left"),
            Self::BufferLength { got } => write!(
                f,
                "the buffer has {got} bytes; a record has {} to {}",
                HEAD_LEN + 1 + TAG_LEN,
                HEAD_LEN + MAX_PLAIN_LEN + TAG_LEN
            ),
            Self::CipherUnavailable => f.write_str("this build does not support AES-256-GCM"),
            Self::CommitmentMismatch => f.write_str(
                "the peer broke its commitment: a man in the middle may be choosing the safety words",
            ),
        }
    }
}

impl core::error::Error for SecureError {}
