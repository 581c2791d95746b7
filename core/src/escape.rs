//! Names that cannot stand on the wire, written so that they can (section 2.2).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// Writes the bytes of one part of a path as a text that can be a part of a name: each byte that cannot
/// go is `%{HH}`, two capital hexadecimal digits. Where the part itself holds such a mark, its `%` is
/// written `%{25}`, so that no two parts are written alike. The text may be too long for a name.
pub fn escape(part: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = core::str::from_utf8(part)
        && !is_escaped(text)
        && error(text).is_none()
    {
        return Cow::Borrowed(text);
    }
    let mut text = String::new();
    let mut rest = part;
    for chunk in part.utf8_chunks() {
        for (at, c) in chunk.valid().char_indices() {
            if c == '%' && mark(&rest[at..]).is_some() {
                put(b"%", &mut text);
            } else {
                text.push(c);
            }
        }
        put(chunk.invalid(), &mut text);
        rest = rest.get(chunk.valid().len() + chunk.invalid().len()..).unwrap_or_default();
    }
    // Each turn takes all of one character out.
    while let Some(c) = error(&text) {
        let mut mark = String::new();
        put(c.encode_utf8(&mut [0; 4]).as_bytes(), &mut mark);
        text = text.replace(c, &mark);
    }
    Cow::Owned(text)
}

/// The bytes that were written so; `None` for a text that [`escape`] does not write.
pub fn unescape(part: &str) -> Option<Cow<'_, [u8]>> {
    if !is_escaped(part) {
        return Some(Cow::Borrowed(part.as_bytes()));
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match mark(rest) {
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

/// Whether a text holds the mark of a byte that could not go.
pub fn is_escaped(text: &str) -> bool {
    text.as_bytes().windows(ESCAPE_LEN).any(|window| mark(window).is_some())
}

/// The length of a mark.
const ESCAPE_LEN: usize = 5;

/// The byte of the mark that these begin with.
fn mark(bytes: &[u8]) -> Option<u8> {
    let [b'%', b'{', high, low, b'}', ..] = bytes else { return None };
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    Some(digit(*high)? << 4 | digit(*low)?)
}

fn put(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        // Writing to a text does not fail.
        let _ = write!(text, "%{{{byte:02X}}}");
    }
}

/// The first character that no name may have where it stands.
fn error(text: &str) -> Option<char> {
    crate::unicode::find_deceptive(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileName;
    use alloc::collections::BTreeMap;

    #[test]
    fn what_cannot_go_is_seen_and_everything_else_stays() {
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
    fn what_is_not_written_so_is_not_read() {
        for text in ["a%{41}", "%{25}a", "%{2F}", "x%{25}", "%{25}%{0A}x%{25}", "%{00}"] {
            assert_eq!(unescape(text), None, "{text}");
        }
    }

    #[test]
    fn no_two_parts_are_written_alike() {
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
