//! Whether a file that is sent is still what it was.

use std::fs::File;
use std::io;
use std::thread;
use std::time::{Duration, SystemTime};

use super::send::SendEnd;

/// What a file looked like when its reading began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    length: u64,
    modified: Option<SystemTime>,
    /// The time of the last change of anything, and which file it is, where the system says it.
    #[cfg(unix)]
    changed: (i64, i64),
    #[cfg(unix)]
    id: (u64, u64),
}

/// Changes within so short a time may have the same times.
const TICK: Duration = Duration::from_millis(20);

impl Mark {
    /// Of a file as it is now. One that was changed a moment ago is waited for, since another change in
    /// that moment would not show.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn of(file: &File) -> io::Result<Self> {
        let mark = Self::look(file)?;
        let Some(changed) = mark.last_change() else { return Ok(mark) };
        match SystemTime::now().duration_since(changed) {
            Ok(age) if age < TICK => {
                thread::sleep(TICK - age);
                Self::look(file)
            }
            _ => Ok(mark),
        }
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    fn look(file: &File) -> io::Result<Self> {
        let found = file.metadata()?;
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;
        Ok(Self {
            length: found.len(),
            modified: found.modified().ok(),
            #[cfg(unix)]
            changed: (found.ctime(), found.ctime_nsec()),
            #[cfg(unix)]
            id: (found.dev(), found.ino()),
        })
    }

    #[cfg(unix)]
    fn last_change(&self) -> Option<SystemTime> {
        let seconds = Duration::from_secs(u64::try_from(self.changed.0).ok()?);
        let nanos = Duration::from_nanos(u64::try_from(self.changed.1).ok()?);
        let changed = SystemTime::UNIX_EPOCH.checked_add(seconds)?.checked_add(nanos);
        changed.max(self.modified)
    }

    #[cfg(not(unix))]
    fn last_change(&self) -> Option<SystemTime> {
        self.modified
    }

    /// How sending ends after the last byte: whole only if the file has not changed.
    pub(super) fn end(&self, file: &File) -> SendEnd {
        match Self::look(file) {
            Ok(now) if now == *self => SendEnd::Whole,
            Ok(_) => SendEnd::FileChanged,
            Err(error) => SendEnd::FileError(error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{Seek as _, Write as _};

    use super::*;

    #[test]
    fn every_change_shows_at_once() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"one").unwrap();
        for _ in 0..20 {
            let mark = Mark::of(&file).unwrap();
            assert!(matches!(mark.end(&file), SendEnd::Whole));
            file.rewind().unwrap();
            file.write_all(b"two").unwrap();
            assert!(matches!(mark.end(&file), SendEnd::FileChanged));
        }
    }
}
