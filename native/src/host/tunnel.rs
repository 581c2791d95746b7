//! Sockets lent by a bridge (section 10), for a host that cannot be reached, or that only the web
//! lets out.
//!
//! A WebSocket carries many streams. Each begins with a line that says what it is for, and is then
//! joined to a loopback connection, so that the rest of the host, file bytes included, works with TCP
//! sockets and need not know.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use xcher_core::Quoted;
use xcher_core::tunnel::FirstLine;

use super::tls_roots::Trust;
use super::web_socket::{self, WebSocket};
use crate::relay_address::BridgeUrl;
use crate::tunnel::{Endpoint, Mode, Opener, Stream, multiplex, read_first_line};

/// How long the bridge may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// A tunnel to a bridge. All that it lent is gone when it is dropped.
pub(super) struct Tunnel {
    opener: Opener,
    ports: Arc<Ports>,
    /// This end and the bridge's of the WebSocket.
    pub(super) ends: (SocketAddr, SocketAddr),
    run: AbortHandle,
}

/// Who waits for visitors to which lent port.
type Ports = Mutex<HashMap<u16, mpsc::Sender<(TcpStream, SocketAddr)>>>;

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.run.abort();
    }
}

/// A lent listener: it is given back when this is dropped.
pub(super) struct AllocatedPort {
    /// Where others reach it.
    pub(super) at: SocketAddr,
    visitors: mpsc::Receiver<(TcpStream, SocketAddr)>,
    ports: Arc<Ports>,
    /// As long as it is open, so is the listener.
    _stream: Stream,
}

impl AllocatedPort {
    /// The next who connects, and from where; `None` when the tunnel is gone.
    pub(super) async fn accept(&mut self) -> Option<(TcpStream, SocketAddr)> {
        self.visitors.recv().await
    }
}

impl Drop for AllocatedPort {
    fn drop(&mut self) {
        lock(&self.ports).remove(&self.at.port());
    }
}

impl Tunnel {
    /// Connects to a bridge.
    ///
    /// # Errors
    ///
    /// If there is none, it is not the one that was named, or it refuses.
    pub(super) async fn connect(
        bridge: &BridgeUrl,
        token: Option<&str>,
        trust: &Trust,
    ) -> io::Result<Self> {
        let WebSocket { bytes, ends } = web_socket::connect(bridge, token, trust).await?;
        let ports = Arc::<Ports>::default();
        let visits = Arc::clone(&ports);
        let (opener, run) = multiplex(bytes, Mode::Client, move |stream| {
            tokio::spawn(visit(stream, Arc::clone(&visits)));
        });
        let ports_left = Arc::clone(&ports);
        let run = tokio::spawn(async move {
            if let Err(error) = run.await {
                tracing::info!(%error, "the tunnel broke");
            }
            // Whoever waits for a visitor waits in vain.
            lock(&ports_left).clear();
        });
        Ok(Self { opener, ports, ends, run: run.abort_handle() })
    }

    /// What opens streams: to be used without holding the tunnel.
    pub(super) fn lines(&self) -> Lines {
        Lines { opener: self.opener.clone(), ports: Arc::clone(&self.ports) }
    }
}

/// Asks the bridge for sockets.
#[derive(Clone)]
pub(super) struct Lines {
    opener: Opener,
    ports: Arc<Ports>,
}

impl Lines {
    /// A connection to the relay.
    pub(super) async fn relay(&self) -> io::Result<TcpStream> {
        let mut stream = self.opener.open().await?;
        stream.write_all(&FirstLine::Relay.to_line()).await?;
        stream.flush().await?;
        local(stream).await
    }

    /// A connection to `to`.
    pub(super) async fn dial(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let mut stream = self.opener.open().await?;
        match ask(&mut stream, &FirstLine::Dial(to)).await?.as_str() {
            "YES" => local(stream).await,
            answer => Err(refused(answer)),
        }
    }

    /// A listener at the bridge.
    pub(super) async fn listen(&self) -> io::Result<AllocatedPort> {
        let mut stream = self.opener.open().await?;
        let answer = ask(&mut stream, &FirstLine::Listen).await?;
        let Ok(FirstLine::Listening(at)) = FirstLine::parse(&answer) else {
            return Err(refused(&answer));
        };
        let (sender, visitors) = mpsc::channel(16);
        lock(&self.ports).insert(at.port(), sender);
        Ok(AllocatedPort { at, visitors, ports: Arc::clone(&self.ports), _stream: stream })
    }
}

fn refused(answer: &str) -> io::Error {
    let reason = match FirstLine::parse(answer) {
        Ok(FirstLine::No { reason }) => reason,
        _ => answer,
    };
    let reason = Quoted(reason);
    io::Error::new(io::ErrorKind::ConnectionRefused, format!("the bridge said NO: {reason}"))
}

async fn ask(stream: &mut Stream, line: &FirstLine<'_>) -> io::Result<String> {
    stream.write_all(&line.to_line()).await?;
    stream.flush().await?;
    timeout(ANSWER, read_first_line(stream)).await.unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, "expected an answer of the bridge, got none"))
    })
}

/// Someone came to a lent port.
async fn visit(mut stream: Stream, ports: Arc<Ports>) {
    let Ok(Ok(line)) = timeout(ANSWER, read_first_line(&mut stream)).await else { return };
    let Ok(FirstLine::Accept { port, from }) = FirstLine::parse(&line) else { return };
    let visitors = lock(&ports).get(&port).cloned();
    if let Some(visitors) = visitors
        && let Ok(socket) = local(stream).await
    {
        // It was given back meanwhile.
        let _ = visitors.send((socket, from)).await;
    }
}

/// Joins a stream to a loopback connection; the other end of that is returned.
async fn local(stream: Stream) -> io::Result<TcpStream> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let (near, accepted) = tokio::join!(TcpStream::connect(listener.local_addr()?), async {
        loop {
            let (far, from) = listener.accept().await?;
            // Another program of this host may find the port before we do.
            if from.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
                return io::Result::Ok((far, from));
            }
        }
    });
    let (near, (far, from)) = (near?, accepted?);
    if near.local_addr()? != from {
        return Err(io::Error::other("someone else took a connection within this host"));
    }
    near.set_nodelay(true)?;
    tokio::spawn(Endpoint::tcp(far).copy(stream));
    Ok(near)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
