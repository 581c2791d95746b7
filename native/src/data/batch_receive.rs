//! From one socket to many small files (section 18).

use std::io::Read as _;
use std::net::TcpStream;

use xcher_core::batch::{Arrived, BatchReceiver};

use super::BufferBudget;
use super::receive::{ReceiveEnd, retry};

/// The most that is read at a time.
const READ: usize = 256 << 10;

/// Opens what comes on `socket` until the end of the stream; tells `each` file as it comes, by its
/// place in the batch, and `pause` whenever all that came was told.
pub fn receive_batch(
    mut socket: &TcpStream,
    mut receiver: BatchReceiver,
    buffers: &BufferBudget,
    mut each: impl FnMut(usize, Arrived<'_>),
    mut pause: impl FnMut(),
) -> ReceiveEnd {
    loop {
        // Waits without a buffer, so that silent peers cannot hold them all.
        match retry(|| socket.peek(&mut [0])) {
            Ok(0) => {
                return match receiver.finish() {
                    Ok(()) => ReceiveEnd::Eof { bytes: 0 },
                    Err(error) => ReceiveEnd::SecureError(error),
                };
            }
            Ok(_) => {}
            Err(error) => return ReceiveEnd::SocketError(error),
        }
        let mut buffer = buffers.borrow();
        let got = match retry(|| socket.read(&mut buffer[..READ])) {
            Ok(got) => got,
            Err(error) => return ReceiveEnd::SocketError(error),
        };
        if let Err(error) = receiver.receive(&buffer[..got], &mut each) {
            return ReceiveEnd::SecureError(error);
        }
        drop(buffer);
        pause();
    }
}
