//! The client of a bridge (section 10), for a host that cannot be reached, or that may use only the web.
//!
//! A WebSocket carries many streams. Each begins with a line that says its use, and is then connected to
//! a loopback connection.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use xcher_core::Quoted;
use xcher_core::tunnel::FirstLine;

use super::loopback::to_loopback;
use super::stream_ports::{StreamPort, StreamPorts};
use super::tls_roots::TlsRoots;
use super::web_socket::{self, WebSocket};
use crate::relay_address::BridgeUrl;
use crate::tunnel::{Mode, Opener, Stream, multiplex, read_first_line};

/// Time for a stream that the bridge opens to send its first line.
const FIRST_LINE_TIMEOUT: Duration = Duration::from_secs(10);

/// A tunnel to a bridge.
///
/// It lasts as long as a clone of it, a stream or a listener: the connection to the relay that it was opened with, and
/// the sessions that came of calls over that (section 5.9). Its end returns everything that was allocated.
#[derive(Clone)]
pub(super) struct Tunnel {
    opener: Opener,
    ports: StreamPorts,
    /// The WebSocket's local and remote address.
    pub(super) addresses: (SocketAddr, SocketAddr),
    task: Arc<TunnelTask>,
}

/// The task of a tunnel, once it runs. Dropping it ends the tunnel.
#[derive(Default)]
struct TunnelTask(OnceLock<AbortHandle>);

impl Drop for TunnelTask {
    fn drop(&mut self) {
        if let Some(task) = self.0.get() {
            task.abort();
        }
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
        let (ports, task) = (StreamPorts::default(), Arc::<TunnelTask>::default());
        let (inbound, of) = (ports.clone(), Arc::downgrade(&task));
        let (opener, run) = multiplex(bytes, Mode::Client, move |stream| {
            if let Some(task) = of.upgrade() {
                tokio::spawn(pass_to_listener(stream, inbound.clone(), task));
            }
        });
        let open = ports.clone();
        let running = tokio::spawn(async move {
            if let Err(error) = run.await {
                tracing::info!(%error, "tunnel failed");
            }
            open.close();
        });
        // Nothing else sets it.
        let _ = task.0.set(running.abort_handle());
        Ok(Self { opener, ports, addresses, task })
    }

    /// Returns a handle that ends the tunnel whatever still uses it.
    pub(super) fn abort_handle(&self) -> Option<AbortHandle> {
        self.task.0.get().cloned()
    }

    /// Opens a connection to the relay.
    pub(super) async fn connect_relay(&self) -> io::Result<TcpStream> {
        let mut stream = self.opener.open().await?;
        stream.write_all(&FirstLine::Relay.to_line()).await?;
        stream.flush().await?;
        to_loopback(stream, hold(Arc::clone(&self.task))).await
    }

    /// Opens a connection to `to`.
    pub(super) async fn dial(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let mut stream = self.opener.open().await?;
        match request(&mut stream, &FirstLine::Dial(to)).await?.as_str() {
            "YES" => to_loopback(stream, hold(Arc::clone(&self.task))).await,
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
        Ok(AllocatedPort { at, visitors: self.ports.open(at.port()), stream })
    }
}

/// Returns the error of a host that should use a bridge and has no tunnel.
pub(super) fn no_tunnel() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "not connected to a bridge")
}

/// An allocated port, returned on drop.
pub(super) struct AllocatedPort {
    /// The address at which others reach it.
    pub(super) at: SocketAddr,
    pub(super) visitors: StreamPort,
    /// The bridge listens as long as this stream is open.
    pub(super) stream: Stream,
}

fn refusal(answer: &str) -> io::Error {
    let reason = match FirstLine::parse(answer) {
        Ok(FirstLine::No { reason }) => reason,
        _ => answer,
    };
    let reason = Quoted(reason);
    io::Error::new(io::ErrorKind::ConnectionRefused, format!("the bridge refused: {reason}"))
}

/// Sends a line and returns the answer. The state machine limits the time: in a slow tunnel both wait behind the bytes
/// of files.
async fn request(stream: &mut Stream, line: &FirstLine<'_>) -> io::Result<String> {
    stream.write_all(&line.to_line()).await?;
    stream.flush().await?;
    read_first_line(stream).await
}

/// Passes a visitor of an allocated port to its listener.
async fn pass_to_listener(mut stream: Stream, ports: StreamPorts, task: Arc<TunnelTask>) {
    let Ok(Ok(line)) = timeout(FIRST_LINE_TIMEOUT, read_first_line(&mut stream)).await else {
        return;
    };
    let Ok(FirstLine::Accept { port, from }) = FirstLine::parse(&line) else { return };
    ports.pass(port, stream, from, hold(task)).await;
}

/// Keeps a tunnel open until it is dropped.
async fn hold(task: Arc<TunnelTask>) {
    let _task = task;
    pending().await
}
