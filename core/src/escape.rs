//! Escapes file names that are not valid on the wire (section 2.2).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use crate::unicode::find_deceptive;

/// Writes the bytes of one part of a path as valid text of a name: each invalid byte becomes `%{HH}`, with
/// two upper-case hexadecimal digits. If the part itself contains such an escape, its `%` becomes `%{25}`,
/// so that different parts have different escapes. The text may be too long for a name.
///
/// ```
/// use xcher_core::{escape, unescape};
///
/// assert_eq!(escape(b"caf\xe9.txt"), "caf%{E9}.txt");
/// assert_eq!(unescape("caf%{E9}.txt").as_deref(), Some(&b"caf\xe9.txt"[..]));
/// assert_eq!(unescape("a%{41}"), None, "`escape` does not write this");
/// ```
pub fn escape(part: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = core::str::from_utf8(part)
        && !is_escaped(text)
        && find_deceptive(text).is_none()
    {
        return Cow::Borrowed(text);
    }
    let mut text = String::new();
    let mut rest = part;
    for chunk in part.utf8_chunks() {
        for (at, c) in chunk.valid().char_indices() {
            if c == '%' && escaped_byte(&rest[at..]).is_some() {
                push_escaped(b"%", &mut text);
            } else {
                text.push(c);
            }
        }
        push_escaped(chunk.invalid(), &mut text);
        rest = rest.get(chunk.valid().len() + chunk.invalid().len()..).unwrap_or_default();
    }
    // Each turn escapes all occurrences of one character.
    while let Some(c) = find_deceptive(&text) {
        let mut escaped = String::new();
        push_escaped(c.encode_utf8(&mut [0; 4]).as_bytes(), &mut escaped);
        text = text.replace(c, &escaped);
    }
    Cow::Owned(text)
}

/// Returns the original bytes; `None` for a text that [`escape`] does not write.
pub fn unescape(part: &str) -> Option<Cow<'_, [u8]>> {
    if !is_escaped(part) {
        return Some(Cow::Borrowed(part.as_bytes()));
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match escaped_byte(rest) {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[ESCAPE_LEN..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    let is_canonical = escape(&bytes) == part && !bytes.contains(&b'/') && !bytes.contains(&0);
    is_canonical.then_some(Cow::Owned(bytes))
}

/// Returns true if a text contains an escape.
pub fn is_escaped(text: &str) -> bool {
    text.as_bytes().windows(ESCAPE_LEN).any(|window| escaped_byte(window).is_some())
}

/// Bytes of an escape.
const ESCAPE_LEN: usize = 5;

/// Returns the byte of the escape at the start of `bytes`.
fn escaped_byte(bytes: &[u8]) -> Option<u8> {
    let [b'%', b'{', high, low, b'}', ..] = bytes else { return None };
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    Some(digit(*high)? << 4 | digit(*low)?)
}

fn push_escaped(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "%{{{byte:02X}}}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileName;
    use alloc::collections::BTreeMap;

    #[test]
    fn invalid_bytes_are_escaped_and_all_others_kept() {
        for (part, text) in [
            (&b"plain.txt"[..], "plain.txt"),
            (b"100%.txt", "100%.txt"),
            (b"a%20b.pdf", "a%20b.pdf"),
            ("träd 😀".as_bytes(), "träd 😀"),
            (b"caf\xe9.txt", "caf%{E9}.txt"),
            (b"two\nlines", "two%{0A}lines"),
            ("fdp.\u{202e}exe".as_bytes(), "fdp.%{E2}%{80}%{AE}exe"),
            (b"a%{0A}b", "a%{25}{0A}b"),
            (b"a%{0A}b\n", "a%{25}{0A}b%{0A}"),
            (b"%{0a}%{}%{0", "%{0a}%{}%{0"),
            (b"%{\x01}", "%{%{01}}"),
        ] {
            assert_eq!(escape(part), text);
            assert_eq!(unescape(text).as_deref(), Some(part), "{text}");
            assert!(FileName::parse(text).is_ok());
            assert_eq!(is_escaped(text), part != text.as_bytes());
        }
    }

    #[test]
    fn unescape_rejects_non_canonical_escapes() {
        for text in ["a%{41}", "%{25}a", "%{2F}", "x%{25}", "%{25}%{0A}x%{25}", "%{00}"] {
            assert_eq!(unescape(text), None, "{text}");
        }
    }

    #[test]
    fn different_parts_have_different_escapes() {
        let alphabet = [b'%', b'{', b'}', b'0', b'A', b'\n', 0xc3, 0xa4];
        let mut written = BTreeMap::new();
        for length in 1..6 {
            for mut number in 0..alphabet.len().pow(length) {
                let mut part = Vec::new();
                for _ in 0..length {
                    part.push(alphabet[number % alphabet.len()]);
                    number /= alphabet.len();
                }
                let text = escape(&part).into_owned();
                assert!(FileName::parse(&text).is_ok(), "{text:?}");
                assert_eq!(unescape(&text).as_deref(), Some(&part[..]), "{text}");
                assert_eq!(written.insert(text, part.clone()), None, "{part:?}");
            }
        }
    }
}
