//! Names of channels (RFC 2812, section 1.3).

use alloc::boxed::Box;
use core::fmt;

use crate::{Quoted, unicode};

/// Bytes of the longest name that RFC 1459 allows.
const MAX_CHANNEL_LEN: usize = 200;

/// The name of a channel: `#` or `&`, and then 1 to 199 bytes without spaces, commas and control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel(Box<str>);

impl Channel {
    /// Checks `text`.
    ///
    /// # Errors
    ///
    /// [`InvalidChannel`], which names the rules and quotes the text.
    pub fn parse(text: &str) -> Result<Self, InvalidChannel> {
        let is_allowed = |c: char| !(c.is_whitespace() || c == ',' || unicode::is_deceptive(c));
        let is_valid = text.starts_with(['#', '&'])
            && (2..=MAX_CHANNEL_LEN).contains(&text.len())
            && text.chars().all(is_allowed);
        match is_valid {
            true => Ok(Self(text.into())),
            false => Err(InvalidChannel { got: Quoted(text).to_box() }),
        }
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An invalid name of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidChannel {
    /// The text, escaped and truncated.
    pub got: Box<str>,
}

impl fmt::Display for InvalidChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected a channel such as #files, of 2 to {MAX_CHANNEL_LEN} bytes without spaces and commas, \
             got {}",
            self.got
        )
    }
}

impl core::error::Error for InvalidChannel {}
