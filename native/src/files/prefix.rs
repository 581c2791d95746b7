//! The sum of how a file begins.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes that are read from the disk at a time.
pub(super) const HASHED_AT_ONCE: usize = 256 * 1024;

/// BLAKE3 of the first `length` bytes, to go on with; the file stands after them then. Blocks on the
/// disk, for as long as it takes to read them.
///
/// # Errors
///
/// What the system says; `UnexpectedEof` if there are fewer; `Interrupted` soon after `cancelled` is
/// set.
pub fn prefix_hash(
    mut file: &File,
    length: u64,
    cancelled: &AtomicBool,
) -> io::Result<blake3::Hasher> {
    let mut hasher = blake3::Hasher::new();
    file.rewind()?;
    // Of a file that has nothing yet, nothing is read, and no memory taken.
    let mut buffer =
        vec![0; usize::try_from(length).map_or(HASHED_AT_ONCE, |l| l.min(HASHED_AT_ONCE))];
    let mut left = length;
    while left > 0 {
        if cancelled.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let wanted = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        file.read_exact(&mut buffer[..wanted])?;
        hasher.update(&buffer[..wanted]);
        left -= wanted as u64;
    }
    Ok(hasher)
}
