//! One tunnel: its streams, and what each is for.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tracing::{debug, info};
use xcher_core::tunnel::{FirstLine, Lease, MAX_STREAMS, MAX_VISITORS, Route, TunnelId};

use super::own_address::is_of_this_host;
use super::relay_link::RelayLink;
use super::{Shared, Visitor};
use crate::tunnel::{Endpoint, Mode, Opener, Stream, multiplex, read_first_line};

/// How long a stream may take to say what it is for.
const FIRST_LINE: Duration = Duration::from_secs(10);
/// How long a tunnel may have no stream.
const UNUSED: Duration = Duration::from_secs(120);
/// How long a dial may take.
pub(super) const DIAL: Duration = Duration::from_secs(10);

/// What the streams of a tunnel have in common.
pub(super) struct Tunnel {
    pub(super) shared: Arc<Shared>,
    pub(super) opener: Opener,
    /// Its number among the bridge's allocations.
    pub(super) id: TunnelId,
    pub(super) client: SocketAddr,
    /// Where its listeners are reached.
    pub(super) public_ip: IpAddr,
    /// The link to the relay, once the client asked for it.
    pub(super) relay: Mutex<Option<RelayLink>>,
    pub(super) relays: Semaphore,
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
    let (opener, run) = multiplex(socket, Mode::Server, move |stream| lock(&inbound).push(stream));
    let is_here = is_of_this_host(client.ip());
    let id = shared.allocations().open(client.ip(), is_here);
    let tunnel = Arc::new(Tunnel {
        id,
        streams: Semaphore::new(MAX_STREAMS),
        visits: Arc::new(Semaphore::new(MAX_VISITORS)),
        shared,
        opener,
        client,
        public_ip,
        relay: Mutex::new(None),
        relays: Semaphore::new(1),
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
            let error = "expected a stream within 120 s, got none";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, error)));
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
        let line = match timeout(FIRST_LINE, read_first_line(&mut stream)).await {
            Ok(Ok(line)) => line,
            Ok(Err(error)) => return refuse(&mut stream, &error.to_string()).await,
            Err(_) => return refuse(&mut stream, "expected a first line, got none").await,
        };
        match FirstLine::parse(&line) {
            Ok(FirstLine::Relay) => Box::pin(self.to_relay(stream)).await,
            Ok(FirstLine::Listen) => Box::pin(self.allocate_listener(stream)).await,
            Ok(FirstLine::Dial(to)) => Box::pin(self.dial(stream, to)).await,
            Ok(_) => refuse(&mut stream, "expected X_RELAY, X_LISTEN or X_DIAL ip port").await,
            Err(error) => refuse(&mut stream, &error.to_string()).await,
        }
    }

    async fn dial(&self, mut stream: Stream, to: SocketAddr) {
        let (own, now) = (self.is_own(to.ip()), self.shared.now());
        let asked = self.shared.allocations().dial(self.id, to, own, now);
        let (route, _lease) = match asked {
            Ok((route, lease)) => (route, Leased::new(&self.shared, lease)),
            Err(error) => return refuse(&mut stream, &error.to_string()).await,
        };
        match route {
            Route::Joined => {
                let (ours, theirs) = Endpoint::pipe();
                let visitor =
                    Visitor { from: self.visits_from(), tunnel: Some(self.id), endpoint: theirs };
                let listener = self.shared.lent().get(&to).cloned();
                match listener.map(|listener| listener.try_send(visitor)) {
                    Some(Ok(())) => self.connect(stream, ours).await,
                    _ => refuse(&mut stream, "the listener takes no more").await,
                }
            }
            Route::Connect => match timeout(DIAL, TcpStream::connect(to)).await {
                Ok(Ok(socket)) => {
                    self.connect(stream, Endpoint::tcp(socket)).await;
                }
                Ok(Err(error)) => refuse(&mut stream, &error.to_string()).await,
                Err(_) => refuse(&mut stream, "expected a connection, got none in 10 s").await,
            },
        }
    }

    /// Where a client of this bridge seems to come from: its listeners' address, so that what it
    /// names and where it comes from agree.
    fn visits_from(&self) -> SocketAddr {
        SocketAddr::new(self.public_ip, self.client.port())
    }

    async fn connect(&self, mut stream: Stream, to: Endpoint) {
        if stream.write_all(&FirstLine::Yes.to_line()).await.is_ok() {
            to.copy(stream).await;
        }
    }

    /// Brings someone who came to a listener of this tunnel's to its client; whom it does not await is
    /// closed.
    pub(super) async fn bring(self: Arc<Self>, at: SocketAddr, visitor: Visitor) {
        let now = self.shared.now();
        let admitted = match visitor.tunnel {
            Some(tunnel) => self.shared.allocations().joined(at, tunnel, now),
            None => {
                let (ip, own) = (visitor.from.ip(), self.is_own(visitor.from.ip()));
                self.shared.allocations().visited(at, ip, own, now)
            }
        };
        let _lease = match admitted {
            Ok(lease) => Leased::new(&self.shared, lease),
            Err(error) => return debug!(from = %visitor.from, %error, "turned away"),
        };
        let line = FirstLine::Accept { port: at.port(), from: visitor.from }.to_line();
        let Ok(mut stream) = self.opener.open().await else { return };
        if stream.write_all(&line).await.is_ok() {
            visitor.endpoint.copy(stream).await;
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.shared.allocations().close(self.id);
    }
}

/// A lease that is given back when the connection is gone, however it goes.
struct Leased<'a> {
    shared: &'a Shared,
    lease: Option<Lease>,
}

impl<'a> Leased<'a> {
    fn new(shared: &'a Shared, lease: Lease) -> Self {
        Self { shared, lease: Some(lease) }
    }
}

impl Drop for Leased<'_> {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.shared.allocations().closed(lease);
        }
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
