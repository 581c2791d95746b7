//! Messages that set up a link by WebRTC (section 24).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use base64ct::{Base64, Encoding as _};

use crate::{ProtocolError, Quoted};

/// Bytes of the longest session description: in base64, it fits a line.
pub const MAX_DESCRIPTION_LEN: usize = 6000;

const FORM: &str =
    "X_RTC OFFER base64, X_RTC ANSWER base64 or X_RTC NO, of at most 6000 bytes of text";

/// One `X_RTC`. Descriptions are those of WebRTC (RFC 8829), which this library does not look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkMessage {
    /// `X_RTC OFFER base64`, from the caller.
    Offer(Box<str>),
    /// `X_RTC ANSWER base64`, the callee's.
    Answer(Box<str>),
    /// `X_RTC NO`: the callee makes no link.
    No,
}

impl LinkMessage {
    /// Parses the fields of X_RTC. An error is for the link alone: the session does not need it.
    pub(super) fn parse(fields: &str, line: &str) -> Result<Self, ProtocolError> {
        let parsed = match fields.split_once(' ') {
            Some(("OFFER", text)) => decode(text).map(Self::Offer),
            Some(("ANSWER", text)) => decode(text).map(Self::Answer),
            None if fields == "NO" => Some(Self::No),
            _ => None,
        };
        parsed
            .ok_or_else(|| ProtocolError::Malformed { expected: FORM, got: Quoted(line).to_box() })
    }

    /// Appends the line without its end.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let (verb, text) = match self {
            Self::Offer(text) => ("X_RTC OFFER ", text),
            Self::Answer(text) => ("X_RTC ANSWER ", text),
            Self::No => return out.extend_from_slice(b"X_RTC NO"),
        };
        out.extend_from_slice(verb.as_bytes());
        let mut coded = vec![0; text.len().div_ceil(3) * 4];
        let coded = Base64::encode(text.as_bytes(), &mut coded).unwrap_or_default();
        out.extend_from_slice(coded.as_bytes());
    }
}

fn decode(text: &str) -> Option<Box<str>> {
    let mut bytes = vec![0; MAX_DESCRIPTION_LEN];
    // A text that is longer does not fit.
    let length = Base64::decode(text, &mut bytes).ok()?.len();
    bytes.truncate(length);
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty()).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &LinkMessage) -> String {
        let mut out = Vec::new();
        message.encode(&mut out);
        String::from_utf8(out).expect("text")
    }

    fn parse(line: &str) -> Result<LinkMessage, ProtocolError> {
        LinkMessage::parse(line.strip_prefix("X_RTC ").unwrap_or_default(), line)
    }

    #[test]
    fn messages_round_trip() {
        let longest = "é".repeat(MAX_DESCRIPTION_LEN / 2);
        for message in [
            LinkMessage::Offer("v=0\r\n".into()),
            LinkMessage::Answer(longest.into()),
            LinkMessage::No,
        ] {
            let line = line(&message);
            assert!(line.len() < crate::MAX_LINE_LEN, "{} bytes", line.len());
            assert_eq!(parse(&line), Ok(message));
        }
    }

    #[test]
    fn other_texts_are_malformed() {
        let long = line(&LinkMessage::Offer("x".repeat(MAX_DESCRIPTION_LEN + 1).into()));
        for bad in [
            "X_RTC",
            "X_RTC ",
            "X_RTC NO NO",
            "X_RTC OFFER",
            "X_RTC OFFER ",
            "X_RTC OFFER djA",
            "X_RTC OFFER /w==",
            "X_RTC offer dj0w",
            "X_RTC YES dj0w",
            &long,
        ] {
            assert!(matches!(parse(bad), Err(ProtocolError::Malformed { .. })), "{bad}");
        }
    }
}
