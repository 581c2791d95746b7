//! From one socket to many small files (section 18).

use std::io::Read as _;
use std::net::TcpStream;

use xcher_core::batch::{BatchItem, BatchReceiver};

use super::receive::{ReceiveEnd, retry};
use super::{Brake, BufferBudget};

/// The most that is read at a time.
const READ: usize = 256 << 10;

/// Opens what comes on `socket` until the end of the stream; tells `each` file as it comes, by its
/// place in the batch, and `pause` whenever all that came was told.
pub fn receive_batch(
    mut socket: &TcpStream,
    mut receiver: BatchReceiver,
    buffers: &BufferBudget,
    brake: &Brake,
    mut each: impl FnMut(usize, BatchItem<'_>),
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
        let turn = match brake.turn(READ) {
            Ok(turn) => turn,
            Err(stopped) => return stopped.into(),
        };
        let mut buffer = buffers.borrow();
        let got = retry(|| socket.read(&mut buffer[..turn]));
        brake.moved(turn, *got.as_ref().unwrap_or(&0));
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
