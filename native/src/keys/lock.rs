//! One writer at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::error::KeysError;

/// A writer needs it for milliseconds; one that was stopped in between does not hold up all others
/// for good.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for the lock at `path`; it is held until the file is closed, also by the end of the
/// process. The file stays: were it removed, two processes could each hold a lock of that name.
pub(super) fn lock(path: &Path) -> Result<File, KeysError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(KeysError::system("open the lock", path))?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => return Err(KeysError::Busy { path: path.into() }),
            Err(TryLockError::Error(error)) => return Err(KeysError::system("lock", path)(error)),
        }
    }
}
