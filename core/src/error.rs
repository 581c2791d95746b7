//! Errors of a connection, by the side that caused them.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write};

use crate::code::CodeError;
use crate::secure::{PublicKey, SecureError};
use crate::{MAX_LINE_LEN, unicode};

/// An error of the peer: it broke the protocol, failed to authenticate or lacks an extension.
///
/// Text that came from the peer is escaped and truncated ([`Quoted`]).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A line is not a packet (section 2.1).
    NotXcher {
        /// The line.
        got: Box<str>,
    },
    /// A known verb has the wrong fields.
    Malformed {
        /// The packet's form.
        expected: &'static str,
        /// The line.
        got: Box<str>,
    },
    /// A line is longer than [`MAX_LINE_LEN`] bytes.
    LineTooLong {
        /// The start of the line.
        got: Box<str>,
    },
    /// The connection carried bytes that are not UTF-8.
    NotUtf8 {
        /// The first invalid sequence.
        got: Box<[u8]>,
    },
    /// The connection ended inside a line.
    IncompleteLine {
        /// The part received.
        got: Box<str>,
    },
    /// An answer matches no pending question.
    Unsolicited {
        /// The line.
        got: Box<str>,
    },
    /// A listing or offer exceeds [`Limits::entries`](crate::Limits::entries).
    ListTooLong {
        /// The limit.
        entries: u64,
    },
    /// A packet followed X_END (section 3.1).
    AfterEnd {
        /// The line.
        got: Box<str>,
    },
    /// This side requires encryption, and the peer does not support it (section 9).
    Unencrypted,
    /// The peer supports extensions but did not offer encryption, or an attacker on the path removed the
    /// offer (section 9).
    EncryptionNotOffered,
    /// The peer proved another key than the pinned one (section 11.1).
    KeyChanged {
        /// The pinned key.
        expected: PublicKey,
        /// The key that the peer proved.
        got: PublicKey,
    },
    /// The handshake, a record or the safety words failed to verify (section 11).
    Secure(SecureError),
    /// The peer did not prove knowledge of the code (section 12).
    Code(CodeError),
    /// The peer does not support codes (section 12).
    NoCode,
    /// The peer does not support offers (section 17).
    NoOffers,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotXcher { got } => write!(f, "expected an XCHER packet, got {got}"),
            Self::Malformed { expected, got } => write!(f, "expected {expected}, got {got}"),
            Self::LineTooLong { got } => {
                write!(
                    f,
                    "expected a line of at most {MAX_LINE_LEN} bytes, got a longer one: {got}"
                )
            }
            Self::NotUtf8 { got } => {
                let mut between = "expected UTF-8, got the bytes [";
                for byte in got {
                    write!(f, "{between}{byte:02x}")?;
                    between = ", ";
                }
                f.write_char(']')
            }
            Self::IncompleteLine { got } => {
                write!(f, "expected the rest of a line, got the end of the connection after {got}")
            }
            Self::Unsolicited { got } => {
                write!(f, "unsolicited response: {got}")
            }
            Self::ListTooLong { entries } => {
                write!(f, "expected a list of at most {entries} files, got more")
            }
            Self::AfterEnd { got } => {
                write!(f, "expected the connection to close after X_END, got {got}")
            }
            Self::Unencrypted => f.write_str("the peer does not support encryption"),
            Self::EncryptionNotOffered => f.write_str(
                "the peer did not offer encryption; an attacker on the path may have removed the offer",
            ),
            Self::KeyChanged { expected, got } => {
                write!(f, "host key changed: expected {expected}, got {got}")
            }
            Self::Secure(error) => error.fmt(f),
            Self::Code(error) => error.fmt(f),
            Self::NoCode => f.write_str("the peer does not support codes"),
            Self::NoOffers => f.write_str("the peer does not support offers"),
        }
    }
}

impl core::error::Error for ProtocolError {}

/// A command that is not possible now. It changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MisuseError {
    /// The session does not exist or has ended.
    NoSession,
    /// The transfer does not exist or has ended.
    NoTransfer,
    /// The session is closing and takes no new requests.
    Closing,
    /// The answer does not match the oldest pending question of the peer.
    NotOldestQuestion,
    /// The same question, or a request for the same file, is pending.
    AlreadyAsked,
    /// As many requests are pending as [`Limits`](crate::Limits) allow.
    TooManyRequests,
    /// This host has no connection to the relay.
    Offline,
    /// The nick to call is this host's own.
    OwnNick,
    /// The command needs encryption, which this host has disabled.
    EncryptionDisabled,
}

impl fmt::Display for MisuseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSession => "no such session, or it has ended",
            Self::NoTransfer => "no such transfer, or it has ended",
            Self::Closing => "session is closing",
            Self::NotOldestQuestion => "the answer is not to the oldest pending question",
            Self::AlreadyAsked => "the same question is already pending",
            Self::TooManyRequests => "too many pending requests",
            Self::Offline => "not connected to the relay",
            Self::EncryptionDisabled => "encryption is disabled on this host",
            Self::OwnNick => "this is your own nick",
        })
    }
}

impl core::error::Error for MisuseError {}

/// Displays untrusted text in quotes: escapes every character that could act on a terminal and
/// truncates long text.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

/// Bytes of untrusted text that an error repeats.
const MAX_QUOTED_LEN: usize = 120;

impl Quoted<'_> {
    /// Returns the displayed text as an owned string.
    pub fn to_box(self) -> Box<str> {
        String::into_boxed_str(format!("{self}"))
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = self.0.floor_char_boundary(MAX_QUOTED_LEN);
        f.write_char('"')?;
        // Invisible characters stay where a script or an emoji needs them.
        let is_deceptive = unicode::find_deceptive(self.0).is_some();
        for (_, c) in self.0.char_indices().take_while(|(at, _)| *at < cut) {
            match c {
                '\0' => f.write_str("\\0")?,
                '"' | '\\' => c.escape_default().fmt(f)?,
                c if unicode::is_space_or_sign(c) || is_deceptive && unicode::is_deceptive(c) => {
                    c.escape_default().fmt(f)?
                }
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')?;
        if cut < self.0.len() {
            write!(f, "… ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_owned_and_thread_safe() {
        fn is_owned<E: core::error::Error + Send + Sync + 'static>() {}
        is_owned::<ProtocolError>();
        is_owned::<MisuseError>();
        is_owned::<SecureError>();
        is_owned::<CodeError>();
        is_owned::<crate::code::InvalidCode>();
        is_owned::<crate::secure::InvalidKey>();
        is_owned::<crate::InvalidNick>();
        is_owned::<crate::InvalidName>();
        is_owned::<crate::NameError>();
        is_owned::<crate::addr::AddrError>();
        is_owned::<crate::tunnel::AllocationError>();
        is_owned::<crate::peer::Error>();
    }

    #[test]
    fn quoted_text_cannot_act_on_a_terminal() {
        assert_eq!(format!("{}", Quoted("a\u{1b}[2J\u{202e}b")), r#""a\u{1b}[2J\u{202e}b""#);
        let marks = format!("{}", Quoted("\"\\\0\r\n\u{a0}é' 日"));
        assert_eq!(marks, r#""\"\\\0\r\n\u{a0}é' 日""#);
        let long = format!("{}", Quoted(&"é".repeat(500)));
        assert!(long.len() < 200 && long.ends_with("(1000 bytes)"), "{long}");
    }
}
