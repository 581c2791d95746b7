//! Hole punching (section 5.8): this host connects to another from a port at which it also listens, while the
//! other does the same.

use std::collections::VecDeque;
use std::future::pending;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;
use xcher_core::peer::{Input, ListenerId};

use super::Host;
use super::link::{Link, Side};
use super::listen::Listener;
use super::shared_port::connect_from;
use super::task_report::TaskReport;
use crate::net::accept::Acceptor;

/// Time for both hosts to connect: less than the 10 s after which the state machine gives up (section 8), so that
/// it learns what was tried.
const PUNCH_TIMEOUT: Duration = Duration::from_secs(9);
/// The mean pause after the first refused attempts. Each pause is random, from half to one and a half of the
/// mean: where each host was refused because the other was late, equal pauses would let them miss each other
/// every time.
const SHORT_PAUSE: Duration = Duration::from_millis(60);
/// Attempts that such a pause follows: they are made before the bridge is tried. After them, each mean is twice
/// as long as the one before.
const QUICK_ATTEMPTS: u32 = 4;
/// Attempts to connect. The pauses between them take up to 6 s.
const MAX_ATTEMPTS: u32 = 10;
/// Time after which `to` is dialled from another port too. The system repeats a lost SYN only after a second.
const OTHER_PORT_DELAY: Duration = Duration::from_millis(100);
/// The most connections that are not links yet, and the most links (section 8).
const MAX_CONNECTIONS: usize = 16;

impl Host {
    /// Connects to `to` from the port of a listener, and accepts there.
    pub(super) fn punch(&mut self, listener: ListenerId, to: SocketAddr, is_caller: bool) {
        let Some(socket) = self.punch_ports.remove(&listener) else { return };
        let side = if is_caller { Side::Caller } else { Side::Callee(to) };
        let from = match socket.local_addr() {
            Ok(from) => from,
            Err(error) => {
                let why = error.to_string().into();
                return self.later(Input::ListenFailed { listener, why });
            }
        };
        let punch = Punch { listener, to, side, reporter: self.reporter.clone() };
        let task = tokio::spawn(punch.run(socket, from));
        self.listeners.insert(listener, Listener::new(task));
    }
}

/// An attempt to connect two hosts.
struct Punch {
    listener: ListenerId,
    /// The address at which the relay sees the other host.
    to: SocketAddr,
    side: Side,
    reporter: mpsc::Sender<TaskReport>,
}

impl Punch {
    /// Dials from, and accepts at, the port of `socket`, and reports each link. Reports a failure if there was
    /// none in time.
    async fn run(self, socket: TcpListener, from: SocketAddr) {
        let mut acceptor = Acceptor::new(socket);
        let mut dials = Dials::start(from, self.to);
        let mut other_port = std::pin::pin!(connect_from_other_port(from.ip(), self.to).fuse());
        let mut newcomers = Newcomers::default();
        let mut deadline = std::pin::pin!(sleep(PUNCH_TIMEOUT));
        let mut links = 0;
        while links < MAX_CONNECTIONS {
            tokio::select! {
                () = &mut deadline => break,
                stream = dials.connect() => newcomers.add(stream, self.side),
                stream = &mut other_port, if links == 0 => newcomers.add(stream, self.side),
                Ok((stream, remote)) = acceptor.accept() => {
                    // A host that is shown a ticket must be the one that the relay named.
                    if remote.ip().to_canonical() == self.to.ip().to_canonical() {
                        newcomers.add(stream, self.side);
                    }
                }
                (link, stream) = newcomers.next() => {
                    links += 1;
                    let listener = self.listener;
                    let linked = TaskReport::Linked { listener, link: Box::new(link), stream };
                    if self.reporter.send(linked).await.is_err() {
                        return;
                    }
                }
            }
        }
        if links == 0 {
            let (listener, why) = (self.listener, dials.failure().into());
            // Fails only if the host was dropped.
            let _ = self.reporter.send(TaskReport::ListenFailed { listener, why }).await;
        }
    }
}

/// Connections that are to become links.
#[derive(Default)]
struct Newcomers {
    tasks: JoinSet<io::Result<(Link, TcpStream)>>,
    /// The oldest first.
    handles: VecDeque<AbortHandle>,
}

impl Newcomers {
    /// Makes a link of a connection. The oldest of too many makes room.
    fn add(&mut self, stream: TcpStream, side: Side) {
        self.handles.retain(|handle| !handle.is_finished());
        if self.handles.len() == MAX_CONNECTIONS
            && let Some(oldest) = self.handles.pop_front()
        {
            oldest.abort();
        }
        self.handles.push_back(self.tasks.spawn(Link::establish(stream, side)));
    }

    /// Waits for the next link. Cancel safe.
    async fn next(&mut self) -> (Link, TcpStream) {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Ok(link))) => return link,
                Some(Ok(Err(error))) => tracing::debug!(%error, "no link"),
                // It made room for another.
                Some(Err(_)) => {}
                None => pending().await,
            }
        }
    }
}

/// Connects to `to` a little later, from a random port. Where this host's NAT gives each connection another port,
/// the other's NAT lets it in only if that lets in every port of an address to which its own host has sent
/// something. The first SYN is lost if it arrives before that.
async fn connect_from_other_port(ip: IpAddr, to: SocketAddr) -> TcpStream {
    sleep(OTHER_PORT_DELAY).await;
    match connect_from(SocketAddr::new(ip, 0), to).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "not from another port either");
            pending().await
        }
    }
}

/// Returns a random pause after so many attempts.
fn pause_after(attempts: u32) -> Duration {
    let mean = SHORT_PAUSE * (1 << attempts.saturating_sub(QUICK_ATTEMPTS));
    mean.mul_f64(0.5 + fastrand::f64())
}

/// Attempts to connect, one after another.
struct Dials {
    from: SocketAddr,
    to: SocketAddr,
    current: Option<BoxFuture<'static, io::Result<TcpStream>>>,
    attempts: u32,
    last_error: Option<io::Error>,
}

impl Dials {
    fn start(from: SocketAddr, to: SocketAddr) -> Self {
        let current = Some(Box::pin(connect_from(from, to)) as _);
        Self { from, to, current, attempts: 1, last_error: None }
    }

    /// Waits until an attempt succeeds. Cancel safe.
    async fn connect(&mut self) -> TcpStream {
        while let Some(current) = &mut self.current {
            let result = current.await;
            self.current = None;
            match result {
                Ok(stream) => return stream,
                // The listener has accepted a connection between the same two addresses.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse
                    ) => {}
                Err(error) => self.last_error = Some(error),
            }
            if self.attempts < MAX_ATTEMPTS {
                let pause = pause_after(self.attempts);
                let (from, to) = (self.from, self.to);
                self.current = Some(Box::pin(async move {
                    sleep(pause).await;
                    connect_from(from, to).await
                }));
                self.attempts += 1;
            }
        }
        pending().await
    }

    /// Returns what was tried without success.
    fn failure(&self) -> String {
        let Self { from, to, attempts, last_error, .. } = self;
        let times = if *attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
        let port = from.port();
        let tried = format!("tried {to} {times} from port {port}, and waited for it there");
        match last_error {
            Some(error) => format!("{tried}: {error}"),
            None => format!("{tried}: no connection within {} s", PUNCH_TIMEOUT.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests;
