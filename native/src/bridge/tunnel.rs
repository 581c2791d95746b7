//! One tunnel: its streams, and what each is for.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tracing::{debug, info};
use xcher_core::tunnel::{FirstLine, Gate, Lease};
use xcher_core::{LineBuffer, RelayPacket};
use yamux::Mode;

use super::carry::{carry, carry_tcp};
use super::mux::{self, MAX_STREAMS, MAX_VISITS, Opener, Stream};
use super::{Shared, Visitor, Way};
use crate::relay::Joined;

/// How long a stream may take to say what it is for.
const FIRST_LINE: Duration = Duration::from_secs(10);
/// How long a tunnel may have no stream.
const UNUSED: Duration = Duration::from_secs(120);
/// How long a dial may take.
const DIAL: Duration = Duration::from_secs(10);
/// Bytes on their way between a client and the relay, each way: there are many such links, and their
/// packets are small.
const RELAY: usize = 8 << 10;
/// Bytes on their way between two tunnels of this bridge, each way.
const JOINED: usize = 64 << 10;

/// What the streams of a tunnel have in common.
pub(super) struct Tunnel {
    pub(super) shared: Arc<Shared>,
    pub(super) opener: Opener,
    gate: Mutex<Gate>,
    client: SocketAddr,
    /// Where its listeners are reached.
    pub(super) public_ip: IpAddr,
    /// The link to the relay, once the client asked for it.
    relay: Mutex<Option<Joined>>,
    pub(super) listeners: Semaphore,
    streams: Semaphore,
    /// For connections to its listeners.
    pub(super) visits: Arc<Semaphore>,
}

pub(super) async fn serve<S>(shared: Arc<Shared>, socket: S, client: SocketAddr, public_ip: IpAddr)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    info!(%client, "tunnel open");
    // Of what came, as many wait as the tunnel may have streams, and no more.
    let came = Arc::new(Mutex::new(Vec::new()));
    let inbound = Arc::clone(&came);
    let (opener, run) = mux::run(socket, Mode::Server, move |stream| lock(&inbound).push(stream));
    let tunnel = Arc::new(Tunnel {
        listeners: Semaphore::new(shared.config.listeners),
        streams: Semaphore::new(MAX_STREAMS),
        visits: Arc::new(Semaphore::new(MAX_VISITS)),
        shared,
        opener,
        gate: Mutex::new(Gate::new(client.ip())),
        client,
        public_ip,
        relay: Mutex::new(None),
    });
    // Dropped with the tunnel, and every connection and listener with it.
    let mut tasks = JoinSet::new();
    let mut run = std::pin::pin!(run);
    let mut unused: Option<Pin<Box<Sleep>>> = None;
    let ended = poll_fn(|cx| {
        let ended = run.as_mut().poll(cx);
        for stream in std::mem::take(&mut *lock(&came)) {
            let tunnel = Arc::clone(&tunnel);
            tasks.spawn(async move { tunnel.stream(stream).await });
        }
        while let Poll::Ready(Some(_)) = tasks.poll_join_next(cx) {}
        if !tasks.is_empty() {
            unused = None;
        } else if ended.is_pending() {
            let unused = unused.get_or_insert_with(|| Box::pin(sleep(UNUSED)));
            ready!(unused.as_mut().poll(cx));
            let fault = "expected a stream within 120 s, got none";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, fault)));
        }
        ended
    })
    .await;
    match ended {
        Ok(()) => info!(%client, "tunnel closed"),
        Err(error) => info!(%client, %error, "tunnel broke"),
    }
}

impl Tunnel {
    async fn stream(self: Arc<Self>, mut stream: Stream) {
        let tunnel = Arc::clone(&self);
        let Ok(_permit) = tunnel.streams.try_acquire() else {
            let reason = format!("expected at most {MAX_STREAMS} streams, got one more");
            return refuse(&mut stream, &reason).await;
        };
        let line = match timeout(FIRST_LINE, mux::first_line(&mut stream)).await {
            Ok(Ok(line)) => line,
            Ok(Err(error)) => return refuse(&mut stream, &error.to_string()).await,
            Err(_) => return refuse(&mut stream, "expected a first line, got none").await,
        };
        match FirstLine::parse(&line) {
            Ok(FirstLine::Relay) => Box::pin(self.to_relay(stream)).await,
            Ok(FirstLine::Listen) => Box::pin(self.lend_listener(stream)).await,
            Ok(FirstLine::Dial(to)) => Box::pin(self.dial(stream, to)).await,
            Ok(_) => refuse(&mut stream, "expected X_RELAY, X_LISTEN or X_DIAL ip port").await,
            Err(error) => refuse(&mut stream, &error.to_string()).await,
        }
    }

    /// A stream that is a connection to the relay, watched for the calls that come over it.
    async fn to_relay(&self, mut stream: Stream) {
        let (ours, theirs) = tokio::io::duplex(RELAY);
        if !self.join_relay(theirs) {
            return refuse(&mut stream, "expected one X_RELAY a tunnel, got another").await;
        }
        let mut watched = Watched { tunnel: self, link: ours, lines: LineBuffer::new() };
        let ended = carry(&mut stream, &mut watched).await;
        debug!(?ended, "link to the relay ended");
        *lock(&self.relay) = None;
    }

