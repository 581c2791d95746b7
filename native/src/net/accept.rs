//! Accepting connections, even while the system has no file descriptors left.

#[cfg(feature = "bridge")]
use std::future::pending;
use std::io;
use std::net::SocketAddr;
#[cfg(feature = "bridge")]
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[cfg(feature = "bridge")]
use futures_util::StreamExt as _;
#[cfg(feature = "bridge")]
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};
use tracing::warn;

/// Time without another attempt after the system could not accept a connection.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// Least time between two log lines about that.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// A socket that accepts connections.
pub(crate) trait Accept: Send + Sync + 'static {
    /// What it accepts.
    type Connection: Send + 'static;

    /// Accepts the next connection. Cancel safe.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Connection>> + Send;
}

impl Accept for TcpListener {
    type Connection = (TcpStream, SocketAddr);

    fn accept(&self) -> impl Future<Output = io::Result<Self::Connection>> + Send {
        self.accept()
    }
}

/// Whether the sockets of a server accept connections.
#[derive(Debug, Default)]
pub(crate) struct Accepting {
    open: AtomicUsize,
    paused: AtomicUsize,
}

impl Accepting {
    /// Returns true if there are sockets, and all of them accept.
    #[cfg(feature = "cli")]
    pub(crate) fn is_everywhere(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0 && self.paused.load(Ordering::Relaxed) == 0
    }
}

/// A listener that pauses when the system cannot accept, instead of retrying in a busy loop.
pub(crate) struct Acceptor<L = TcpListener> {
    listener: L,
    /// No attempt is made before this time.
    paused_until: Option<Instant>,
    warned_at: Option<Instant>,
    /// Counts this one while it accepts.
    accepting: Arc<Accepting>,
    is_paused: bool,
}

impl<L: Accept> Acceptor<L> {
    pub(crate) fn new(listener: L) -> Self {
        Self::reporting(listener, &Arc::default())
    }

    /// Reports to `accepting` while connections can be accepted, until the acceptor is dropped.
    pub(crate) fn reporting(listener: L, accepting: &Arc<Accepting>) -> Self {
        accepting.open.fetch_add(1, Ordering::Relaxed);
        let accepting = Arc::clone(accepting);
        Self { listener, paused_until: None, warned_at: None, accepting, is_paused: false }
    }

    /// Accepts the next connection. Cancel safe: dropping the future loses neither a connection nor the pause.
    ///
    /// # Errors
    ///
    /// If the socket is not a listener. Every other failure, such as a lack of file descriptors, is
    /// logged and retried.
    pub(crate) async fn accept(&mut self) -> io::Result<L::Connection> {
        loop {
            if let Some(until) = self.paused_until {
                sleep_until(until).await;
                // Otherwise nobody would find out, if nobody else connects.
                self.pause(false);
            }
            match self.listener.accept().await {
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
                    self.pause(true);
                }
            }
        }
    }
}

impl<L> Acceptor<L> {
    fn pause(&mut self, pause: bool) {
        match (self.is_paused, pause) {
            (false, true) => self.accepting.paused.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.accepting.paused.fetch_sub(1, Ordering::Relaxed),
            _ => return,
        };
        self.is_paused = pause;
    }
}

impl<L> Drop for Acceptor<L> {
    fn drop(&mut self) {
        self.pause(false);
        self.accepting.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All listeners of a server.
#[cfg(feature = "bridge")]
pub(crate) struct Acceptors<L: Accept>(FuturesUnordered<NextConnection<L>>);

#[cfg(feature = "bridge")]
type NextConnection<L> =
    Pin<Box<dyn Future<Output = (Acceptor<L>, io::Result<<L as Accept>::Connection>)> + Send>>;

#[cfg(feature = "bridge")]
impl<L: Accept> Acceptors<L> {
    /// Reports to `accepting` as each [`Acceptor`] does.
    pub(crate) fn new(listeners: impl IntoIterator<Item = L>, accepting: &Arc<Accepting>) -> Self {
        let acceptors =
            listeners.into_iter().map(|listener| Acceptor::reporting(listener, accepting));
        Self(acceptors.map(next).collect())
    }

    /// Closes all listeners: other processes can listen on their ports, and nothing more is accepted.
    pub(crate) fn close(&mut self) {
        self.0.clear();
    }

    /// Accepts the next connection of any listener; waits forever once they are closed. Cancel safe.
    ///
    /// # Errors
    ///
    /// As [`Acceptor::accept`].
    pub(crate) async fn accept(&mut self) -> io::Result<L::Connection> {
        let Some((acceptor, accepted)) = self.0.next().await else { return pending().await };
        self.0.push(next(acceptor));
        accepted
    }
}

#[cfg(feature = "bridge")]
fn next<L: Accept>(mut acceptor: Acceptor<L>) -> NextConnection<L> {
    Box::pin(async move {
        let accepted = acceptor.accept().await;
        (acceptor, accepted)
    })
}

/// True if the connection ended before it was accepted.
fn ended_before_accept(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | WouldBlock)
}
