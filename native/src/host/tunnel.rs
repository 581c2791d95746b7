//! The client of a bridge (section 10), for a host that cannot be reached, or that may use only the web.
//!
//! A WebSocket carries many streams. Each begins with a line that says its use, and is then connected to
//! a loopback connection.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
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

/// Time for the bridge to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

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
        let ports = StreamPorts::default();
        let inbound = ports.clone();
        let (opener, run) = multiplex(bytes, Mode::Client, move |stream| {
            tokio::spawn(pass_to_listener(stream, inbound.clone()));
        });
        let open = ports.clone();
        let task = tokio::spawn(async move {
            if let Err(error) = run.await {
                tracing::info!(%error, "tunnel failed");
            }
            open.close();
        });
        let client = TunnelClient { opener, ports };
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

/// Asks the bridge for connections and listeners.
#[derive(Clone)]
pub(super) struct TunnelClient {
    opener: Opener,
    ports: StreamPorts,
}

impl TunnelClient {
    /// Opens a connection to the relay.
    pub(super) async fn connect_relay(&self) -> io::Result<TcpStream> {
        let mut stream = self.opener.open().await?;
        stream.write_all(&FirstLine::Relay.to_line()).await?;
        stream.flush().await?;
        to_loopback(stream, pending()).await
    }

    /// Opens a connection to `to`.
    pub(super) async fn dial(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let mut stream = self.opener.open().await?;
        match request(&mut stream, &FirstLine::Dial(to)).await?.as_str() {
            "YES" => to_loopback(stream, pending()).await,
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

async fn request(stream: &mut Stream, line: &FirstLine<'_>) -> io::Result<String> {
    stream.write_all(&line.to_line()).await?;
    stream.flush().await?;
    timeout(ANSWER_TIMEOUT, read_first_line(stream)).await.unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, "the bridge does not answer"))
    })
}

/// Passes a visitor of an allocated port to its listener.
async fn pass_to_listener(mut stream: Stream, ports: StreamPorts) {
    let Ok(Ok(line)) = timeout(ANSWER_TIMEOUT, read_first_line(&mut stream)).await else { return };
    let Ok(FirstLine::Accept { port, from }) = FirstLine::parse(&line) else { return };
    ports.pass(port, stream, from, pending()).await;
}
