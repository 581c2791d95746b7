//! From a file to a socket.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::SockRef;
use xcher_core::secure::SecureError;

use super::throttle::{LOOK, Stopped};
use super::{Brake, Mark};

/// How sending ended.
#[derive(Debug)]
pub enum SendEnd {
    /// All bytes are on their way, and the end of the stream after them.
    Whole,
    /// The file had fewer bytes than announced.
    FileShrank {
        /// Bytes sent.
        sent: u64,
    },
    /// The file changed while it was read.
    FileChanged,
    /// The file cannot be read.
    FileError(io::Error),
    /// The connection broke, or the transfer was cancelled.
    SocketError(io::Error),
    /// The bytes cannot be sealed as was agreed.
    SecureError(SecureError),
}

/// Sends the first `size` bytes of `file`, and then the end of the stream, unless the file changed
/// since it had this mark.
///
/// `sent` is set to the bytes that the system has taken so far; soon after `cancelled` is set it
/// ends. When not all could be sent, the connection is reset as it is closed, also by the death of
/// the process, so that the other side cannot take its end for the end of the file: the caller must
/// drop the socket and its clones, and not shut it down. On Linux the process must ignore SIGPIPE,
/// as Rust programs do by default.
pub fn send(
    socket: &TcpStream,
    file: &File,
    size: u64,
    mark: Mark,
    sent: &AtomicU64,
    cancelled: &Brake,
) -> SendEnd {
    to_the_end(socket, || match copy_out(socket, file, size, sent, cancelled) {
        SendEnd::Whole => mark.end(file),
        end => end,
    })
}

/// The same of a file as it is now.
#[cfg(test)]
pub(super) fn send_now(
    socket: &TcpStream,
    file: &File,
    size: u64,
    sent: &AtomicU64,
    cancelled: &Brake,
) -> SendEnd {
    match Mark::of(file) {
        Ok(mark) => send(socket, file, size, mark, sent, cancelled),
        Err(error) => to_the_end(socket, || SendEnd::FileError(error)),
    }
}

/// Sends something whole, or resets the connection.
pub(super) fn to_the_end(socket: &TcpStream, copy_out: impl FnOnce() -> SendEnd) -> SendEnd {
    // These fail only where there is no connection left.
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
    let _ = socket.set_write_timeout(Some(LOOK));
    match copy_out() {
        SendEnd::Whole => {
            let _ = SockRef::from(socket).set_linger(None);
            match socket.shutdown(Shutdown::Write) {
                Ok(()) => SendEnd::Whole,
                Err(error) => SendEnd::SocketError(error),
            }
        }
        end => end,
    }
}

impl From<Stopped> for SendEnd {
    fn from(_: Stopped) -> Self {
        Self::SocketError(io::ErrorKind::ConnectionAborted.into())
    }
}

#[cfg(target_os = "linux")]
fn copy_out(
    socket: &TcpStream,
    file: &File,
    size: u64,
    sent: &AtomicU64,
    cancelled: &Brake,
) -> SendEnd {
    use rustix::io::Errno;
    let mut step = Step::new();
    let mut offset = 0;
    while offset < size {
        if let Err(stopped) = cancelled.go_on() {
            return stopped.into();
        }
        let count = step.bytes.min(size - offset) as usize;
        let count = match cancelled.turn(count) {
            Ok(count) => count,
            Err(stopped) => return stopped.into(),
        };
        let taken = rustix::fs::sendfile(socket, file, Some(&mut offset), count);
        cancelled.moved(count, taken.unwrap_or(0));
        match taken {
            Ok(0) => return SendEnd::FileShrank { sent: offset },
            Ok(taken) => step.adapt(taken as u64),
            Err(Errno::INTR | Errno::AGAIN) => {}
            // A file system that cannot: some of those in user space.
            Err(Errno::INVAL | Errno::NOSYS) => {
                return by_copy(socket, file, offset, size, sent, cancelled);
            }
            Err(error @ (Errno::IO | Errno::STALE | Errno::ISDIR | Errno::ACCESS)) => {
                return SendEnd::FileError(error.into());
            }
            Err(error) => return SendEnd::SocketError(error.into()),
        }
        sent.store(offset, Ordering::Relaxed);
    }
    SendEnd::Whole
}

