//! Accepting connections, even while the system has no file descriptors left.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};
use tracing::warn;

/// Time without another attempt after the system could not accept a connection.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// Least time between two log lines about that.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// A listener that pauses when the system cannot accept, instead of retrying in a busy loop.
pub(crate) struct Acceptor {
    /// `None` once it is closed.
    listener: Option<TcpListener>,
    /// No attempt is made before this time.
    paused_until: Option<Instant>,
    warned_at: Option<Instant>,
    /// True while connections are accepted.
    accepts: Arc<AtomicBool>,
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self::reporting(listener, &Arc::default())
    }

    /// Keeps `accepts` true while connections can be accepted, until the acceptor is closed or dropped.
    pub(crate) fn reporting(listener: TcpListener, accepts: &Arc<AtomicBool>) -> Self {
        accepts.store(true, Ordering::Relaxed);
        let accepts = Arc::clone(accepts);
        Self { listener: Some(listener), paused_until: None, warned_at: None, accepts }
    }

    /// Closes the listener: another process can listen on its port, and nothing more is accepted.
    pub(crate) fn close(&mut self) {
        self.listener = None;
        self.accepts.store(false, Ordering::Relaxed);
    }

    /// Accepts the next connection and returns it with its remote address. Cancel safe: dropping the
    /// future loses neither a connection nor the pause.
    ///
    /// # Errors
    ///
    /// If the socket is not a listener. Every other failure, such as a lack of file descriptors, is
    /// logged and retried.
    pub(crate) async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            let Some(listener) = &self.listener else { return pending().await };
            if let Some(until) = self.paused_until {
                sleep_until(until).await;
                // Otherwise nobody would find out, if nobody else connects.
                self.accepts.store(true, Ordering::Relaxed);
            }
            match listener.accept().await {
                Ok(accepted) => {
                    self.paused_until = None;
                    return Ok(accepted);
                }
                Err(error) if ended_before_accept(&error) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
                Err(error) => {
                    let now = Instant::now();
                    if self.warned_at.is_none_or(|before| now - before > WARN_INTERVAL) {
                        warn!(%error, "cannot accept connections at the moment");
                        self.warned_at = Some(now);
                    }
                    self.paused_until = Some(now + RETRY_DELAY);
                    self.accepts.store(false, Ordering::Relaxed);
                }
            }
        }
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.accepts.store(false, Ordering::Relaxed);
    }
}

/// True if the connection ended before it was accepted.
fn ended_before_accept(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | WouldBlock)
}
