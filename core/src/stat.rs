//! What a file has beside its name and its bytes (section 16).

use alloc::vec::Vec;

use crate::packet::split_last;
use crate::{FileName, Size, decimal};

/// When a file was last changed, and whether it is a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stat {
    /// Seconds since 1970 in UTC; `None` where it is not known.
    pub modified: Option<i64>,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// A file that a host shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: FileName,
    /// Its size: exact, or [`Size::UNKNOWN`].
    pub size: Size,
    /// What else is to be told of it.
    pub stat: Stat,
}

impl Stat {
    /// Takes the last two fields; what is before them.
    pub(crate) fn split(fields: &str) -> Option<(&str, Self)> {
        let (fields, mode) = split_last(fields)?;
        let (fields, modified) = split_last(fields)?;
        let executable = match mode {
            "x" => true,
            "-" => false,
            _ => return None,
        };
        let modified = match modified.strip_prefix('-') {
            Some("") => None,
            Some(before) => Some(-i64::try_from(decimal::parse(before.as_bytes())?).ok()?),
            None => Some(i64::try_from(decimal::parse(modified.as_bytes())?).ok()?),
        };
        Some((fields, Self { modified, executable }))
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
        out.extend_from_slice(if self.executable { b" x" } else { b" -" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn both_fields_are_read_as_they_are_written() {
        for modified in [None, Some(0), Some(1_795_000_000), Some(-1), Some(i64::MAX)] {
            for executable in [false, true] {
                let stat = Stat { modified, executable };
                let mut out = b"a b 5".to_vec();
                stat.encode(&mut out);
                let line = String::from_utf8(out).expect("text");
                assert_eq!(Stat::split(&line), Some(("a b 5", stat)), "{line}");
            }
        }
        for bad in ["a 5", "a 5 - y", "a 5 x x", "a 5 -- -", "a 5 9223372036854775808 x"] {
            assert_eq!(Stat::split(bad), None, "{bad:?}");
        }
    }
}
