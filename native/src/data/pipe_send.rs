//! Sends a pipe: a stream whose length is not known in advance.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::TcpStream;
use std::sync::atomic::AtomicU64;

use xcher_core::secure::record::{HEAD_LEN, TAG_LEN};
use xcher_core::stream::{Hasher, Seal, Sender};

use super::send::{complete_or_reset, write};
use super::{SendEnd, Throttle};

/// The most bytes read at a time. They are sent before more are read, so that the program that fills the
/// pipe waits for the requester.
const READ_LEN: usize = 32 << 10;

/// As [`send`](super::send), of all bytes from `source` until its end, encrypted with a seal. Their number
/// is passed to `ended` before the requester can see the end.
pub(crate) fn send_pipe(
    socket: &TcpStream,
    source: &File,
    seal: Option<Seal>,
    sent: &AtomicU64,
    throttle: &Throttle,
    ended: impl FnOnce(u64),
) -> SendEnd {
    complete_or_reset(socket, || {
        let sender = seal.map(|seal| seal.sender(Hasher::new())).transpose();
        let sender = sender.map_err(SendEnd::SecureError);
        match sender.and_then(|sender| copy_out(socket, source, sender, sent, throttle, ended)) {
            Ok(()) => SendEnd::Complete,
            Err(end) => end,
        }
    })
}

fn copy_out(
    socket: &TcpStream,
    mut source: &File,
    mut sender: Option<Sender>,
    sent: &AtomicU64,
    throttle: &Throttle,
    ended: impl FnOnce(u64),
) -> Result<(), SendEnd> {
    let mut record = vec![0; HEAD_LEN + READ_LEN + TAG_LEN];
    let mut offset = 0;
    loop {
        wait(source, socket, throttle)?;
        let got = match source.read(&mut record[HEAD_LEN..HEAD_LEN + READ_LEN]) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if is_temporary(&error) => continue,
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
        write(socket, written, count, sent, throttle)?;
        offset += got as u64;
    }
    ended(offset);
    if let Some(sender) = sender {
        let end = sender.finish().map_err(SendEnd::SecureError)?;
        write(socket, &end, |_| offset, sent, throttle)?;
    }
    Ok(())
}

/// Waits until the pipe has bytes or has ended. Fails if the requester has disconnected, or the transfer
/// was stopped.
#[cfg(unix)]
fn wait(source: &File, socket: &TcpStream, throttle: &Throttle) -> Result<(), SendEnd> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;

    use super::throttle::POLL_INTERVAL;

    let interval = Timespec::try_from(POLL_INTERVAL).ok();
    loop {
        throttle.check()?;
        let mut both =
            [PollFd::new(source, PollFlags::IN), PollFd::new(socket, PollFlags::empty())];
        match poll(&mut both, interval.as_ref()) {
            // A source that cannot be polled is read.
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
fn wait(_: &File, _: &TcpStream, throttle: &Throttle) -> Result<(), SendEnd> {
    Ok(throttle.check()?)
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}
