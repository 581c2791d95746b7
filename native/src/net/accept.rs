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
#[cfg(feature = "bridge")]
use socket2::SockRef;
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

    /// Accepts a connection that waits already and that would be reset with the socket; `None` if there is none.
    #[cfg(feature = "bridge")]
    fn accept_waiting(&self) -> io::Result<Option<Self::Connection>>;
}

#[cfg(feature = "bridge")]
impl<L: Accept> Accept for Arc<L> {
    type Connection = L::Connection;

    fn accept(&self) -> impl Future<Output = io::Result<Self::Connection>> + Send {
        L::accept(self)
    }

    fn accept_waiting(&self) -> io::Result<Option<Self::Connection>> {
        L::accept_waiting(self)
    }
}

impl Accept for TcpListener {
    type Connection = (TcpStream, SocketAddr);

    fn accept(&self) -> impl Future<Output = io::Result<Self::Connection>> + Send {
        self.accept()
    }

    #[cfg(feature = "bridge")]
    fn accept_waiting(&self) -> io::Result<Option<Self::Connection>> {
        // The system is asked: tokio knows of connections only once it has looked for events.
        let Some((socket, from)) = waiting(SockRef::from(self).accept())? else { return Ok(None) };
        let from = from.as_socket().ok_or(io::ErrorKind::InvalidData)?;
        socket.set_nonblocking(true)?;
        Ok(Some((TcpStream::from_std(socket.into())?, from)))
    }
}

/// Returns `None` for the error of a socket at which nothing waits.
#[cfg(feature = "bridge")]
pub(super) fn waiting<T>(accepted: io::Result<T>) -> io::Result<Option<T>> {
    match accepted {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        accepted => accepted.map(Some),
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
        self.is_anywhere() && self.paused.load(Ordering::Relaxed) == 0
    }

    /// Returns true if there are sockets.
    #[cfg(feature = "cli")]
    pub(crate) fn is_anywhere(&self) -> bool {
        self.open.load(Ordering::Acquire) > 0
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
pub(crate) struct Acceptors<L: Accept> {
    listeners: Vec<Arc<L>>,
    next: FuturesUnordered<NextConnection<L>>,
}

#[cfg(feature = "bridge")]
type NextConnection<L> =
    Pin<Box<dyn Future<Output = (Acceptor<Arc<L>>, io::Result<<L as Accept>::Connection>)> + Send>>;

/// The most connections accepted of a listener that closes: those that waited, and not those of a flood.
#[cfg(feature = "bridge")]
const MAX_WAITING: usize = 4096;

#[cfg(feature = "bridge")]
impl<L: Accept> Acceptors<L> {
    /// Reports to `accepting` as each [`Acceptor`] does.
    pub(crate) fn new(listeners: impl IntoIterator<Item = L>, accepting: &Arc<Accepting>) -> Self {
        let listeners: Vec<_> = listeners.into_iter().map(Arc::new).collect();
        let acceptor = |listener: &Arc<L>| Acceptor::reporting(Arc::clone(listener), accepting);
        let next = listeners.iter().map(acceptor).map(next).collect();
        Self { listeners, next }
    }

    /// Closes all listeners: other processes can listen on their ports, and nothing more is accepted. Returns the
    /// connections that waited to be accepted.
    pub(crate) fn close(&mut self) -> Vec<L::Connection> {
        self.next.clear();
        let mut waited = Vec::new();
        for listener in self.listeners.drain(..) {
            let accept = || listener.accept_waiting().transpose();
            let accepted = std::iter::from_fn(accept).take(MAX_WAITING);
            waited.extend(
                accepted
                    .map_while(|it| match it {
                        Err(error) if ended_before_accept(&error) => Some(None),
                        accepted => accepted.ok().map(Some),
                    })
                    .flatten(),
            );
        }
        waited
    }

    /// Accepts the next connection of any listener; waits forever once they are closed. Cancel safe.
    ///
    /// # Errors
    ///
    /// As [`Acceptor::accept`].
    pub(crate) async fn accept(&mut self) -> io::Result<L::Connection> {
        let Some((acceptor, accepted)) = self.next.next().await else { return pending().await };
        self.next.push(next(acceptor));
        accepted
    }
}

#[cfg(feature = "bridge")]
fn next<L: Accept>(mut acceptor: Acceptor<Arc<L>>) -> NextConnection<L> {
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

#[cfg(all(test, feature = "bridge"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::{Ipv4Addr, TcpStream as Client};

    use super::*;

    #[tokio::test]
    async fn closed_listeners_return_the_connections_that_waited() {
        let mut listeners = Vec::new();
        for _ in 0..2 {
            listeners.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        }
        let addresses: Vec<_> = listeners.iter().map(|it| it.local_addr().unwrap()).collect();
        let accepting = Arc::default();
        let mut acceptors = Acceptors::new(listeners, &accepting);
        let clients = addresses.iter().cycle().take(6).map(|at| Client::connect(at).unwrap());
        let clients: Vec<_> = clients.collect();
        let waited = acceptors.close();
        assert_eq!(accepting.open.load(Ordering::Relaxed), 0);
        for at in addresses {
            assert!(Client::connect(at).is_err(), "the port is free");
        }
        let mut from: Vec<_> = waited.iter().map(|(_, from)| *from).collect();
        let mut expected: Vec<_> = clients.iter().map(|it| it.local_addr().unwrap()).collect();
        from.sort();
        expected.sort();
        assert_eq!(from, expected);
        for (socket, from) in &waited {
            socket.writable().await.unwrap();
            assert_eq!(socket.try_write(b"x").unwrap(), 1, "{from} is connected");
        }
    }
}
