//! Accepting connections, also when the system has none to give.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};
use tracing::warn;

/// How long no connection is accepted after the system could not give one.
const PAUSE: Duration = Duration::from_millis(200);
/// How long that is not logged again.
const WARN_AGAIN: Duration = Duration::from_secs(10);

/// A listener that waits where it cannot accept, instead of trying without end.
pub(crate) struct Acceptor {
    listener: TcpListener,
    /// While it lasts, the system has no connection to give.
    paused: Option<Instant>,
    warned: Option<Instant>,
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self { listener, paused: None, warned: None }
    }

    /// The next connection, and from where. Dropping the future loses none, and no pause.
    ///
    /// # Errors
    ///
    /// If it is no listener. What else fails, for want of file descriptors for example, is logged
    /// and tried again.
    pub(crate) async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            if let Some(until) = self.paused {
                sleep_until(until).await;
            }
            match self.listener.accept().await {
                Ok(accepted) => {
                    self.paused = None;
                    return Ok(accepted);
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
                Err(error) => {
                    let now = Instant::now();
                    if self.warned.is_none_or(|before| now - before > WARN_AGAIN) {
                        warn!(%error, "no connection can be accepted for now");
                        self.warned = Some(now);
                    }
                    self.paused = Some(now + PAUSE);
                }
            }
        }
    }
}

/// Whether the connection was over before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | WouldBlock)
}
