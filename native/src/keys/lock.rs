//! Admits one writer at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::error::KeysError;

/// Time to wait for the lock. A writer holds it for milliseconds, unless it was stopped meanwhile.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Waits for the lock at `path`, which is held until the file is closed, at the latest by the end of the
/// process. The file is never removed: otherwise two processes could each hold a lock of that name.
pub(crate) fn lock(path: &Path) -> Result<File, KeysError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(KeysError::system("open the lock", path))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_TIMEOUT => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => return Err(KeysError::Busy { path: path.into() }),
            Err(TryLockError::Error(error)) => return Err(KeysError::system("lock", path)(error)),
        }
    }
}
