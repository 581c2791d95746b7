//! Reads and writes the packets of a control connection (section 3).

use alloc::vec::Vec;

use crate::{FileName, InvalidName, ProtocolError, Quoted, Size, decimal};

/// A file name of a packet: valid, or invalid with the reason.
pub type Name<'a> = Result<FileName<&'a str>, InvalidName<&'a str>>;

/// One line of a control connection. Borrows from the line; parsing does not allocate.
///
/// ```
/// use xcher_core::{Packet, Size};
///
/// // Fields are taken from the right, so that a name may contain spaces.
/// let packet = Packet::parse("X_FILELIST my holiday.jpg 700")?;
/// let Packet::Entry { name: Ok(name), size } = packet else { panic!("{packet:?}") };
/// assert_eq!((name.as_str(), size), ("my holiday.jpg", Size::Exact(700)));
/// # Ok::<(), xcher_core::ProtocolError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `X_FILELIST`: asks for the listing.
    FileList,
    /// `X_FILELIST name size`: one entry of the listing.
    Entry {
        /// The file.
        name: Name<'a>,
        /// Its size.
        size: Size,
    },
    /// `X_FILELIST EOF EOF`: ends the listing.
    ListEnd,
    /// `X_CHK …`: a question or an answer. Only the session can tell which, because a file may be called
    /// `a YES`.
    Chk(Chk<'a>),
    /// `X_REQUEST name size port`: requests a file.
    Request {
        /// The file.
        name: Name<'a>,
        /// Its size, as listed.
        size: Size,
        /// The requester's port, 1–65535; 0 asks the provider to listen (section 15), which requires the
        /// extension `passive`.
        port: u16,
    },
    /// `X_END`: announces that the sender closes the connection.
    End,
    /// Another verb with the prefix `X_`, of an extension or a later version.
    Unknown {
        /// The verb.
        verb: &'a str,
    },
}

/// The field of `X_CHK`, which may be a question or an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chk<'a>(&'a str);

impl<'a> Chk<'a> {
    /// Returns the name, if this is a question.
    pub fn question(self) -> &'a str {
        self.0
    }

    /// Returns the name and `true` for YES or `false` for NO, if this can be an answer.
    pub fn answer(self) -> Option<(&'a str, bool)> {
        match split_last(self.0)? {
            (name, "YES") => Some((name, true)),
            (name, "NO") => Some((name, false)),
            _ => None,
        }
    }
}

const ENTRY_FORM: &str = "X_FILELIST, X_FILELIST name size or X_FILELIST EOF EOF";
const CHK_FORM: &str = "X_CHK name";
const REQUEST_FORM: &str = "X_REQUEST name size port";

impl<'a> Packet<'a> {
    /// Parses a line without its end.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Malformed`] if a known verb has the wrong fields,
    /// [`ProtocolError::NotXcher`] if the line does not start with an `X_` verb.
    #[inline]
    pub fn parse(line: &'a str) -> Result<Self, ProtocolError> {
        // Entries come first: a listing can have millions.
        if let Some(fields) = line.strip_prefix("X_FILELIST ") {
            return Self::parse_entry(fields).ok_or_else(|| malformed(ENTRY_FORM, line));
        }
        let (verb, fields) = match line.split_once(' ') {
            Some((verb, fields)) => (verb, Some(fields)),
            None => (line, None),
        };
        match (verb, fields) {
            ("X_FILELIST", None) => Ok(Self::FileList),
            ("X_END", None) => Ok(Self::End),
            ("X_END", Some(_)) => Err(malformed("X_END", line)),
            ("X_CHK", Some(name)) if !name.is_empty() => Ok(Self::Chk(Chk(name))),
            ("X_CHK", _) => Err(malformed(CHK_FORM, line)),
            ("X_REQUEST", Some(fields)) => {
                Self::parse_request(fields).ok_or_else(|| malformed(REQUEST_FORM, line))
            }
            ("X_REQUEST", None) => Err(malformed(REQUEST_FORM, line)),
            // A packet for the relay alone, never valid here.
            ("X_INIT", _) => Err(malformed("a packet of a control connection", line)),
            (verb, _) if verb.starts_with("X_") => Ok(Self::Unknown { verb }),
            _ => Err(ProtocolError::NotXcher { got: Quoted(line).to_box() }),
        }
    }

    #[inline]
    fn parse_entry(fields: &'a str) -> Option<Self> {
        if let Some((name, bytes)) = decimal::split_last(fields) {
            return Some(Self::Entry { name: FileName::parse(name), size: Size::Exact(bytes) });
        }
        let (name, size) = split_last(fields)?;
        match Size::parse(size) {
            Some(size) => Some(Self::Entry { name: FileName::parse(name), size }),
            None if fields == "EOF EOF" => Some(Self::ListEnd),
            None => None,
        }
    }

    fn parse_request(fields: &'a str) -> Option<Self> {
        let (fields, port) = split_last(fields)?;
        let (name, size) = split_last(fields)?;
        let port = if port == "0" { 0 } else { decimal::port(port)? };
        let size = Size::parse(size)?;
        Some(Self::Request { name: FileName::parse(name), size, port })
    }

