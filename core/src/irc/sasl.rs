//! Logs in to an account by SASL PLAIN (RFC 4616, IRCv3 `sasl`).

use alloc::string::String;
use alloc::vec;

use base64ct::{Base64, Encoding as _};

use super::message::Message;
use super::output::IrcOutput;

/// Characters of one AUTHENTICATE. A shorter one is the last.
const CHUNK_LEN: usize = 400;

/// How far the login is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sasl {
    /// No login is wanted, or it has not begun.
    #[default]
    Idle,
    /// The server's capabilities were asked for.
    Listing,
    /// `sasl` was asked for.
    Requesting,
    /// The credentials were announced, or sent.
    Authenticating,
    /// The server accepted them.
    Done,
}

/// The failure of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SaslError {
    /// The server has no SASL, or not with passwords.
    Unsupported,
    /// The server rejected the account or its password.
    Rejected,
}

impl Sasl {
    /// Asks for the capabilities; the server completes no registration before the login has.
    pub(super) fn begin(&mut self, output: &mut IrcOutput) {
        *self = Self::Listing;
        output.send(&["CAP LS 302"]);
    }

    /// Returns true once the server has accepted the credentials.
    pub(super) fn is_done(self) -> bool {
        self == Self::Done
    }

    /// Handles an answer to CAP.
    pub(super) fn cap(
        &mut self,
        message: &Message<'_>,
        output: &mut IrcOutput,
    ) -> Result<(), SaslError> {
        let is_ours = |word: &&str| word.split('=').next() == Some("sasl");
        let word = message.text().split(' ').find(is_ours);
        match (*self, message.param(1)) {
            (Self::Listing, "LS") => match word {
                Some(word) if offers_plain(word) => {
                    *self = Self::Requesting;
                    output.send(&["CAP REQ :sasl"]);
                }
                Some(_) => return Err(SaslError::Unsupported),
                // More lines follow one with an asterisk.
                None if message.param(2) == "*" => {}
                None => return Err(SaslError::Unsupported),
            },
            (Self::Requesting, "ACK") => {
                *self = Self::Authenticating;
                output.send(&["AUTHENTICATE PLAIN"]);
            }
            (Self::Requesting, "NAK") => return Err(SaslError::Unsupported),
            _ => {}
        }
        Ok(())
    }

    /// Handles AUTHENTICATE: the server waits for the credentials.
    pub(super) fn authenticate(
        self,
        message: &Message<'_>,
        (account, password): (&str, &str),
        output: &mut IrcOutput,
    ) {
        if self != Self::Authenticating || message.param(0) != "+" {
            return;
        }
        let plain = ["\0", account, "\0", password].concat();
        let encoded = encode(plain.as_bytes());
        let mut rest = encoded.as_str();
        loop {
            let (chunk, after) = rest.split_at(rest.len().min(CHUNK_LEN));
            output.send(&["AUTHENTICATE ", if chunk.is_empty() { "+" } else { chunk }]);
            if chunk.len() < CHUNK_LEN {
                return;
            }
            rest = after;
        }
    }

    /// Handles the numbered answers to a login.
    pub(super) fn numeric(
        &mut self,
        numeric: u16,
        output: &mut IrcOutput,
    ) -> Result<(), SaslError> {
        match (*self, numeric) {
            // RPL_SASLSUCCESS, ERR_SASLALREADY.
            (Self::Authenticating, 903 | 907) => {
                *self = Self::Done;
                output.send(&["CAP END"]);
                Ok(())
            }
            // ERR_NICKLOCKED, ERR_SASLFAIL, ERR_SASLTOOLONG, ERR_SASLABORTED.
            (Self::Authenticating, 902 | 904..=906) => Err(SaslError::Rejected),
            // RPL_SASLMECHS: PLAIN is not among them.
            (Self::Authenticating, 908) => Err(SaslError::Unsupported),
            _ => Ok(()),
        }
    }
}

/// Returns true unless the capability lists mechanisms without PLAIN.
fn offers_plain(word: &str) -> bool {
    let Some((_, mechanisms)) = word.split_once('=') else { return true };
    mechanisms.is_empty() || mechanisms.split(',').any(|one| one.eq_ignore_ascii_case("PLAIN"))
}

fn encode(bytes: &[u8]) -> String {
    let mut text = vec![0; Base64::encoded_len(bytes)];
    Base64::encode(bytes, &mut text).unwrap_or_default().into()
}
