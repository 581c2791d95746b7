//! One tunnel: its streams, each served by its first line.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep, timeout};
use tracing::{debug, error};
use xcher_core::registry::Account;
#[cfg(feature = "cli")]
use xcher_core::registry::ConnId;
use xcher_core::tunnel::{
    FirstLine, Lease, MAX_STREAMS, MAX_VISITORS, QuotaAccount, Route, TunnelId,
};

use super::counts::StreamOutcome;
use super::home::RelayLink;
use super::open_tunnels::Entry;
use super::own_address::is_of_this_machine;
use super::quotas::Served;
use super::{Shared, Visitor};
use crate::tunnel::{Endpoint, Mode, Opener, Stream, multiplex, read_first_line};

/// Time for a stream to send its first line.
const FIRST_LINE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time after which a tunnel without a stream is closed (section 8).
const UNUSED_TIMEOUT: Duration = Duration::from_secs(120);
/// Time for the client of a tunnel that the operator closes to receive the reason from the relay.
const KICK_DELAY: Duration = Duration::from_millis(500);
/// Time for a dial to connect.
pub(super) const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// State that the streams of a tunnel share.
pub(super) struct Tunnel {
    pub(super) shared: Arc<Shared>,
    pub(super) opener: Opener,
    /// Identifies the tunnel among the bridge's allocations.
    pub(super) id: TunnelId,
    pub(super) client: SocketAddr,
    /// For whom it counts.
    pub(super) account: Account,
    /// Whose quota its bytes use up.
    quota_account: QuotaAccount,
    /// The address at which peers reach its listeners.
    pub(super) public_ip: IpAddr,
    /// The link to the relay, once the client asked for it.
    pub(super) relay_link: Mutex<Option<RelayLink>>,
    pub(super) relay_links: Semaphore,
    streams: Semaphore,
    /// Permits for connections to its listeners.
    pub(super) visits: Arc<Semaphore>,
    /// What the tunnel starts to serve at its next turn. Bounded by the number of streams that it may have.
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

/// What a tunnel serves.
enum Arrival {
    /// A stream that the client opened.
    Stream(Stream),
    /// A connection to one of its listeners, with its permit.
    Visit(SocketAddr, Visitor, OwnedSemaphorePermit),
}

pub(super) async fn serve<S>(shared: Arc<Shared>, socket: S, mut entry: Entry, public_ip: IpAddr)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let client = entry.open.client;
    debug!(%client, "tunnel open");
    let arrivals = Arc::<Mutex<Vec<Arrival>>>::default();
    let inbound = Arc::clone(&arrivals);
    let (opener, run) =
        multiplex(socket, Mode::Server, move |stream| lock(&inbound).push(Arrival::Stream(stream)));
    let is_here = is_of_this_machine(client.ip());
    let id = shared.allocations().open(client.ip(), is_here);
    let tunnel = Arc::new(Tunnel {
        id,
        streams: Semaphore::new(MAX_STREAMS),
        visits: Arc::new(Semaphore::new(MAX_VISITORS)),
        shared,
        opener,
        client,
        account: entry.open.account.clone(),
        quota_account: entry.open.quota_account.clone(),
        public_ip,
        relay_link: Mutex::new(None),
        relay_links: Semaphore::new(1),
        arrivals,
    });
    let _ = entry.open.tunnel.set(Arc::downgrade(&tunnel));
    // In the task of the tunnel, so that its bytes never wait for another thread, nor pass from the caches of one
    // processor to those of another. Dropped with the tunnel, and every connection and listener with it.
    let mut served = FuturesUnordered::new();
    let mut run = std::pin::pin!(run);
    let mut unused: Option<Pin<Box<Sleep>>> = None;
    let open = Arc::clone(&entry.open);
    let mut kicked = std::pin::pin!(async {
        open.kicked.cancelled().await;
        sleep(KICK_DELAY).await;
    });
    let ended = poll_fn(|cx| {
        if kicked.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok("kicked"));
        }
        let ended = run.as_mut().poll(cx);
        if open.cut.take(cx) {
            // What is dropped is reset: a file that was cut does not look complete.
            served = std::mem::take(&mut served).into_iter().filter(Served::stays).collect();
        }
        loop {
            let arrivals = std::mem::take(&mut *lock(&tunnel.arrivals));
            served.extend(arrivals.into_iter().map(|arrival| tunnel.serve(arrival)));
            while let Poll::Ready(Some(())) = served.poll_next_unpin(cx) {}
            // A listener may have got a visitor.
            if lock(&tunnel.arrivals).is_empty() {
                break;
            }
        }
        if !served.is_empty() {
            unused = None;
        } else if ended.is_pending() {
            let unused = unused.get_or_insert_with(|| Box::pin(sleep(UNUSED_TIMEOUT)));
            ready!(unused.as_mut().poll(cx));
            return Poll::Ready(Ok("unused"));
        }
        ended.map_ok(|()| "closed_by_client")
    })
    .await;
    // A client that was told so may close its tunnel first.
    let is_kicked = entry.open.kicked.is_cancelled();
    entry.outcome = match is_kicked {
        true => entry.open.why_closed.get().unwrap_or(&"kicked"),
        false => ended.as_ref().unwrap_or(&"failed"),
    };
    entry.error = ended.err().map(|error: io::Error| error.to_string());
}