    /// Whether the link to the relay was not there yet.
    fn join_relay(&self, theirs: DuplexStream) -> bool {
        let mut relay = lock(&self.relay);
        let first = relay.is_none();
        if first {
            *relay = Some(self.shared.relay.join(theirs, self.client));
        }
        first
    }

    fn watch(&self, lines: &mut LineBuffer, bytes: &[u8]) {
        lines.receive(bytes);
        // The relay passes on no line that is too long or no text.
        while let Ok(Some(line)) = lines.next_line() {
            if let Ok(RelayPacket::Init { ip, port, .. }) = RelayPacket::parse(line) {
                let now = self.shared.start.elapsed();
                self.gate().called(SocketAddr::new(ip, port), now);
            }
        }
    }

    async fn dial(&self, mut stream: Stream, to: SocketAddr) {
        let own = self.shared.lent().get(&to).cloned();
        let now = self.shared.start.elapsed();
        let asked = self.gate().dial(to, own.is_some(), now);
        let lease = match asked {
            Ok(lease) => Leased { tunnel: self, lease: Some(lease) },
            Err(fault) => return refuse(&mut stream, &fault.to_string()).await,
        };
        match own {
            Some(listener) => {
                let (ours, theirs) = tokio::io::duplex(JOINED);
                let visitor = Visitor { from: self.visits_from(), stream: Way::Joined(theirs) };
                match listener.try_send(visitor) {
                    Ok(()) => self.connect(stream, Way::Joined(ours)).await,
                    Err(_) => refuse(&mut stream, "the listener takes no more").await,
                }
            }
            None => match timeout(DIAL, TcpStream::connect(to)).await {
                Ok(Ok(socket)) => {
                    self.connect(stream, Way::tcp(socket)).await;
                }
                Ok(Err(error)) => refuse(&mut stream, &error.to_string()).await,
                Err(_) => refuse(&mut stream, "expected a connection, got none in 10 s").await,
            },
        }
        drop(lease);
    }

    /// Where a client of this bridge seems to come from: its listeners' address, so that what it
    /// names and where it comes from agree.
    fn visits_from(&self) -> SocketAddr {
        SocketAddr::new(self.public_ip, self.client.port())
    }

    async fn connect(&self, mut stream: Stream, to: Way) {
        if stream.write_all(&FirstLine::Yes.to_line()).await.is_ok() {
            to.carry(stream).await;
        }
    }

    /// Brings someone who came to a listener of this tunnel's to its client.
    pub(super) async fn bring(self: Arc<Self>, port: u16, visitor: Visitor) {
        let lease = self.gate().accepted(visitor.from);
        let lease = Leased { tunnel: &self, lease: Some(lease) };
        let line = FirstLine::Accept { port, from: visitor.from }.to_line();
        let Ok(mut stream) = self.opener.open().await else { return };
        if stream.write_all(&line).await.is_ok() {
            visitor.stream.carry(stream).await;
        }
        drop(lease);
    }

    /// Lets X_INITs of this tunnel's client name `at`, or no more.
    pub(super) fn lend(&self, at: SocketAddr, lend: bool) {
        if let Some(relay) = &*lock(&self.relay) {
            if lend { relay.lend(at) } else { relay.give_back(at) }
        }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        lock(&self.gate)
    }
}

/// A link to the relay, of which the calls that come over it are noted before the client has them,
/// so that it can dial at once.
struct Watched<'a> {
    tunnel: &'a Tunnel,
    link: DuplexStream,
    lines: LineBuffer,
}

impl AsyncRead for Watched<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.link).poll_read(cx, buf))?;
        let tunnel = self.tunnel;
        tunnel.watch(&mut self.lines, &buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_shutdown(cx)
    }
}

/// A lease that is given back when the connection is gone, however it goes.
struct Leased<'a> {
    tunnel: &'a Tunnel,
    lease: Option<Lease>,
}

impl Drop for Leased<'_> {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.tunnel.gate().closed(lease);
        }
    }
}

impl Way {
    /// Whatever drops the socket resets it, until it is closed on both sides: what was cut is not to
    /// look whole.
    pub(super) fn tcp(socket: TcpStream) -> Self {
        // These fail only on a connection that is over.
        let _ = socket.set_nodelay(true);
        let _ = socket.set_zero_linger();
        Self::Tcp(socket)
    }

    /// Carries bytes to and from a stream until both are closed, or either broke.
    async fn carry(self, mut stream: Stream) {
        let carried = match self {
            Self::Tcp(socket) => carry_tcp(&mut stream, socket).await,
            Self::Joined(mut socket) => carry(&mut stream, &mut socket).await,
        };
        debug!(?carried, "connection ended");
    }
}

pub(super) async fn refuse(stream: &mut Stream, reason: &str) {
    debug!(reason, "stream refused");
    // A client that is gone needs no reason.
    let _ = stream.write_all(&FirstLine::No { reason }.to_line()).await;
    let _ = stream.shutdown().await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
