//! From a pipe to a socket: as the bytes come, to an end that nobody knows before.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::TcpStream;
use std::sync::atomic::AtomicU64;

use xcher_core::secure::record::{HEAD_LEN, TAG_LEN};
use xcher_core::stream::{Hasher, Seal, Sender};

use super::Brake;
use super::send::{SendEnd, to_the_end, write};

/// The most that is read at a time, and then written before anything more is read: whoever fills the
/// pipe waits for the other side.
const PIECE: usize = 32 << 10;

/// As [`send`](super::send), of all that comes from `source` until its end, sealed or in the clear. How
/// many bytes that were is given to `ended` before the other side can know that it was all.
pub fn send_pipe(
    socket: &TcpStream,
    source: &File,
    seal: Option<Seal>,
    sent: &AtomicU64,
    cancelled: &Brake,
    ended: impl FnOnce(u64),
) -> SendEnd {
    to_the_end(socket, || {
        let sender = seal.map(|seal| seal.sender(Hasher::new())).transpose();
        let sender = sender.map_err(SendEnd::SecureError);
        match sender.and_then(|sender| copy_out(socket, source, sender, sent, cancelled, ended)) {
            Ok(()) => SendEnd::Whole,
            Err(end) => end,
        }
    })
}

fn copy_out(
    socket: &TcpStream,
    mut source: &File,
    mut sender: Option<Sender>,
    sent: &AtomicU64,
    cancelled: &Brake,
    ended: impl FnOnce(u64),
) -> Result<(), SendEnd> {
    let mut record = vec![0; HEAD_LEN + PIECE + TAG_LEN];
    let mut offset = 0;
    loop {
        wait(source, socket, cancelled)?;
        let got = match source.read(&mut record[HEAD_LEN..HEAD_LEN + PIECE]) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if is_no_end(&error) => continue,
            Err(error) => return Err(SendEnd::FileError(error)),
        };
        let written = match &mut sender {
            None => &record[HEAD_LEN..HEAD_LEN + got],
            Some(sender) => {
                let record = &mut record[..HEAD_LEN + got + TAG_LEN];
                sender.seal(record).map_err(SendEnd::SecureError)?;
                record
            }
        };
        let count = |taken: usize| offset + taken.min(got) as u64;
        write(socket, written, count, sent, cancelled)?;
        offset += got as u64;
    }
    ended(offset);
    if let Some(sender) = sender {
        let end = sender.finish().map_err(SendEnd::SecureError)?;
        write(socket, &end, |_| offset, sent, cancelled)?;
    }
    Ok(())
}

/// Waits until something comes from the pipe, or is sure not to; an end where the other side is gone,
/// or the transfer is cancelled.
#[cfg(unix)]
fn wait(source: &File, socket: &TcpStream, cancelled: &Brake) -> Result<(), SendEnd> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;

    use super::throttle::LOOK;

    let look = Timespec::try_from(LOOK).ok();
    loop {
        cancelled.go_on()?;
        let mut both =
            [PollFd::new(source, PollFlags::IN), PollFd::new(socket, PollFlags::empty())];
        match poll(&mut both, look.as_ref()) {
            // A source that cannot be waited for is read.
            Ok(_) if !both[0].revents().is_empty() => return Ok(()),
            Ok(_) if both[1].revents().intersects(PollFlags::ERR) => {
                let error = socket.take_error().ok().flatten();
                let error = error.unwrap_or_else(|| io::ErrorKind::ConnectionReset.into());
                return Err(SendEnd::SocketError(error));
            }
            Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(SendEnd::FileError(error.into())),
        }
    }
}

#[cfg(not(unix))]
fn wait(_: &File, _: &TcpStream, cancelled: &Brake) -> Result<(), SendEnd> {
    Ok(cancelled.go_on()?)
}

fn is_no_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}
