//! The relay on real sockets.
//!
//! Who may do what is [`Registry`]'s; here are the sockets. Each connection has one task, which reads. What
//! a packet leads to is written by the task that read it straight to the other socket; only where that
//! socket takes no more does its own task go on.

mod hub;
mod stream_connection;
mod tcp_connection;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Instrument, error, info_span, warn};
use xcher_core::RelayLimits;
use xcher_core::registry::{ConnId, Input, Registry, Report};
use xcher_core::secure::Identity;

use crate::net::accept::Acceptor;
use hub::Hub;
pub use stream_connection::Joined;

/// How a relay is to run.
#[derive(Debug, Default)]
pub struct RelayConfig {
    /// What it allows.
    pub limits: RelayLimits,
    /// The key that it proves to hosts, by which they know it again (section 5.6).
    pub identity: Option<Identity>,
}

/// How long connections have to end when the relay stops.
const STOP: Duration = Duration::from_millis(900);

/// A relay: those who connect to its listener, and those who are joined to it from inside this
/// process, are all one company. Clones are the same relay. With the last clone and the end of
/// [`Relay::run`] all connections are closed.
#[derive(Clone)]
pub struct Relay(Arc<Shared>);

struct Shared {
    hub: Arc<Hub>,
    tasks: Mutex<JoinSet<()>>,
    /// The number of the last connection.
    number: AtomicU64,
}

/// Serves everyone who connects to `listener`, as [`Relay::run`] of a new relay does.
///
/// # Errors
///
/// Those of [`Relay::new`] and [`Relay::run`].
pub async fn run(
    listener: TcpListener,
    config: RelayConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    Relay::new(config)?.run(listener, shutdown).await
}

impl Relay {
    /// A relay without connections. Time passes for it while [`Relay::run`] runs.
    ///
    /// # Errors
    ///
    /// If the system gives no random bytes.
    pub fn new(config: RelayConfig) -> io::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| {
            io::Error::other(format!("the system gives no random bytes: {error}"))
        })?;
        let registry = Registry::new(config.limits, seed);
        let registry = match config.identity {
            Some(identity) => registry.with_identity(identity),
            None => registry,
        };
        Ok(Self(Arc::new(Shared {
            hub: Arc::new(Hub::new(registry)),
            tasks: Mutex::default(),
            number: AtomicU64::new(0),
        })))
    }

    /// Applies these limits from now on, as [`Registry::set_limits`] does.
    pub fn set_limits(&self, limits: RelayLimits) {
        self.0.hub.set_limits(limits);
    }

    /// Joins a connection that is not a socket of the listener's. `from` is where it comes from: it
    /// is counted there, and its X_INITs may name that address. A connection too many, or one to a
    /// relay that has stopped, is told so and closed as one to the listener is.
    ///
    /// `reports` is given what the relay vouches for to the bridge whose client this is, before the
    /// client is sent anything of it. It is called while the relay waits: it must not ask the relay.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime: the connection is a task.
    pub fn join<S>(
        &self,
        stream: S,
        from: SocketAddr,
        reports: impl Fn(Report) + Send + Sync + 'static,
    ) -> Joined
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Shared { hub, .. } = &*self.0;
        let number = self.next_number();
        let conn = ConnId(number);
        let link = Arc::new(stream_connection::Link::new(conn, Box::new(reports)));
        // Before its task runs, so that it can be lent an address at once.
        hub.connect(Arc::clone(&link) as _, from);
        hub.handle(Input::Bridged { conn });
        let span = info_span!("connection", number, %from);
        let serve = stream_connection::serve(Arc::clone(hub), link, stream).instrument(span);
        let task = self.tasks().spawn(serve);
        hub.look();
        Joined::new(Arc::clone(hub), conn, task)
    }

    /// Serves everyone who connects to `listener` until `shutdown` is done; then says X_END to all,
    /// those who were joined too, and returns within a second. Dropped, it closes all connections at
    /// once. A relay runs once: nobody who comes later is served.
    ///
    /// # Errors
    ///
    /// If `listener` is none. A connection that could not be accepted, for want of file descriptors
    /// for example, is logged and tried again.
    pub async fn run(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let _cut = Cut(self);
        let hub = &self.0.hub;
        let mut shutdown = pin!(shutdown);
        let mut acceptor = Acceptor::new(listener);
        loop {
            let alarm = hub.arm();
            tokio::select! {
                accepted = acceptor.accept() => {
                    let (socket, from) = accepted?;
                    let number = self.next_number();
                    let span = info_span!("connection", number, %from);
                    let serve = tcp_connection::serve(Arc::clone(hub), number, socket, from);
                    self.tasks().spawn(serve.instrument(span));
                }
                Some(()) = self.task_ended() => {}
                () = until(alarm) => hub.handle(Input::Tick),
                () = hub.armed_sooner() => {}
                () = &mut shutdown => break,
            }
        }
        drop(acceptor);
        hub.handle(Input::Stop);
        let all = async { while self.task_ended().await.is_some() {} };
        if timeout(STOP, all).await.is_err() {
            warn!(left = self.tasks().len(), "connections are cut");
        }
        Ok(())
    }

    /// Waits until a connection's task has ended; none where there is no task.
    async fn task_ended(&self) -> Option<()> {
        match poll_fn(|context| self.tasks().poll_join_next(context)).await? {
            Err(error) if !error.is_cancelled() => error!(%error, "a connection's task broke"),
            _ => {}
        }
        Some(())
    }

    fn next_number(&self) -> u64 {
        self.0.number.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets go of all when [`Relay::run`] ends, however it does: clones of the relay may live on.
struct Cut<'a>(&'a Relay);

impl Drop for Cut<'_> {
    fn drop(&mut self) {
        self.0.0.hub.cut();
        self.0.tasks().abort_all();
    }
}

/// Waits until then; for ever if there is no then.
async fn until(then: Option<Instant>) {
    match then {
        Some(then) => sleep_until(then).await,
        None => std::future::pending().await,
    }
}
