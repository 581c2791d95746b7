//! Sends a file to a socket.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::SockRef;

use super::send_end::SendEnd;
use super::throttle::POLL_INTERVAL;
use super::{Mark, Throttle};

/// Sends the first `size` bytes of `file` and then the end of the stream, unless the file changed since
/// `mark` was taken.
///
/// `sent` is set to the bytes that the system has accepted so far. If not all could be sent, closing
/// the socket resets the connection, even when the process dies, so that the requester cannot take
/// its end for the end of the file: the caller must drop the socket and its clones without shutting
/// it down. On Linux the process must ignore SIGPIPE, as Rust programs do by default.
pub(crate) fn send(
    socket: &TcpStream,
    file: &File,
    size: u64,
    mark: Mark,
    sent: &AtomicU64,
    throttle: &Throttle,
) -> SendEnd {
    complete_or_reset(socket, || match copy_out(socket, file, size, sent, throttle) {
        SendEnd::Complete => mark.end(file),
        end => end,
    })
}

/// As [`send`], of a file in its current state.
#[cfg(test)]
pub(super) fn send_now(
    socket: &TcpStream,
    file: &File,
    size: u64,
    sent: &AtomicU64,
    throttle: &Throttle,
) -> SendEnd {
    match Mark::of(file) {
        Ok(mark) => send(socket, file, size, mark, sent, throttle),
        Err(error) => complete_or_reset(socket, || SendEnd::FileError(error)),
    }
}

/// Ends the stream if `copy_out` completes, and resets the connection if it does not.
pub(super) fn complete_or_reset(socket: &TcpStream, copy_out: impl FnOnce() -> SendEnd) -> SendEnd {
    // These fail only on a connection that has ended.
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
    let _ = socket.set_write_timeout(Some(POLL_INTERVAL));
    match copy_out() {
        SendEnd::Complete => {
            let _ = SockRef::from(socket).set_linger(None);
            match socket.shutdown(Shutdown::Write) {
                Ok(()) => SendEnd::Complete,
                Err(error) => SendEnd::SocketError(error),
            }
        }
        end => end,
    }
}

#[cfg(target_os = "linux")]
fn copy_out(
    socket: &TcpStream,
    file: &File,
    size: u64,
    sent: &AtomicU64,
    throttle: &Throttle,
) -> SendEnd {
    use rustix::io::Errno;
    let mut step = Step::new();
    let mut offset = 0;
    while offset < size {
        if let Err(stopped) = throttle.check() {
            return stopped.into();
        }
        let count = step.len.min(size - offset) as usize;
        let count = match throttle.wait_turn(count) {
            Ok(count) => count,
            Err(stopped) => return stopped.into(),
        };
        let taken = rustix::fs::sendfile(socket, file, Some(&mut offset), count);
        throttle.moved(count, taken.unwrap_or(0));
        match taken {
            Ok(0) => return SendEnd::FileShrank { sent: offset },
            Ok(taken) => step.adapt(taken as u64),
            Err(Errno::INTR | Errno::AGAIN) => {}
            // A file system without sendfile, such as some of those in user space.
            Err(Errno::INVAL | Errno::NOSYS) => {
                return by_copy(socket, file, offset, size, sent, throttle);
            }
            Err(error @ (Errno::IO | Errno::STALE | Errno::ISDIR | Errno::ACCESS)) => {
                return SendEnd::FileError(error.into());
            }
            Err(error) => return SendEnd::SocketError(error.into()),
        }
        sent.store(offset, Ordering::Relaxed);
    }
    SendEnd::Complete
}

#[cfg(not(target_os = "linux"))]
fn copy_out(
    socket: &TcpStream,
    file: &File,
    size: u64,
    sent: &AtomicU64,
    throttle: &Throttle,
) -> SendEnd {
    by_copy(socket, file, 0, size, sent, throttle)
}

/// The bytes passed to the system in one call: many on a fast connection; on a slow one few, so that
/// progress shows long before the transfer seems stalled.
#[cfg(target_os = "linux")]
struct Step {
    len: u64,
    started: std::time::Instant,
}

#[cfg(target_os = "linux")]
impl Step {
    const MIN_LEN: u64 = 16 << 10;
    const FIRST_LEN: u64 = 128 << 10;
    const MAX_LEN: u64 = 4 << 20;

    fn new() -> Self {
        Self { len: Self::FIRST_LEN, started: std::time::Instant::now() }
    }

    fn adapt(&mut self, taken: u64) {
        let took = self.started.elapsed();
        self.started += took;
        if took > Duration::from_millis(500) {
            self.len = (self.len / 4).max(Self::MIN_LEN);
        } else if took < Duration::from_millis(50) && taken == self.len {
            self.len = (self.len * 2).min(Self::MAX_LEN);
        }
    }
}

/// The length of a transfer's own buffer, which holds bytes while it waits for the peer: sixteen such
/// transfers at once take 4 MiB.
const COPY_LEN: usize = 256 << 10;

pub(super) fn by_copy(
    socket: &TcpStream,
    mut file: &File,
    mut offset: u64,
    size: u64,
    sent: &AtomicU64,
    throttle: &Throttle,
) -> SendEnd {
    if let Err(error) = file.seek(SeekFrom::Start(offset)) {
        return SendEnd::FileError(error);
    }
    let mut buffer =
        vec![0; usize::try_from(size - offset).map_or(COPY_LEN, |left| left.min(COPY_LEN))];
    while offset < size {
        let room = usize::try_from(size - offset).map_or(COPY_LEN, |left| left.min(buffer.len()));
        let got = match file.read(&mut buffer[..room]) {
            Ok(0) => return SendEnd::FileShrank { sent: offset },
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return SendEnd::FileError(error),
        };
        let count = |taken| offset + taken as u64;
        if let Err(end) = write(socket, &buffer[..got], count, sent, throttle) {
            return end;
        }
        offset += got as u64;
    }
    SendEnd::Complete
}

/// Writes all of `bytes`. `count` turns the number of those written into the value of `sent`.
pub(super) fn write(
    mut socket: &TcpStream,
    bytes: &[u8],
    count: impl Fn(usize) -> u64,
    sent: &AtomicU64,
    throttle: &Throttle,
) -> Result<(), SendEnd> {
    let mut taken = 0;
    while taken < bytes.len() {
        throttle.check()?;
        let turn = throttle.wait_turn(bytes.len() - taken)?;
        let written = socket.write(&bytes[taken..taken + turn]);
        throttle.moved(turn, *written.as_ref().unwrap_or(&0));
        match written {
            Ok(0) => return Err(SendEnd::SocketError(io::ErrorKind::WriteZero.into())),
            Ok(more) => {
                taken += more;
                sent.store(count(taken), Ordering::Relaxed);
            }
            Err(error) if is_temporary(&error) => {}
            Err(error) => return Err(SendEnd::SocketError(error)),
        }
    }
    Ok(())
}

/// True for a signal, and for [`POLL_INTERVAL`] elapsed, which has one name on Unix and another on Windows.
fn is_temporary(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}
