//! Receives a batch: many small files over one socket (section 18).

use std::io::Read as _;
use std::net::TcpStream;

use xcher_core::batch::{BatchItem, BatchReceiver};

use super::destination::{ReceiveEnd, retry};
use super::{BufferBudget, Throttle};

/// The most bytes read at a time.
const READ_LEN: usize = 256 << 10;

/// Decrypts the bytes from `socket` until the end of the stream. Passes each file to `each` as it
/// completes, with its position in the batch, and calls `pause` whenever all received bytes are processed.
pub(crate) fn receive_batch(
    mut socket: &TcpStream,
    mut receiver: BatchReceiver,
    buffers: &BufferBudget,
    throttle: &Throttle,
    mut each: impl FnMut(usize, BatchItem<'_>),
    mut pause: impl FnMut(),
) -> ReceiveEnd {
    loop {
        // Waits without a buffer, so that silent peers cannot hold all of them.
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
        let turn = match throttle.wait_turn(READ_LEN) {
            Ok(turn) => turn,
            Err(stopped) => return stopped.into(),
        };
        let mut buffer = buffers.borrow();
        let got = retry(|| socket.read(&mut buffer[..turn]));
        throttle.moved(turn, *got.as_ref().unwrap_or(&0));
        let got = match got {
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
