//! From a socket to a file through a pipe: one copy of the bytes instead of two.

use std::fs::File;
use std::io::Read;
use std::net::TcpStream;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

use super::receive::Destination;
use super::{BufferBudget, ReceiveEnd};

/// Room in the pipe, and the most that is moved in one call.
const PIPE: usize = 1 << 20;

/// As [`receive`](super::receive), or `None` where a copy must go on from here: for a file so small
/// that a pipe does not pay, and where the file system cannot.
pub(super) fn receive(
    socket: &TcpStream,
    to: &mut Destination<'_>,
    buffers: &BufferBudget,
) -> Result<Option<ReceiveEnd>, ReceiveEnd> {
    if to.left() < PIPE as u64 {
        return Ok(None);
    }
    // No pipe to be had is no reason to fail; a small one is slower and no more.
    let Ok((from_pipe, into_pipe)) = pipe_with(PipeFlags::CLOEXEC) else { return Ok(None) };
    let _ = fcntl_setpipe_size(&into_pipe, PIPE);
    let mut pipe = File::from(from_pipe);
    loop {
        if to.left() == 0 {
            return to.wait(socket);
        }
        let room = to.room(PIPE);
        let got = match splice(socket, None, &into_pipe, None, room, SpliceFlags::MOVE) {
            Ok(0) => return to.wait(socket),
            Ok(got) => got,
            Err(Errno::INTR) => continue,
            Err(Errno::INVAL | Errno::NOSYS) => return Ok(None),
            Err(error) => return Err(ReceiveEnd::SocketError(error.into())),
        };
        if !drain(&pipe, to, got)? {
            // What has left the socket is written first.
            let mut left = pipe_length(&pipe, &into_pipe, got, to)?;
            let mut buffer = buffers.borrow();
            while left > 0 {
                let room = left.min(buffer.len());
                let got = pipe.read(&mut buffer[..room]).map_err(ReceiveEnd::FileError)?;
                to.write(&buffer[..got])?;
                left -= got;
            }
            return Ok(None);
        }
    }
}
