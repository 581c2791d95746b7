//! What goes wrong on a connection, by whose fault it is.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write};

use crate::code::CodeError;
use crate::secure::{PublicKey, SecureError};
use crate::{MAX_LINE_LEN, unicode};

/// The other side broke the protocol: with what was expected and what came, escaped and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The first line, or any later one, is no packet.
    NotXcher {
        /// The line.
        got: Box<str>,
    },
    /// A known verb with fields that are not its own.
    Malformed {
        /// The form of the packet.
        expected: &'static str,
        /// The line.
        got: Box<str>,
    },
    /// More than [`MAX_LINE_LEN`] bytes without a line end.
    LineTooLong {
        /// How the line begins.
        got: Box<str>,
    },
    /// Bytes that are no UTF-8.
    NotUtf8 {
        /// The first of them.
        got: Box<[u8]>,
    },
    /// The connection ended inside a line.
    IncompleteLine {
        /// The part that came.
        got: Box<str>,
    },
    /// An answer to a question that was not asked.
    Unsolicited {
        /// The line.
        got: Box<str>,
    },
    /// A list of more entries than a host bears.
    ListTooLong {
        /// The limit.
        entries: u64,
    },
    /// A packet after X_END.
    AfterEnd {
        /// The line.
        got: Box<str>,
    },
    /// The session was to be private, and the other side does not know how.
    Unencrypted,
    /// The other side knows extensions and named no encryption, or someone in between took it out.
    EncryptionNotOffered,
    /// The other side proved to be someone else than it was before.
    KeyChanged {
        /// The key that was pinned.
        expected: PublicKey,
        /// Its key.
        got: PublicKey,
    },
    /// What should be private is not what the other side sent.
    Secure(SecureError),
    /// The other side did not prove to know the code.
    Code(CodeError),
    /// The other side knows nothing of codes.
    NoCode,
    /// The other side does not know offers.
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
                write!(f, "expected no answer, for nothing was asked, got {got}")
            }
            Self::ListTooLong { entries } => {
                write!(f, "expected a list of at most {entries} files, got more")
            }
            Self::AfterEnd { got } => {
                write!(f, "expected the connection to close after X_END, got {got}")
            }
            Self::Unencrypted => {
                write!(f, "expected a private session, got a peer that only speaks in the clear")
            }
            Self::EncryptionNotOffered => {
                write!(
                    f,
                    "expected X_CAPS with the word secure, got none: someone in between may have \
                     taken it out"
                )
            }
            Self::KeyChanged { expected, got } => {
                write!(
                    f,
                    "expected the key {expected}, got {got}: this is someone else, or their key is new"
                )
            }
            Self::Secure(error) => error.fmt(f),
            Self::Code(error) => error.fmt(f),
            Self::NoCode => write!(f, "expected a peer that knows codes, got one that does not"),
            Self::NoOffers => {
                write!(f, "expected a peer that knows offers, got one that does not")
            }
        }
    }
}

impl core::error::Error for ProtocolError {}

/// The caller asked for what cannot be done now. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MisuseError {
    /// No such session, or it is over.
    NoSession,
    /// No such transfer, or it is over.
    NoTransfer,
    /// The session ends: nothing new is asked.
    Closing,
    /// An answer to a question that is not the oldest unanswered one.
    NotOldestQuestion,
    /// The same question, or a request of the same file, has no answer yet.
    AlreadyAsked,
    /// As many requests wait as the limits allow.
    TooManyRequests,
    /// There is no link to the relay.
    Offline,
    /// A call to this host itself.
    OwnNick,
    /// Something private, of a host that speaks in the clear.
    EncryptionDisabled,
}

impl fmt::Display for MisuseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSession => "expected a session that is open, got one that is not",
            Self::NoTransfer => "expected a transfer under way, got one that is not",
            Self::Closing => "expected a session that goes on, got one that ends",
            Self::NotOldestQuestion => "expected an answer to the oldest question, got another",
            Self::AlreadyAsked => "expected a new question, got one that has no answer yet",
            Self::TooManyRequests => "expected a request that can wait, got one too many",
            Self::Offline => "expected a link to the relay, and there is none",
            Self::EncryptionDisabled => {
                "expected a host that speaks in private, got one that does not"
            }
            Self::OwnNick => "expected someone else's nick, got your own",
        })
    }
}

impl core::error::Error for MisuseError {}

/// Shows a stranger's text in quotes, every character that could act on a terminal escaped, and
/// cut where it gets long.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

/// Bytes of a stranger's text that an error repeats.
const MAX_QUOTED_LEN: usize = 120;

impl Quoted<'_> {
    /// The same as an owned text.
    pub fn to_box(self) -> Box<str> {
        String::into_boxed_str(format!("{self}"))
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = self.0.floor_char_boundary(MAX_QUOTED_LEN);
        f.write_char('"')?;
        // Where all that is invisible is where a script or an emoji needs it, it stays.
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
    fn a_strangers_text_cannot_act_on_a_terminal() {
        assert_eq!(format!("{}", Quoted("a\u{1b}[2J\u{202e}b")), r#""a\u{1b}[2J\u{202e}b""#);
        let marks = format!("{}", Quoted("\"\\\0\r\n\u{a0}é' 日"));
        assert_eq!(marks, r#""\"\\\0\r\n\u{a0}é' 日""#);
        let long = format!("{}", Quoted(&"é".repeat(500)));
        assert!(long.len() < 200 && long.ends_with("(1000 bytes)"), "{long}");
    }
}