impl Tunnel {
    /// Serves an arrival to its end.
    fn serve(
        self: &Arc<Self>,
        arrival: Arrival,
    ) -> Served<impl Future<Output = ()> + Send + Unpin + use<>> {
        let (tunnel, can_be_cut) = (Arc::clone(self), Arc::<AtomicBool>::default());
        let serve = match arrival {
            Arrival::Stream(stream) => tunnel.serve_stream(stream, Arc::clone(&can_be_cut)).boxed(),
            Arrival::Visit(at, visitor, permit) => {
                can_be_cut.store(true, Ordering::Relaxed);
                tunnel.bring(at, visitor, permit).boxed()
            }
        };
        Served::new(contained(serve), can_be_cut)
    }

    /// Brings a visitor to the client, at the tunnel's next turn.
    pub(super) fn receive(&self, at: SocketAddr, visitor: Visitor, permit: OwnedSemaphorePermit) {
        lock(&self.arrivals).push(Arrival::Visit(at, visitor, permit));
    }

    async fn serve_stream(self: Arc<Self>, stream: Stream, can_be_cut: Arc<AtomicBool>) {
        let tunnel = Arc::clone(&self);
        let counts = &tunnel.shared.counts;
        let Ok(_permit) = tunnel.streams.try_acquire() else {
            counts.add(StreamOutcome::BadRequest);
            return Box::pin(refuse_another(stream)).await;
        };
        // Each boxed, so that a stream keeps no memory for what it was, nor for what it is not.
        let Some((request, mut stream)) = Box::pin(read_request(stream)).await else {
            return counts.add(StreamOutcome::BadRequest);
        };
        if !matches!(request, Request::Relay) {
            can_be_cut.store(true, Ordering::Relaxed);
            if let Err(error) = tunnel.shared.quotas.check(&tunnel.quota_account) {
                counts.add(StreamOutcome::Quota);
                return Box::pin(refuse(&mut stream, &error.to_string())).await;
            }
        }
        match request {
            Request::Relay => {
                counts.add(StreamOutcome::Relay);
                Box::pin(self.connect_to_relay(stream)).await;
            }
            Request::Listen => Box::pin(self.allocate_listener(stream)).await,
            Request::Dial(to) => Box::pin(self.dial(stream, to)).await,
        }
    }

    async fn dial(&self, mut stream: Stream, to: SocketAddr) {
        let (is_own, now) = (self.is_own_address(to.ip()), self.shared.now());
        let permitted = self.shared.allocations().dial(self.id, to, is_own, now);
        let (route, _lease) = match permitted {
            Ok((route, lease)) => (route, LeaseGuard::new(&self.shared, lease)),
            Err(error) => {
                self.shared.counts.add(&error);
                return refuse(&mut stream, &error.to_string()).await;
            }
        };
        match route {
            Route::InProcess => {
                let (ours, theirs) = Endpoint::pipe();
                let visitor = Visitor {
                    from: self.address_as_visitor(),
                    tunnel: Some(self.id),
                    endpoint: theirs,
                };
                let listener = self.shared.listeners().get(&to).cloned();
                match listener.map(|listener| listener.try_send(visitor)) {
                    Some(Ok(())) => self.connect(stream, ours).await,
                    _ => refuse(&mut stream, "the listener accepts no more connections").await,
                }
            }
            Route::Connect => match timeout(DIAL_TIMEOUT, TcpStream::connect(to)).await {
                Ok(Ok(socket)) => {
                    self.connect(stream, Endpoint::tcp(socket)).await;
                }
                Ok(Err(error)) => {
                    self.shared.counts.add(StreamOutcome::Unreachable);
                    refuse(&mut stream, &error.to_string()).await;
                }
                Err(_) => {
                    self.shared.counts.add(StreamOutcome::Unreachable);
                    refuse(&mut stream, "no connection within 10 s").await;
                }
            },
        }
    }

    /// Returns the address that other tunnels see this client come from: its listeners' address, so that
    /// it agrees with the one that its X_INITs name. A proxy does not tell the port, and 0 is none.
    fn address_as_visitor(&self) -> SocketAddr {
        SocketAddr::new(self.public_ip, self.client.port().max(1))
    }

    /// True if `ip` leads to the bridge's own machine.
    fn is_own_address(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_loopback() || ip == self.public_ip.to_canonical() || is_of_this_machine(ip)
    }

    async fn connect(&self, mut stream: Stream, to: Endpoint) {
        self.shared.counts.add(StreamOutcome::Dialled);
        if stream.write_all(&FirstLine::Yes.to_line()).await.is_ok() {
            to.copy(stream).await;
        }
    }