    /// Appends the line with its end. Writes an invalid name as it is: only an answer can contain one, and
    /// it repeats the question.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::FileList => put(out, &["X_FILELIST"]),
            Self::Entry { name, size } => put_sized(out, "X_FILELIST ", *name, *size, None),
            Self::ListEnd => put(out, &["X_FILELIST EOF EOF"]),
            Self::Chk(Chk(rest)) => put(out, &["X_CHK ", rest]),
            Self::Request { name, size, port } => {
                put_sized(out, "X_REQUEST ", *name, *size, Some(*port));
            }
            Self::End => put(out, &["X_END"]),
            Self::Unknown { verb } => put(out, &[verb]),
        }
    }

    /// Creates the question whether `name` is shared.
    pub fn check(name: FileName<&'a str>) -> Self {
        Self::Chk(Chk(name.into_str()))
    }

    /// Appends the answer to an X_CHK or the refusal of an X_REQUEST, with the name as received.
    pub fn encode_answer(name: &str, yes: bool, out: &mut Vec<u8>) {
        put(out, &["X_CHK ", name, if yes { " YES" } else { " NO" }]);
    }
}

/// Splits off the last field. The field is short: a scan from its end is faster than a search.
#[inline]
pub(crate) fn split_last(fields: &str) -> Option<(&str, &str)> {
    let at = fields.as_bytes().iter().rposition(|byte| *byte == b' ')?;
    let (rest, last) = fields.split_at_checked(at)?;
    Some((rest, last.strip_prefix(' ')?))
}

fn put(out: &mut Vec<u8>, fields: &[&str]) {
    for field in fields {
        out.extend_from_slice(field.as_bytes());
    }
    out.push(b'\n');
}

fn put_sized(out: &mut Vec<u8>, verb: &str, name: Name<'_>, size: Size, port: Option<u16>) {
    out.extend_from_slice(verb.as_bytes());
    out.extend_from_slice(name.map_or_else(|bad| bad.name, FileName::into_str).as_bytes());
    out.push(b' ');
    size.encode(out);
    if let Some(port) = port {
        out.push(b' ');
        decimal::put(port.into(), out);
    }
    out.push(b'\n');
}

#[cold]
fn malformed(expected: &'static str, line: &str) -> ProtocolError {
    ProtocolError::Malformed { expected, got: Quoted(line).to_box() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn name(text: &str) -> Name<'_> {
        Ok(FileName::parse(text).expect("valid"))
    }

    #[test]
    fn fields_are_taken_from_the_right() {
        for (line, packet) in [
            ("X_FILELIST", Packet::FileList),
            (
                "X_FILELIST java.avi 734003200",
                Packet::Entry { name: name("java.avi"), size: Size::Exact(734003200) },
            ),
            (
                "X_FILELIST my holiday 2.jpg 7",
                Packet::Entry { name: name("my holiday 2.jpg"), size: Size::Exact(7) },
            ),
            ("X_FILELIST EOF 3", Packet::Entry { name: name("EOF"), size: Size::Exact(3) }),
            ("X_FILELIST EOF EOF", Packet::ListEnd),
            ("X_CHK a YES", Packet::Chk(Chk("a YES"))),
            (
                "X_REQUEST a b 1 2 3",
                Packet::Request { name: name("a b 1"), size: Size::Exact(2), port: 3 },
            ),
            ("X_END", Packet::End),
            ("X_CAPS secure verify", Packet::Unknown { verb: "X_CAPS" }),
        ] {
            assert_eq!(Packet::parse(line), Ok(packet), "{line:?}");
            if !matches!(packet, Packet::Unknown { .. }) {
                let mut out = Vec::new();
                packet.encode(&mut out);
                assert_eq!(String::from_utf8(out).expect("text"), String::from(line) + "\n");
            }
        }
    }

    #[test]
    fn an_invalid_name_is_not_a_malformed_packet() {
        let Ok(Packet::Entry { name: Err(bad), .. }) = Packet::parse("X_FILELIST ../a 1") else {
            panic!("expected an entry with an invalid name");
        };
        assert_eq!(bad.name, "../a");
        assert!(matches!(Packet::parse("X_FILELIST  1"), Ok(Packet::Entry { name: Err(_), .. })));
    }

    #[test]
    fn wrong_fields_are_malformed() {
        for line in [
            "X_FILELIST a",
            "X_FILELIST a b",
            "X_FILELIST a EOF",
            "X_FILELIST ",
            "X_FILELIST a -1",
            "X_FILELIST a 18446744073709551616",
            "X_CHK",
            "X_CHK ",
            "X_REQUEST",
            "X_REQUEST a 1",
            "X_REQUEST a 1 65536",
            "X_REQUEST a x 80",
            "X_END now",
            "X_INIT bob 1.2.3.4 5",
        ] {
            assert!(
                matches!(Packet::parse(line), Err(ProtocolError::Malformed { .. })),
                "{line:?}"
            );
        }
        for line in ["", " ", "GET / HTTP/1.1", "x_end", " X_END", "\u{feff}X_END", "XEND"] {
            assert!(matches!(Packet::parse(line), Err(ProtocolError::NotXcher { .. })), "{line:?}");
        }
    }

    #[test]
    fn an_answer_ends_in_yes_or_no() {
        assert_eq!(Chk("a b YES").answer(), Some(("a b", true)));
        assert_eq!(Chk("a NO").answer(), Some(("a", false)));
        assert_eq!(Chk("YES").answer(), None);
        assert_eq!(Chk("a yes").answer(), None);
    }
}
