//! Whose an unfinished file is, so that it is found again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use xcher_core::FileName;
use xcher_core::secure::PublicKey;

/// Who sends a file and how long it is, in bytes: with its name, what makes it the same file the
/// next time. Nicks, addresses and paths change; the key does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The sender, who has proved to hold this key.
    pub from: PublicKey,
    /// The exact size of the whole file.
    pub size: u64,
}

/// Bytes of a file's name that an unfinished one keeps: with the rest it fits file systems that hold
/// less than 255 bytes a name, encrypted ones for example.
const KEPT_OF_NAME: usize = 120;
/// Hexadecimal digits in the name of one that is not found again, and of one that is.
const RANDOM: usize = 8;
const HASHED: usize = 32;
const PART: &str = ".part";
const STATE: &str = ".json";

/// A name that no unfinished file is likely to have.
pub(super) fn random_name(last_part: &str) -> String {
    let stem = &last_part[..last_part.floor_char_boundary(KEPT_OF_NAME)];
    format!("{stem}.{:0RANDOM$x}{PART}", fastrand::u32(..))
}

/// The name that an unfinished file of this origin has each time.
pub(super) fn lasting_name(name: &FileName, origin: &Origin) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("xcher 2 unfinished file");
    hasher.update(origin.from.as_bytes());
    hasher.update(&origin.size.to_le_bytes());
    hasher.update(name.as_str().as_bytes());
    let last_part = name.last_part();
    let stem = &last_part[..last_part.floor_char_boundary(KEPT_OF_NAME + RANDOM - HASHED)];
    let hash = hasher.finalize().to_hex();
    format!("{stem}.{}{PART}", &hash[..HASHED])
}

/// What a name in the folder of unfinished files is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ours<'a> {
    /// An unfinished file, with what it keeps of its own name.
    Part { stem: &'a str },
    /// What is known of one.
    State,
}

impl<'a> Ours<'a> {
    /// `None` for a name that is not given here.
    pub(super) fn parse(name: &'a str) -> Option<Self> {
        let (rest, is_part) = match name.strip_suffix(PART) {
            Some(rest) => (rest, true),
            None => (name.strip_suffix(STATE)?, false),
        };
        let (stem, digits) = rest.rsplit_once('.')?;
        let hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match (stem.is_empty() || !hex, digits.len(), is_part) {
            (false, RANDOM | HASHED, true) => Some(Self::Part { stem }),
            (false, HASHED, false) => Some(Self::State),
            _ => None,
        }
    }
}

/// The name of the state of an unfinished file, if it can have one.
pub(super) fn state_name(part: &str) -> Option<String> {
    let name = format!("{}{STATE}", part.strip_suffix(PART)?);
    (Ours::parse(&name) == Some(Ours::State)).then_some(name)
}

/// The name of the unfinished file of a state.
pub(super) fn part_name(state: &str) -> Option<String> {
    Some(format!("{}{PART}", state.strip_suffix(STATE)?))
}

/// The longest state that is read, in bytes: a name has at most 1,024, which JSON may write as six
/// each.
pub(super) const LONGEST_STATE: u64 = 8 * 1024;

/// What the state file beside an unfinished file says. It is there for people; nothing of it is
/// needed to go on, and nothing is believed that does not fit the file's name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    name: String,
    size: u64,
    from: String,
    /// Seconds since 1970.
    started: u64,
}

/// The format of the state. Another one is as none.
const VERSION: u32 = 1;

impl State {
    pub(super) fn new(name: &FileName, origin: &Origin, started: SystemTime) -> Self {
        Self {
            version: VERSION,
            name: name.as_str().to_owned(),
            size: origin.size,
            from: origin.from.to_string(),
            started: started.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        }
    }

    /// Reads the state of the unfinished file `part`; `None` for what is none of it.
    pub(super) fn parse(bytes: &[u8], part: &str) -> Option<Known> {
        let state: Self = serde_json::from_slice(bytes).ok()?;
        let name = FileName::new(&state.name).ok()?;
        let origin = Origin { from: PublicKey::parse(&state.from).ok()?, size: state.size };
        let started = UNIX_EPOCH.checked_add(Duration::from_secs(state.started))?;
        let fits = state.version == VERSION && lasting_name(&name, &origin) == part;
        fits.then_some(Known { name, origin, started })
    }
}

/// What a state file has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: FileName,
    pub(super) origin: Origin,
    pub(super) started: SystemTime,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn origin(key: u8, size: u64) -> Origin {
        Origin { from: PublicKey::new([key; 32]), size }
    }

    fn name(text: &str) -> FileName {
        FileName::new(text).unwrap()
    }

    #[test]
    fn the_name_depends_on_all_that_makes_a_file_the_same() {
        let one = lasting_name(&name("a/b.txt"), &origin(1, 5));
        assert_eq!(one, lasting_name(&name("a/b.txt"), &origin(1, 5)));
        assert!(one.starts_with("b.txt.") && one.ends_with(".part"), "{one}");
        for other in [
            lasting_name(&name("a/b.txt"), &origin(2, 5)),
            lasting_name(&name("a/b.txt"), &origin(1, 6)),
            lasting_name(&name("c/b.txt"), &origin(1, 5)),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn names_are_short_and_known_again() {
        let long = name(&"å".repeat(127));
        for part in [random_name(long.as_str()), lasting_name(&long, &origin(1, 1))] {
            assert!(part.len() <= 143, "{part}");
            assert!(matches!(Ours::parse(&part), Some(Ours::Part { stem }) if !stem.is_empty()));
        }
        let part = lasting_name(&long, &origin(1, 1));
        let state = state_name(&part).unwrap();
        assert_eq!(Ours::parse(&state), Some(Ours::State));
        assert_eq!(part_name(&state).unwrap(), part);
        assert_eq!(state_name(&random_name("x")), None);
        for not_ours in [
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
            assert_eq!(Ours::parse(not_ours), None, "{not_ours}");
        }
    }

    #[test]
    fn a_state_is_believed_only_where_it_fits() {
        let (name, origin) = (name("a/träd\u{1f333}"), origin(7, u64::MAX));
        let started = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let part = lasting_name(&name, &origin);
        let text = serde_json::to_string(&State::new(&name, &origin, started)).unwrap();
        let known = Known { name, origin, started };
        assert_eq!(State::parse(text.as_bytes(), &part), Some(known));
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("a/tr", "b/tr"),
            ("a/tr", "../tr"),
            ("18446744073709551615", "1"),
            ("1700000000", "-1"),
            ("1700000000", "18446744073709551615"),
            ("\"from\":\"B", "\"from\":\"C"),
            ("{", "["),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert_eq!(State::parse(changed.as_bytes(), &part), None, "{changed}");
        }
        assert_eq!(State::parse(&text.as_bytes()[..20], &part), None);
        assert_eq!(State::parse(b"\xff", &part), None);
    }

    #[test]
    fn the_longest_state_is_read() {
        let text = "\u{10ffff}/".repeat(204);
        let longest = name(text.trim_end_matches('/'));
        let state = State::new(&longest, &origin(255, u64::MAX), SystemTime::now());
        assert!((serde_json::to_vec(&state).unwrap().len() as u64) < LONGEST_STATE);
    }
}
