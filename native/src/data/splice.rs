//! From a socket to a file through a pipe: one copy of the bytes instead of two.

use std::fs::File;
use std::io::Read;
use std::net::TcpStream;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

use super::receive::Destination;
use super::{Brake, BufferBudget, ReceiveEnd};

/// Room in the pipe, and the most that is moved in one call.
const PIPE: usize = 1 << 20;

/// As [`receive`](super::receive), or `None` where it must go on from here by a copy: for a file so
/// small that a pipe does not pay, and where the system cannot.
pub(super) fn receive(
    socket: &TcpStream,
    to: &mut Destination<'_>,
    buffers: &BufferBudget,
    brake: &Brake,
) -> Result<Option<ReceiveEnd>, ReceiveEnd> {
    if to.left() < PIPE as u64 {
        return Ok(None);
    }
    // No pipe to be had is no reason to fail; a small one is slower and no more.
    let Ok((from_pipe, into_pipe)) = pipe_with(PipeFlags::CLOEXEC) else { return Ok(None) };
    let _ = fcntl_setpipe_size(&into_pipe, PIPE);
    let mut pipe = File::from(from_pipe);
    while to.left() > 0 {
        // Whoever has nothing to take keeps nobody from a turn.
        if brake.is_limited()
            && let Some(end) = to.wait(socket)?
        {
            return Ok(Some(end));
        }
        to.check_room()?;
        let room = brake.turn(to.room(PIPE))?;
        let got = splice(socket, None, &into_pipe, None, room, SpliceFlags::MOVE);
        brake.moved(room, got.unwrap_or(0));
        let mut in_pipe = match got {
            Ok(0) => break,
            Ok(got) => got,
            Err(Errno::INTR) => continue,
            Err(Errno::INVAL | Errno::NOSYS) => return Ok(None),
            Err(error) => return Err(ReceiveEnd::SocketError(error.into())),
        };
        while in_pipe > 0 {
            let write = || splice(&pipe, None, to.store.file, None, in_pipe, SpliceFlags::MOVE);
            match brake.while_writing(write) {
                Ok(written) => {
                    to.wrote(written);
                    in_pipe -= written;
                }
                Err(Errno::INTR) => {}
                // This file cannot: what has left the socket is copied, and then the rest.
                Err(Errno::INVAL | Errno::NOSYS) => {
                    copy(&mut pipe, in_pipe, to, buffers)?;
                    return Ok(None);
                }
                Err(error) => return Err(ReceiveEnd::FileError(error.into())),
            }
        }
    }
    to.wait(socket)
}

fn copy(
    pipe: &mut File,
    mut in_pipe: usize,
    to: &mut Destination<'_>,
    buffers: &BufferBudget,
) -> Result<(), ReceiveEnd> {
    let mut buffer = buffers.borrow();
    while in_pipe > 0 {
        let room = in_pipe.min(buffer.len());
        let got = pipe.read(&mut buffer[..room]).map_err(ReceiveEnd::FileError)?;
        to.write(&buffer[..got])?;
        in_pipe -= got;
    }
    Ok(())
}
