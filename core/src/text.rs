//! Texts: short messages that are shown instead of being stored (section 16.1).

use alloc::string::String;
use core::fmt;

pub use crate::before_module::{MAX_TEXT_LEN, TEXT_NAME};
use crate::{Size, unicode};

/// The most texts of one listing or offer; more are ordinary files.
pub const MAX_TEXTS: u64 = 64;

/// A text that is empty, too long, or not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// It has no bytes.
    Empty,
    /// It has more than [`MAX_TEXT_LEN`] bytes.
    TooLong,
    /// It is not UTF-8.
    NotUtf8,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the text is empty"),
            Self::TooLong => {
                write!(f, "the text is longer than {} KiB; use a file", MAX_TEXT_LEN >> 10)
            }
            Self::NotUtf8 => f.write_str("the text is not UTF-8; use a file"),
        }
    }
}

impl core::error::Error for TextError {}

/// Returns the text that these bytes are.
///
/// # Errors
///
/// [`TextError`] if they are none.
pub fn parse_text(bytes: &[u8]) -> Result<&str, TextError> {
    match bytes.len() as u64 {
        0 => Err(TextError::Empty),
        1..=MAX_TEXT_LEN => core::str::from_utf8(bytes).map_err(|_| TextError::NotUtf8),
        _ => Err(TextError::TooLong),
    }
}

/// Returns a text as it can be shown: with escapes in place of all characters that could act on a terminal, reorder
/// what is around them or hide it, except where a script or an emoji needs them. Line ends and tabs stay.
///
/// ```
/// assert_eq!(xcher_core::text::shown("a\u{1b}[2Jb\r\nc"), "a\\u{1b}[2Jb\nc");
/// ```
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let line = if end.is_empty() { line } else { line.strip_suffix('\r').unwrap_or(line) };
        for (at, part) in line.split('\t').enumerate() {
            if at > 0 {
                shown.push('\t');
            }
            unicode::escape_deceptive(part, &mut shown);
        }
        shown.push_str(end);
    }
    shown
}

/// Returns true if a file of this size can be a text.
pub(crate) fn fits(size: Size) -> bool {
    size.exact().is_some_and(|size| (1..=MAX_TEXT_LEN).contains(&size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn only_short_utf8_is_a_text() {
        let most = vec![b'a'; MAX_TEXT_LEN as usize];
        assert_eq!(parse_text(&most).map(str::len), Ok(most.len()));
        assert_eq!(parse_text(&[&most[..], b"a"].concat()), Err(TextError::TooLong));
        assert_eq!(parse_text(b""), Err(TextError::Empty));
        assert_eq!(parse_text(b"a\xff"), Err(TextError::NotUtf8));
        assert_eq!(parse_text(b"\x1b\0"), Ok("\x1b\0"));
        assert!(fits(Size::Exact(1)) && fits(Size::Exact(MAX_TEXT_LEN)));
        for size in [Size::Exact(0), Size::Exact(MAX_TEXT_LEN + 1), Size::UNKNOWN] {
            assert!(!fits(size), "{size:?}");
        }
        assert!(!fits(Size::parse("1kb").expect("a size")));
    }

    #[test]
    fn a_shown_text_acts_on_nothing() {
        for (text, expected) in [
            ("plain, träd, 日本\n\tindented\n", "plain, träd, 日本\n\tindented\n"),
            ("\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
            ("a\rb", "a\\rb"),
            ("a\r\nb\r", "a\nb\\r"),
            ("\u{9b}2J\u{7f}\0\u{8}", "\\u{9b}2J\\u{7f}\\u{0}\\u{8}"),
            ("abc\u{202e}fdp.exe\u{2066}", "abc\\u{202e}fdp.exe\\u{2066}"),
            ("a\u{200b}b\u{2028}c", "a\\u{200b}b\\u{2028}c"),
            // What a script or an emoji needs.
            (
                "👩\u{200d}💻 ❤\u{fe0f} 1\u{fe0f}\u{20e3}",
                "👩\u{200d}💻 ❤\u{fe0f} 1\u{fe0f}\u{20e3}",
            ),
            ("", ""),
            ("\n\n", "\n\n"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }
}
