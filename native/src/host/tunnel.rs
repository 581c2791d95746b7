//! The client of a bridge (section 10), for a host that cannot be reached, or that may use only the web.
//!
//! A WebSocket carries many streams. Each begins with a line that says its use, and is then connected to
//! a loopback TCP connection, so that the rest of the host, file transfers included, works with TCP
//! sockets alone.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use xcher_core::Quoted;
use xcher_core::tunnel::FirstLine;

use super::loopback_pair::loopback_pair;
use super::tls_roots::TlsRoots;
use super::web_socket::{self, WebSocket};
use crate::relay_address::BridgeUrl;
use crate::tunnel::{Endpoint, Mode, Opener, Stream, multiplex, read_first_line};

/// Time for the bridge to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The most visitors that wait for one listener.
const MAX_WAITING_VISITORS: usize = 16;

/// A tunnel to a bridge. Dropping it returns everything that was allocated.
pub(super) struct Tunnel {
    client: TunnelClient,
    /// The WebSocket's local and remote address.
    pub(super) addresses: (SocketAddr, SocketAddr),
    task: AbortHandle,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Tunnel {
    /// Connects to a bridge.
    ///
    /// # Errors
    ///
    /// If there is no bridge, its certificate is invalid, or it refuses.
    pub(super) async fn connect(
        bridge: &BridgeUrl,
        token: Option<&str>,
        tls_roots: &TlsRoots,
    ) -> io::Result<Self> {
        let WebSocket { bytes, addresses } = web_socket::connect(bridge, token, tls_roots).await?;
        let listeners = Arc::<Listeners>::default();
        let inbound = Arc::clone(&listeners);
        let (opener, run) = multiplex(bytes, Mode::Client, move |stream| {
            tokio::spawn(pass_to_listener(stream, Arc::clone(&inbound)));
        });
        let waiting = Arc::clone(&listeners);
        let task = tokio::spawn(async move {
            if let Err(error) = run.await {
                tracing::info!(%error, "tunnel failed");
            }
            // Ends the wait of all who listen.
            lock(&waiting).clear();
        });
        let client = TunnelClient { opener, listeners };
        Ok(Self { client, addresses, task: task.abort_handle() })
    }

    /// Returns a handle that opens streams and does not keep the tunnel open.
    pub(super) fn client(&self) -> TunnelClient {
        self.client.clone()
    }
}

/// Returns the error of a host that should use a bridge and has no tunnel.
pub(super) fn no_tunnel() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "not connected to a bridge")
}

/// For each allocated port, the channel that its visitors are passed to.
type Listeners = Mutex<HashMap<u16, mpsc::Sender<(TcpStream, SocketAddr)>>>;

/// Asks the bridge for connections and listeners.
#[derive(Clone)]
pub(super) struct TunnelClient {
    opener: Opener,
    listeners: Arc<Listeners>,
}

impl TunnelClient {
    /// Opens a connection to the relay.
    pub(super) async fn connect_relay(&self) -> io::Result<TcpStream> {
        let mut stream = self.opener.open().await?;
        stream.write_all(&FirstLine::Relay.to_line()).await?;
        stream.flush().await?;
        to_loopback(stream).await
    }

    /// Opens a connection to `to`.
    pub(super) async fn dial(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let mut stream = self.opener.open().await?;
        match request(&mut stream, &FirstLine::Dial(to)).await?.as_str() {
            "YES" => to_loopback(stream).await,
            answer => Err(refusal(answer)),
        }
    }

    /// Opens a listener at the bridge.
    pub(super) async fn listen(&self) -> io::Result<AllocatedPort> {
        let mut stream = self.opener.open().await?;
        let answer = request(&mut stream, &FirstLine::Listen).await?;
        let Ok(FirstLine::Listening(at)) = FirstLine::parse(&answer) else {
            return Err(refusal(&answer));
        };
        let (sender, visitors) = mpsc::channel(MAX_WAITING_VISITORS);
        lock(&self.listeners).insert(at.port(), sender);
        let listeners = Arc::clone(&self.listeners);
        Ok(AllocatedPort { at, visitors, listeners, _stream: stream })
    }
}

/// An allocated port, returned on drop.
pub(super) struct AllocatedPort {
    /// The address at which others reach it.
    pub(super) at: SocketAddr,
    visitors: mpsc::Receiver<(TcpStream, SocketAddr)>,
    listeners: Arc<Listeners>,
    /// The bridge listens as long as this stream is open.
    _stream: Stream,
}

impl AllocatedPort {
    /// Accepts the next connection and returns it with its remote address; `None` once the tunnel has
    /// ended.
    pub(super) async fn accept(&mut self) -> Option<(TcpStream, SocketAddr)> {
        self.visitors.recv().await
    }
}

impl Drop for AllocatedPort {
    fn drop(&mut self) {
        lock(&self.listeners).remove(&self.at.port());
    }
}

fn refusal(answer: &str) -> io::Error {
    let reason = match FirstLine::parse(answer) {
        Ok(FirstLine::No { reason }) => reason,
        _ => answer,
    };
    let reason = Quoted(reason);
    io::Error::new(io::ErrorKind::ConnectionRefused, format!("the bridge refused: {reason}"))
}

async fn request(stream: &mut Stream, line: &FirstLine<'_>) -> io::Result<String> {
    stream.write_all(&line.to_line()).await?;
    stream.flush().await?;
    timeout(ANSWER_TIMEOUT, read_first_line(stream)).await.unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, "the bridge does not answer"))
    })
}

/// Passes a visitor of an allocated port to its listener.
async fn pass_to_listener(mut stream: Stream, listeners: Arc<Listeners>) {
    let Ok(Ok(line)) = timeout(ANSWER_TIMEOUT, read_first_line(&mut stream)).await else { return };
    let Ok(FirstLine::Accept { port, from }) = FirstLine::parse(&line) else { return };
    let listener = lock(&listeners).get(&port).cloned();
    if let Some(listener) = listener
        && let Ok(socket) = to_loopback(stream).await
    {
        // Fails if the listener was closed meanwhile.
        let _ = listener.send((socket, from)).await;
    }
}

/// Connects a stream to a loopback connection, and returns the other end of that.
async fn to_loopback(stream: Stream) -> io::Result<TcpStream> {
    let (near, far) = loopback_pair().await?;
    tokio::spawn(Endpoint::tcp(far).copy(stream));
    Ok(near)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