    /// Brings a visitor of this tunnel's listener to its client, and closes one that the client does not
    /// await.
    async fn bring(
        self: Arc<Self>,
        at: SocketAddr,
        visitor: Visitor,
        _permit: OwnedSemaphorePermit,
    ) {
        if let Err(error) = self.shared.quotas.check(&self.quota_account) {
            self.shared.counts.add(StreamOutcome::Quota);
            return debug!(from = %visitor.from, %error, "visitor refused");
        }
        let now = self.shared.now();
        let admitted = match visitor.tunnel {
            Some(tunnel) => self.shared.allocations().accept_tunnel(at, tunnel, now),
            None => {
                let ip = visitor.from.ip();
                let is_own = self.is_own_address(ip);
                self.shared.allocations().accept_socket(at, ip, is_own, now)
            }
        };
        let _lease = match admitted {
            Ok(lease) => LeaseGuard::new(&self.shared, lease),
            Err(error) => {
                self.shared.counts.add(&error);
                return debug!(from = %visitor.from, %error, "visitor refused");
            }
        };
        self.shared.counts.add(StreamOutcome::Visited);
        let line = FirstLine::Accept { port: at.port(), from: visitor.from }.to_line();
        let Ok(mut stream) = self.opener.open().await else { return };
        if stream.write_all(&line).await.is_ok() {
            visitor.endpoint.copy(stream).await;
        }
    }
}

#[cfg(feature = "cli")]
impl Tunnel {
    /// Returns the number of its streams, visitors included.
    pub(super) fn streams_in_use(&self) -> usize {
        MAX_STREAMS + MAX_VISITORS
            - self.streams.available_permits()
            - self.visits.available_permits()
    }

    /// Returns the number of its connection to a relay in this process.
    pub(super) fn relay_conn(&self) -> Option<ConnId> {
        let link = self.relay_link.lock().unwrap_or_else(PoisonError::into_inner);
        match &*link {
            Some(RelayLink::Here(connection)) => Some(connection.conn()),
            Some(RelayLink::Elsewhere) | None => None,
        }
    }
}

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tunnel").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.shared.allocations().close(self.id);
    }
}

/// Returns a lease when its connection ends, however it ends.
struct LeaseGuard<'a> {
    shared: &'a Shared,
    lease: Option<Lease>,
}

impl<'a> LeaseGuard<'a> {
    fn new(shared: &'a Shared, lease: Lease) -> Self {
        shared.carried.fetch_add(1, Ordering::Relaxed);
        Self { shared, lease: Some(lease) }
    }
}

impl Drop for LeaseGuard<'_> {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.shared.allocations().closed(lease);
            self.shared.carried.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Ends a stream that panics, and no other of its tunnel.
fn contained(served: BoxFuture<'static, ()>) -> impl Future<Output = ()> + Send + Unpin {
    // Locks recover from a panic, and guards return what was in use.
    AssertUnwindSafe(served).catch_unwind().map(|ended| {
        if ended.is_err() {
            error!("a stream of a tunnel panicked");
        }
    })
}

/// What the first line of a client's stream asks for.
enum Request {
    Relay,
    Listen,
    Dial(SocketAddr),
}

/// Reads what the stream is for, or refuses it.
async fn read_request(mut stream: Stream) -> Option<(Request, Stream)> {
    let line = match timeout(FIRST_LINE_TIMEOUT, read_first_line(&mut stream)).await {
        Ok(line) => line.map_err(|error| error.to_string()),
        Err(_) => Err("expected a first line, got none".to_owned()),
    };
    let request = line.and_then(|line| match FirstLine::parse(&line) {
        Ok(FirstLine::Relay) => Ok(Request::Relay),
        Ok(FirstLine::Listen) => Ok(Request::Listen),
        Ok(FirstLine::Dial(to)) => Ok(Request::Dial(to)),
        Ok(_) => Err("expected X_RELAY, X_LISTEN or X_DIAL ip port".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    match request {
        Ok(request) => Some((request, stream)),
        Err(reason) => {
            refuse(&mut stream, &reason).await;
            None
        }
    }
}

async fn refuse_another(mut stream: Stream) {
    let reason = format!("expected at most {MAX_STREAMS} streams, got one more");
    refuse(&mut stream, &reason).await;
}

pub(super) async fn refuse(stream: &mut Stream, reason: &str) {
    debug!(reason, "stream refused");
    // Fails only if the client has disconnected.
    let _ = stream.write_all(&FirstLine::No { reason }.to_line()).await;
    let _ = stream.shutdown().await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_only_its_own_stream() {
        let served = FuturesUnordered::new();
        served.push(contained(async { panic!("the panic of this test") }.boxed()));
        served.push(contained(async { tokio::task::yield_now().await }.boxed()));
        assert_eq!(served.count().await, 2);
    }
}
