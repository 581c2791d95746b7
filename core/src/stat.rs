//! File metadata: type, modification time and permissions (section 16).

use alloc::vec::Vec;

use crate::packet::split_last;
use crate::session::Extensions;
use crate::{FileName, Size, decimal};

/// A file's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stat {
    /// Modification time in seconds since 1970 (UTC); `None` if unknown.
    pub modified: Option<i64>,
    /// The type.
    pub kind: Kind,
    /// True if the owner may execute it; only for regular files.
    pub executable: bool,
    /// True if only the owner may read or use it.
    pub private: bool,
    /// True if its bytes are a message to the user, in UTF-8 (section 16.1); only for regular files.
    pub text: bool,
}

/// The type of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Kind {
    /// A regular file.
    #[default]
    File,
    /// An empty folder, which has no bytes to send.
    Folder,
    /// A symbolic link, whose bytes are the text of its target.
    Link,
}

/// Bytes of the longest target of a symbolic link.
pub const MAX_LINK_LEN: u64 = 4096;

/// A shared file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedFile {
    /// The name.
    pub name: FileName,
    /// The size: exact, or [`Size::UNKNOWN`].
    pub size: Size,
    /// The metadata.
    pub stat: Stat,
}

impl Stat {
    /// Parses the last two fields and returns the rest of the line. Only with `texts` may the mode be that of a
    /// text.
    pub(crate) fn split(fields: &str, texts: bool) -> Option<(&str, Self)> {
        let (fields, mode) = split_last(fields)?;
        let (fields, modified) = split_last(fields)?;
        let stat = Self::parse_mode(mode).filter(|stat| texts || !stat.text)?;
        let modified = match modified.strip_prefix('-') {
            Some("") => None,
            Some(before) => Some(-i64::try_from(decimal::parse(before.as_bytes())?).ok()?),
            None => Some(i64::try_from(decimal::parse(modified.as_bytes())?).ok()?),
        };
        Some((fields, Self { modified, ..stat }))
    }

    fn parse_mode(mode: &str) -> Option<Self> {
        let (what, private) = match mode {
            "p" => return Some(Self { private: true, ..Self::default() }),
            _ => mode.strip_suffix('p').map_or((mode, false), |what| (what, true)),
        };
        let stat = Self { private, ..Self::default() };
        match what {
            "-" if !private => Some(stat),
            "x" => Some(Self { executable: true, ..stat }),
            "d" => Some(Self { kind: Kind::Folder, ..stat }),
            "l" if !private => Some(Self { kind: Kind::Link, ..stat }),
            "t" if !private => Some(Self { text: true, ..stat }),
            _ => None,
        }
    }

    /// Returns these metadata as a peer understands them with these extensions in force.
    pub(crate) fn known_to(self, extensions: Extensions) -> Self {
        Self { text: self.text && extensions.has(Extensions::TEXT), ..self }
    }

    /// Returns the mode field: its letters, or `-`.
    pub fn mode(self) -> &'static str {
        match (self.kind, self.executable, self.private) {
            (Kind::File, ..) if self.text => "t",
            (Kind::File, false, false) => "-",
            (Kind::File, false, true) => "p",
            (Kind::File, true, false) => "x",
            (Kind::File, true, true) => "xp",
            (Kind::Folder, _, false) => "d",
            (Kind::Folder, _, true) => "dp",
            (Kind::Link, ..) => "l",
        }
    }

    /// Parses a [`mode`](Self::mode) field; returns `None` for anything else.
    pub fn with_mode(modified: Option<i64>, mode: &str) -> Option<Self> {
        Some(Self { modified, ..Self::parse_mode(mode)? })
    }

    /// Appends both fields, each after a space.
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        out.push(b' ');
        match self.modified {
            Some(seconds) => {
                if seconds < 0 {
                    out.push(b'-');
                }
                decimal::put(seconds.unsigned_abs(), out);
            }
            None => out.push(b'-'),
        }
        out.push(b' ');
        out.extend_from_slice(self.mode().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn both_fields_round_trip() {
        for modified in [None, Some(0), Some(1_795_000_000), Some(-1), Some(i64::MAX)] {
            for mode in ["-", "p", "x", "xp", "d", "dp", "l", "t"] {
                let stat = Stat::with_mode(modified, mode).expect("a mode");
                assert_eq!(stat.mode(), mode);
                let mut out = b"a b 5".to_vec();
                stat.encode(&mut out);
                let line = String::from_utf8(out).expect("text");
                assert_eq!(Stat::split(&line, true), Some(("a b 5", stat)), "{line}");
                let known = (!stat.text).then_some(("a b 5", stat));
                assert_eq!(Stat::split(&line, false), known, "{line}");
            }
        }
        for bad in [
            "a 5",
            "a 5 - y",
            "a 5 x x",
            "a 5 - lp",
            "a 5 - -p",
            "a 5 - pp",
            "a 5 - xd",
            "a 5 - tp",
            "a 5 - xt",
            "a 5 - ",
            "a 5 -- -",
            "a 5 9223372036854775808 x",
        ] {
            assert_eq!(Stat::split(bad, true), None, "{bad:?}");
        }
    }
}
