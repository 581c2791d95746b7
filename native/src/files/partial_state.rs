//! The state file beside a partial file.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use xcher_core::FileName;
use xcher_core::secure::PublicKey;

use super::ResumeKey;
use super::partial_name::resumable_name;

/// The longest state file that is read, in bytes: a name has at most 1,024, each of which JSON may write as
/// six.
pub(super) const MAX_STATE_LEN: u64 = 8 * 1024;

/// The content of the state file beside a partial file. It is for the user; resuming does not need it, and it
/// is ignored if it does not match the file's name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StateFile {
    version: u32,
    name: String,
    size: u64,
    from: String,
    /// Seconds since 1970.
    started: u64,
}

/// The version of the format. A state file of another version is ignored.
const VERSION: u32 = 1;

impl StateFile {
    pub(super) fn new(name: &FileName, key: &ResumeKey, started: SystemTime) -> Self {
        Self {
            version: VERSION,
            name: name.as_str().to_owned(),
            size: key.size,
            from: key.from.to_string(),
            started: started.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        }
    }

    /// Reads the state of the partial file `part`; `None` if it is not valid for it.
    pub(super) fn parse(bytes: &[u8], part: &str) -> Option<PartialState> {
        let state: Self = serde_json::from_slice(bytes).ok()?;
        let name = FileName::new(&state.name).ok()?;
        let key = ResumeKey { from: PublicKey::parse(&state.from).ok()?, size: state.size };
        let started = UNIX_EPOCH.checked_add(Duration::from_secs(state.started))?;
        let is_valid = state.version == VERSION && resumable_name(&name, &key) == part;
        is_valid.then_some(PartialState { name, key, started })
    }
}

/// The valid content of a state file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartialState {
    pub(super) name: FileName,
    pub(super) key: ResumeKey,
    pub(super) started: SystemTime,
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
    fn ignores_a_state_that_does_not_match_the_name() {
        let (name, key) = (name("a/träd\u{1f333}"), key(7, u64::MAX));
        let started = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let part = resumable_name(&name, &key);
        let text = serde_json::to_string(&StateFile::new(&name, &key, started)).unwrap();
        let state = PartialState { name, key, started };
        assert_eq!(StateFile::parse(text.as_bytes(), &part), Some(state));
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
            assert_eq!(StateFile::parse(changed.as_bytes(), &part), None, "{changed}");
        }
        assert_eq!(StateFile::parse(&text.as_bytes()[..20], &part), None);
        assert_eq!(StateFile::parse(b"\xff", &part), None);
    }

    #[test]
    fn reads_the_longest_state() {
        let text = "\u{10ffff}/".repeat(204);
        let longest = name(text.trim_end_matches('/'));
        let state = StateFile::new(&longest, &key(255, u64::MAX), SystemTime::now());
        assert!((serde_json::to_vec(&state).unwrap().len() as u64) < MAX_STATE_LEN);
    }
}
