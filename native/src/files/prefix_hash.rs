//! The hash of a file's first bytes.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::sync::atomic::{AtomicBool, Ordering};

/// The most bytes read from the disk at a time.
pub(super) const READ_LEN: usize = 256 * 1024;

/// Hashes the first `len` bytes with BLAKE3 and leaves the file positioned after them. Blocks on the disk
/// for as long as reading them takes.
///
/// # Errors
///
/// The system's error; `UnexpectedEof` if the file is shorter; `Interrupted` soon after `cancelled` is set.
pub fn prefix_hash(
    mut file: &File,
    len: u64,
    cancelled: &AtomicBool,
) -> io::Result<blake3::Hasher> {
    let mut hasher = blake3::Hasher::new();
    file.rewind()?;
    // An empty prefix reads nothing and allocates nothing.
    let mut buffer = vec![0; usize::try_from(len).map_or(READ_LEN, |len| len.min(READ_LEN))];
    let mut left = len;
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