#[cfg(not(target_os = "linux"))]
fn copy_out(
    socket: &TcpStream,
    file: &File,
    size: u64,
    sent: &AtomicU64,
    cancelled: &Brake,
) -> SendEnd {
    by_copy(socket, file, 0, size, sent, cancelled)
}

/// How much is handed to the system in one call.
///
/// On a fast path as much as pays; on a slow one so little that progress is seen to move long
/// before the transfer seems to stand still.
#[cfg(target_os = "linux")]
struct Step {
    bytes: u64,
    began: std::time::Instant,
}

#[cfg(target_os = "linux")]
impl Step {
    const SHORTEST: u64 = 16 << 10;
    const FIRST: u64 = 128 << 10;
    const LONGEST: u64 = 4 << 20;

    fn new() -> Self {
        Self { bytes: Self::FIRST, began: std::time::Instant::now() }
    }

    fn adapt(&mut self, taken: u64) {
        let took = self.began.elapsed();
        self.began += took;
        if took > Duration::from_millis(500) {
            self.bytes = (self.bytes / 4).max(Self::SHORTEST);
        } else if took < Duration::from_millis(50) && taken == self.bytes {
            self.bytes = (self.bytes * 2).min(Self::LONGEST);
        }
    }
}

/// A buffer of its own, since it waits for the peer with bytes in it: sixteen such transfers at
/// once take 4 MiB.
const COPY: usize = 256 << 10;

pub(super) fn by_copy(
    socket: &TcpStream,
    mut file: &File,
    mut offset: u64,
    size: u64,
    sent: &AtomicU64,
    cancelled: &Brake,
) -> SendEnd {
    if let Err(error) = file.seek(SeekFrom::Start(offset)) {
        return SendEnd::FileError(error);
    }
    let mut buffer = vec![0; usize::try_from(size - offset).map_or(COPY, |left| left.min(COPY))];
    while offset < size {
        let room = usize::try_from(size - offset).map_or(COPY, |left| left.min(buffer.len()));
        let got = match file.read(&mut buffer[..room]) {
            Ok(0) => return SendEnd::FileShrank { sent: offset },
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return SendEnd::FileError(error),
        };
        let count = |taken| offset + taken as u64;
        if let Err(end) = write(socket, &buffer[..got], count, sent, cancelled) {
            return end;
        }
        offset += got as u64;
    }
    SendEnd::Whole
}

/// Writes all of `bytes`; `count` says what to set `sent` to when so many of them are taken.
pub(super) fn write(
    mut socket: &TcpStream,
    bytes: &[u8],
    count: impl Fn(usize) -> u64,
    sent: &AtomicU64,
    cancelled: &Brake,
) -> Result<(), SendEnd> {
    let mut taken = 0;
    while taken < bytes.len() {
        cancelled.go_on()?;
        let turn = cancelled.turn(bytes.len() - taken)?;
        let written = socket.write(&bytes[taken..taken + turn]);
        cancelled.moved(turn, *written.as_ref().unwrap_or(&0));
        match written {
            Ok(0) => return Err(SendEnd::SocketError(io::ErrorKind::WriteZero.into())),
            Ok(more) => {
                taken += more;
                sent.store(count(taken), Ordering::Relaxed);
            }
            Err(error) if is_no_end(&error) => {}
            Err(error) => return Err(SendEnd::SocketError(error)),
        }
    }
    Ok(())
}

/// A signal, or [`LOOK`] has passed; the latter has one name on Unix and another on Windows.
fn is_no_end(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}
