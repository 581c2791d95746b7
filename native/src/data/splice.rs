//! Receives a file through a kernel pipe: one copy of the bytes instead of two.

use std::fs::File;
use std::io::Read;
use std::net::TcpStream;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

use super::destination::Destination;
use super::{BufferBudget, ReceiveEnd, Throttle};

/// The capacity of the pipe, and the most bytes moved in one call.
const PIPE_LEN: usize = 1 << 20;

/// As [`receive`](super::receive). Returns `None` if the caller must continue by copying: for a file so
/// small that a pipe does not pay, and where the system cannot splice.
pub(super) fn receive(
    socket: &TcpStream,
    to: &mut Destination<'_>,
    buffers: &BufferBudget,
    throttle: &Throttle,
) -> Result<Option<ReceiveEnd>, ReceiveEnd> {
    if to.left() < PIPE_LEN as u64 {
        return Ok(None);
    }
    // Without a pipe the file can still be copied; a small pipe is only slower.
    let Ok((from_pipe, into_pipe)) = pipe_with(PipeFlags::CLOEXEC) else { return Ok(None) };
    let _ = fcntl_setpipe_size(&into_pipe, PIPE_LEN);
    let mut pipe = File::from(from_pipe);
    while to.left() > 0 {
        // A transfer without bytes to read must not take another's turn.
        if throttle.is_limited()
            && let Some(end) = to.wait(socket)?
        {
            return Ok(Some(end));
        }
        to.check_room()?;
        let turn = throttle.wait_turn(to.room(PIPE_LEN))?;
        let got = splice(socket, None, &into_pipe, None, turn, SpliceFlags::MOVE);
        throttle.moved(turn, got.unwrap_or(0));
        let mut in_pipe = match got {
            Ok(0) => break,
            Ok(got) => got,
            Err(Errno::INTR) => continue,
            Err(Errno::INVAL | Errno::NOSYS) => return Ok(None),
            Err(error) => return Err(ReceiveEnd::SocketError(error.into())),
        };
        while in_pipe > 0 {
            let write = || splice(&pipe, None, to.store.file, None, in_pipe, SpliceFlags::MOVE);
            match throttle.while_writing(write) {
                Ok(written) => {
                    to.wrote(written);
                    in_pipe -= written;
                }
                Err(Errno::INTR) => {}
                // This file cannot be spliced to: the bytes in the pipe are copied, then the rest.
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
