//! Running transfers: their start, their progress and their cancellation.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use xcher_core::peer::{ConnId, Direction, Input, TransferId};

use super::Host;
use crate::data::Throttle;

/// The interval at which the progress of running transfers is read.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A running transfer.
pub(super) struct Transfer {
    conn: ConnId,
    /// A clone of the socket. Shutting it down stops a file that is being received, and wakes its thread.
    socket: TcpStream,
    /// True if this host sends. Then the socket is not shut down: that would end the stream as if the file
    /// ended there.
    is_sending: bool,
    throttle: Arc<Throttle>,
    bytes: Arc<AtomicU64>,
    /// The counts of bytes and moves that were last reported.
    reported: (u64, u64),
    /// Set once the transfer is to stop, and the bytes received are to be kept.
    pub(super) abandoned: bool,
}

impl Host {
    /// Makes the data connection a blocking one, and registers the transfer. If that fails, the connection
    /// is closed and the state machine's timeout ends the transfer.
    pub(super) fn start_transfer(
        &mut self,
        transfer: TransferId,
        conn: ConnId,
        direction: Direction,
    ) -> Option<(TcpStream, Arc<AtomicU64>, Arc<Throttle>)> {
        let socket = self.data_connections.remove(&conn)?.into_std().ok()?;
        socket.set_nonblocking(false).ok()?;
        let is_sending = direction == Direction::Send;
        let rate = if is_sending { &self.rates.send } else { &self.rates.receive };
        if let (false, Some(rate)) = (is_sending, rate.limit()) {
            limit_receive_buffer(&socket, rate);
        }
        let throttle = Arc::new(Throttle::new(rate));
        let bytes = Arc::new(AtomicU64::new(0));
        let running = Transfer {
            conn,
            socket: socket.try_clone().ok()?,
            is_sending,
            throttle: throttle.clone(),
            bytes: bytes.clone(),
            reported: (0, 0),
            abandoned: false,
        };
        if self.transfers.is_empty() {
            self.polled_at = Instant::now();
        }
        self.transfers.insert(transfer, running);
        Some((socket, bytes, throttle))
    }

    /// Stops a transfer, and keeps the bytes received.
    pub(super) fn abandon(&mut self, transfer: TransferId) {
        self.stop_disk_read(transfer);
        if let Some(running) = self.transfers.get_mut(&transfer) {
            running.abandoned = true;
        }
        if let Some(partial) = self.partials.remove(&transfer) {
            self.keep(transfer, partial);
        }
    }

    /// Stops the transfer on a data connection that is being closed.
    pub(super) fn stop_transfer(&mut self, conn: ConnId) {
        for running in self.transfers.values().filter(|running| running.conn == conn) {
            running.throttle.stop();
            if !running.is_sending {
                // Fails only on a connection that has ended, whose transfer has stopped.
                let _ = running.socket.shutdown(Shutdown::Both);
            }
        }
    }

    /// Reports the progress of running transfers, at most once in each [`POLL_INTERVAL`].
    pub(super) fn poll_transfers(&mut self) {
        if self.polled_at.elapsed() < POLL_INTERVAL {
            return;
        }
        self.polled_at = Instant::now();
        let mut progress = Vec::new();
        let mut slow = Vec::new();
        for (transfer, running) in &mut self.transfers {
            let bytes = running.bytes.load(Ordering::Relaxed);
            // Moves count the bytes of an incomplete record too, so that a slow connection does not look
            // stalled.
            let now = (bytes, running.throttle.moves());
            if now != running.reported && !running.abandoned {
                running.reported = now;
                progress.push((*transfer, bytes));
            } else if running.throttle.is_writing() {
                slow.push(*transfer);
            }
        }
        for transfer in slow {
            self.input(Input::Backpressure { transfer });
        }
        for (transfer, bytes) in progress {
            self.input(Input::Progress { transfer, bytes });
        }
    }
}

/// Shrinks the receive buffer under a low rate: bytes that the system reads ahead escape the limit, so they
/// must be no more than a moment's worth.
fn limit_receive_buffer(socket: &TcpStream, rate: u64) {
    let len = usize::try_from(rate / 8).unwrap_or(usize::MAX).max(16 << 10);
    if len < 1 << 20 {
        let _ = socket2::SockRef::from(socket).set_recv_buffer_size(len);
    }
}
