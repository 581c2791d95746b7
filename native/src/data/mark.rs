//! Detects that a file changed while it was sent.

use std::fs::File;
use std::io;
use std::thread;
use std::time::{Duration, SystemTime};

use super::send_end::SendEnd;

/// A file's length, times and identity when its reading began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    length: u64,
    modified: Option<SystemTime>,
    /// The time of the last change of anything, metadata included, where the system reports it.
    #[cfg(unix)]
    changed: (i64, i64),
    #[cfg(unix)]
    id: (u64, u64),
}

/// Two changes within this time may leave the same timestamps.
const TIMESTAMP_RESOLUTION: Duration = Duration::from_millis(20);

impl Mark {
    /// Records a file's current state. If it changed a moment ago, waits a little, since another change in
    /// that moment would not show.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let mark = Self::read(file)?;
        let Some(changed) = mark.last_change() else { return Ok(mark) };
        match SystemTime::now().duration_since(changed) {
            Ok(age) if age < TIMESTAMP_RESOLUTION => {
                thread::sleep(TIMESTAMP_RESOLUTION - age);
                Self::read(file)
            }
            _ => Ok(mark),
        }
    }

    /// Returns the file's length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    fn read(file: &File) -> io::Result<Self> {
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

    /// Returns how sending ends after the last byte: complete only if the file has not changed.
    pub(super) fn end(&self, file: &File) -> SendEnd {
        match Self::read(file) {
            Ok(now) if now == *self => SendEnd::Complete,
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
    fn detects_every_change_at_once() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"one").unwrap();
        for _ in 0..20 {
            let mark = Mark::of(&file).unwrap();
            assert!(matches!(mark.end(&file), SendEnd::Complete));
            file.rewind().unwrap();
            file.write_all(b"two").unwrap();
            assert!(matches!(mark.end(&file), SendEnd::FileChanged));
        }
    }
}
