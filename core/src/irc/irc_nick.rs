//! Nicks as an IRC server knows them (RFC 2812, section 2.3.1).

use alloc::boxed::Box;
use alloc::format;
use core::fmt;

use crate::{Nick, Quoted};

/// Precedes the number of a code: no IRC nick begins with a digit.
const CODE_PREFIX: char = 'x';

/// The IRC nick of a host: its nick, or `x` and the digits for the nick of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IrcNick(Box<str>);

impl IrcNick {
    /// Returns the IRC nick of a host.
    ///
    /// # Errors
    ///
    /// [`InvalidIrcNick`] if IRC does not know such nicks.
    pub fn of(nick: &Nick) -> Result<Self, InvalidIrcNick> {
        let text = nick.as_str();
        if nick.is_one_time() {
            return Ok(Self(format!("{CODE_PREFIX}{text}").into()));
        }
        let is_special = |byte: u8| matches!(byte, b'['..=b'`' | b'{'..=b'}');
        let may_start = |byte: u8| byte.is_ascii_alphabetic() || is_special(byte);
        let may_follow = |byte: u8| may_start(byte) || byte.is_ascii_digit() || byte == b'-';
        match text.bytes().next().is_some_and(may_start) && text.bytes().all(may_follow) {
            true => Ok(Self(text.into())),
            false => Err(InvalidIrcNick { got: Quoted(text).to_box() }),
        }
    }

    /// Returns the nick as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns true if a nick at an IRC server has the form of a code's.
pub(super) fn is_code(nick: &str) -> bool {
    let digits = nick.strip_prefix([CODE_PREFIX, CODE_PREFIX.to_ascii_uppercase()]);
    digits.is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A nick that IRC does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidIrcNick {
    /// The nick, escaped.
    pub got: Box<str>,
}

impl fmt::Display for InvalidIrcNick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is not an IRC nick: use a-z, 0-9 and []\\`_^{{|}}-, and begin with neither a digit nor -",
            self.got
        )
    }
}

impl core::error::Error for InvalidIrcNick {}
