//! A bridge that is about to stop, and whose relay is elsewhere: it tells its clients to move in the relay's place
//! (section 5.9).

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use xcher_core::RelayPacket;

/// Time for clients that were told to move. Those that are still here could not, and come back when this bridge ends.
const MOVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether a bridge is about to stop.
#[derive(Default)]
pub(super) struct Draining {
    /// Cancelled once it is.
    begun: CancellationToken,
    /// When it began, and when it stops.
    time: OnceLock<(Instant, Instant)>,
    /// Clients that can move and have not left.
    movable: Arc<AtomicUsize>,
}

impl Draining {
    pub(super) fn begin(&self, within: Duration) {
        let now = Instant::now();
        // A second call changes nothing.
        let _ = self.time.set((now, now + within));
        self.begun.cancel();
    }

    /// Returns true if no client is left that was told to move, or those that are could not.
    pub(super) fn is_over(&self) -> bool {
        let waited = self.time.get().is_some_and(|(began, _)| began.elapsed() >= MOVE_TIMEOUT);
        waited || self.movable.load(Ordering::Relaxed) == 0
    }

    /// The line that tells a client.
    fn line(&self) -> Box<[u8]> {
        let left = self.time.get().map(|(_, stops)| stops.duration_since(Instant::now()));
        RelayPacket::Move { seconds: left.unwrap_or_default().as_secs() }.to_line()
    }
}

/// The bytes from the relay to a client, with a line of the bridge's own between two of the relay's.
pub(super) struct Telling<'a, R> {
    relay: R,
    draining: &'a Draining,
    begun: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Set while the bytes so far end with a line.
    is_between_lines: bool,
    /// Set by its owner once client and relay have both named `move`.
    can_move: &'a CanMove,
    told: bool,
}

/// Whether a client moves if it is told to.
#[derive(Default)]
pub(super) struct CanMove {
    by_client: AtomicBool,
    by_relay: AtomicBool,
    counted: OnceLock<Arc<AtomicUsize>>,
}

/// A side of a link to the relay.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Client,
    Relay,
}

impl CanMove {
    /// A side has named these words.
    pub(super) fn named(&self, side: Side, words: &str, draining: &Draining) {
        if !words.split(' ').any(|word| word == "move") {
            return;
        }
        let [by_this, by_other] = match side {
            Side::Client => [&self.by_client, &self.by_relay],
            Side::Relay => [&self.by_relay, &self.by_client],
        };
        by_this.store(true, Ordering::Relaxed);
        // One task calls this for both sides, so that it counts once.
        if by_other.load(Ordering::Relaxed)
            && self.counted.set(Arc::clone(&draining.movable)).is_ok()
        {
            draining.movable.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn get(&self) -> bool {
        self.counted.get().is_some()
    }
}

impl Drop for CanMove {
    fn drop(&mut self) {
        if let Some(counted) = self.counted.get() {
            counted.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl<'a, R> Telling<'a, R> {
    pub(super) fn new(relay: R, draining: &'a Draining, can_move: &'a CanMove) -> Self {
        let begun = Box::pin(draining.begun.clone().cancelled_owned());
        Self { relay, draining, begun, is_between_lines: true, can_move, told: false }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Telling<'_, R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.told
            && this.is_between_lines
            && this.can_move.get()
            && this.begun.as_mut().poll(cx).is_ready()
        {
            let line = this.draining.line();
            if line.len() <= buffer.remaining() {
                buffer.put_slice(&line);
                this.told = true;
                return Poll::Ready(Ok(()));
            }
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.relay).poll_read(cx, buffer))?;
        if let Some(last) = buffer.filled().get(before..).and_then(<[u8]>::last) {
            this.is_between_lines = *last == b'\n';
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn tells_a_client_that_can_move_between_two_lines() {
        let (draining, can_move) = (Draining::default(), CanMove::default());
        let (mut relay, ours) = tokio::io::duplex(100);
        let mut told = Telling::new(ours, &draining, &can_move);
        can_move.named(Side::Client, "from move", &draining);
        can_move.named(Side::Relay, "from key move ticket", &draining);
        assert!(!draining.is_over(), "a client can move");
        relay.write_all(b"X_PING").await.expect("written");
        let mut got = [0; 6];
        told.read_exact(&mut got).await.expect("read");
        draining.begin(Duration::from_secs(90));
        relay.write_all(b" 1\nX_PING 2\n").await.expect("written");
        drop(relay);
        let mut rest = String::new();
        told.read_to_string(&mut rest).await.expect("read");
        let told_after = rest.strip_prefix(" 1\nX_PING 2\nX_MOVE ").expect("between two lines");
        assert!(matches!(told_after.trim_end(), "90" | "89"), "{rest}");
        drop(can_move);
        assert!(draining.is_over(), "the client has left");
    }

    #[tokio::test]
    async fn tells_nobody_who_does_not_know_the_packet() {
        for (client, by_relay) in [("from", "from move"), ("from move", "from remove")] {
            let (draining, can_move) = (Draining::default(), CanMove::default());
            let mut told = Telling::new(&b"X_PONG 1\n"[..], &draining, &can_move);
            can_move.named(Side::Client, client, &draining);
            can_move.named(Side::Client, client, &draining);
            can_move.named(Side::Relay, by_relay, &draining);
            draining.begin(Duration::from_secs(30));
            let mut all = String::new();
            told.read_to_string(&mut all).await.expect("read");
            assert_eq!(all, "X_PONG 1\n");
            assert!(draining.is_over(), "nobody to wait for");
        }
    }
}
