//! Duplicates a standard stream as a file, without the buffer of `std`.

use std::fs::File;
use std::io;
#[cfg(unix)]
use std::os::fd::AsFd as Stream;
#[cfg(windows)]
use std::os::windows::io::AsHandle as Stream;

/// # Errors
///
/// If the stream is closed, or the process has no descriptor left.
pub(crate) fn dup(stream: &impl Stream) -> io::Result<File> {
    #[cfg(unix)]
    let handle = stream.as_fd();
    #[cfg(windows)]
    let handle = stream.as_handle();
    handle.try_clone_to_owned().map(File::from)
}
