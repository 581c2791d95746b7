//! Receives a file from a socket.

use std::io::Read;
use std::net::TcpStream;
use std::sync::atomic::AtomicU64;

use super::buffers::BUFFER_LEN;
use super::destination::{Destination, ReceiveEnd, retry};
use super::store::Store;
use super::{BufferBudget, Throttle};

/// Writes the bytes from `socket` to `file`, from its current position, until the end of the stream.
///
/// Writes at most `limit` bytes; then waits for the end or for the first byte above the limit.
/// `received` is set to the bytes written so far.
pub(crate) fn receive<'a>(
    socket: &TcpStream,
    to: impl Into<Store<'a>>,
    limit: Option<u64>,
    received: &AtomicU64,
    buffers: &BufferBudget,
    throttle: &Throttle,
) -> ReceiveEnd {
    let mut to = Destination::new(to.into(), limit, received, throttle);
    let end = receive_all(socket, &mut to, buffers, throttle);
    to.finish().map_or_else(ReceiveEnd::FileError, |()| end)
}

fn receive_all(
    socket: &TcpStream,
    to: &mut Destination<'_>,
    buffers: &BufferBudget,
    throttle: &Throttle,
) -> ReceiveEnd {
    #[cfg(target_os = "linux")]
    match super::splice::receive(socket, to, buffers, throttle) {
        Ok(Some(end)) | Err(end) => return end,
        Ok(None) => {}
    }
    match by_copy(socket, to, buffers, throttle) {
        Ok(end) | Err(end) => end,
    }
}

pub(super) fn by_copy(
    mut socket: &TcpStream,
    to: &mut Destination<'_>,
    buffers: &BufferBudget,
    throttle: &Throttle,
) -> Result<ReceiveEnd, ReceiveEnd> {
    loop {
        // Waits without a buffer, so that silent peers cannot hold all of them.
        if let Some(end) = to.wait(socket)? {
            return Ok(end);
        }
        to.check_room()?;
        let turn = throttle.wait_turn(to.room(BUFFER_LEN))?;
        let mut buffer = buffers.borrow();
        let got = retry(|| socket.read(&mut buffer[..turn]));
        throttle.moved(turn, *got.as_ref().unwrap_or(&0));
        let got = got.map_err(ReceiveEnd::SocketError)?;
        to.write(&buffer[..got])?;
    }
}
