//! The names of partial files and of their state files.

use xcher_core::FileName;
use xcher_core::secure::PublicKey;

/// Identifies a file, together with its name, so that a later attempt resumes it. Nicks, addresses and paths
/// change; the provider's key does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeKey {
    /// The provider's key, which it has proved.
    pub from: PublicKey,
    /// The exact size of the complete file in bytes.
    pub size: u64,
}

/// The most bytes of a file's name in that of its partial file: with the rest it fits file systems that store
/// less than 255 bytes a name, such as encrypted ones.
const MAX_STEM_LEN: usize = 120;
/// Hexadecimal digits in the name of a partial file that cannot be resumed.
const RANDOM_DIGITS: usize = 8;
/// Hexadecimal digits in the name of one that can be resumed.
const HASH_DIGITS: usize = 32;
const PART_SUFFIX: &str = ".part";
const STATE_SUFFIX: &str = ".json";

/// Returns a name that no partial file is likely to have.
pub(super) fn random_name(last_part: &str) -> String {
    let stem = &last_part[..last_part.floor_char_boundary(MAX_STEM_LEN)];
    format!("{stem}.{:0RANDOM_DIGITS$x}{PART_SUFFIX}", fastrand::u32(..))
}

/// Returns the name that a partial file of this key always has.
pub(super) fn resumable_name(name: &FileName, key: &ResumeKey) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("xcher 2 unfinished file");
    hasher.update(key.from.as_bytes());
    hasher.update(&key.size.to_le_bytes());
    hasher.update(name.as_str().as_bytes());
    let last_part = name.last_part();
    let stem =
        &last_part[..last_part.floor_char_boundary(MAX_STEM_LEN + RANDOM_DIGITS - HASH_DIGITS)];
    let hash = hasher.finalize().to_hex();
    format!("{stem}.{}{PART_SUFFIX}", &hash[..HASH_DIGITS])
}

/// The kinds of files in the folder of partial files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartialEntry<'a> {
    /// A partial file, with the beginning of its own name.
    Part { stem: &'a str },
    /// A state file.
    State,
}

impl<'a> PartialEntry<'a> {
    /// Returns `None` for a name that this program does not use.
    pub(super) fn parse(name: &'a str) -> Option<Self> {
        let (rest, is_part) = match name.strip_suffix(PART_SUFFIX) {
            Some(rest) => (rest, true),
            None => (name.strip_suffix(STATE_SUFFIX)?, false),
        };
        let (stem, digits) = rest.rsplit_once('.')?;
        let hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match (stem.is_empty() || !hex, digits.len(), is_part) {
            (false, RANDOM_DIGITS | HASH_DIGITS, true) => Some(Self::Part { stem }),
            (false, HASH_DIGITS, false) => Some(Self::State),
            _ => None,
        }
    }
}

/// Returns the name of a partial file's state file, if it can be resumed.
pub(super) fn state_name(part: &str) -> Option<String> {
    let name = format!("{}{STATE_SUFFIX}", part.strip_suffix(PART_SUFFIX)?);
    (PartialEntry::parse(&name) == Some(PartialEntry::State)).then_some(name)
}

/// Returns the name of a state file's partial file.
pub(super) fn part_name(state: &str) -> Option<String> {
    Some(format!("{}{PART_SUFFIX}", state.strip_suffix(STATE_SUFFIX)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn key(byte: u8, size: u64) -> ResumeKey {
        ResumeKey { from: PublicKey::new([byte; 32]), size }
    }

    fn name(text: &str) -> FileName {
        FileName::new(text).unwrap()
    }

    #[test]
    fn the_name_depends_on_provider_size_and_name() {
        let one = resumable_name(&name("a/b.txt"), &key(1, 5));
        assert_eq!(one, resumable_name(&name("a/b.txt"), &key(1, 5)));
        assert!(one.starts_with("b.txt.") && one.ends_with(".part"), "{one}");
        for other in [
            resumable_name(&name("a/b.txt"), &key(2, 5)),
            resumable_name(&name("a/b.txt"), &key(1, 6)),
            resumable_name(&name("c/b.txt"), &key(1, 5)),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn names_are_short_and_recognized() {
        let long = name(&"å".repeat(127));
        for part in [random_name(long.as_str()), resumable_name(&long, &key(1, 1))] {
            assert!(part.len() <= 143, "{part}");
            assert!(
                matches!(PartialEntry::parse(&part), Some(PartialEntry::Part { stem }) if !stem.is_empty())
            );
        }
        let part = resumable_name(&long, &key(1, 1));
        let state = state_name(&part).unwrap();
        assert_eq!(PartialEntry::parse(&state), Some(PartialEntry::State));
        assert_eq!(part_name(&state).unwrap(), part);
        assert_eq!(state_name(&random_name("x")), None);
        for other in [
            "x",
            "x.part",
            ".01234567.part",
            "x.0123456.part",
            "x.0123456G.part",
            "x.01234567.json",
            "x.01234567",
            "x.01234567.part~",
            "x.ABCDEF01.part",
            "x..part",
            "",
        ] {
            assert_eq!(PartialEntry::parse(other), None, "{other}");
        }
    }
}
