//! Ports that a peer is expected to connect to: of this host, of a link, or allocated by a bridge.

use std::io;
use std::net::{IpAddr, SocketAddr};
#[cfg(feature = "map-ports")]
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use xcher_core::peer::{ConnId, Input, ListenerId, Path, Purpose};

use super::Host;
use super::connection::Connection;
use super::link::{Link, no_link};
use super::shared_port;
use super::stream_ports::StreamPort;
use super::task_report::TaskReport;
use super::tunnel::{AllocatedPort, Tunnel, no_tunnel};
use crate::net::accept::Acceptor;
#[cfg(feature = "map-ports")]
use crate::port_mapping::Pool;

/// A listener, closed on drop.
pub(super) struct Listener(JoinHandle<()>);

impl Listener {
    pub(super) fn new(task: JoinHandle<()>) -> Self {
        Self(task)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Connections that the system holds before they are accepted: the one expected and a few of third
/// parties.
pub(super) const BACKLOG: u32 = 16;

impl Host {
    pub(super) fn listen(
        &mut self,
        listener: ListenerId,
        ip: IpAddr,
        path: Path,
        purpose: Purpose,
        link: Option<ConnId>,
    ) {
        let reporter = self.reporter.clone();
        if path == Path::Punched {
            return match link {
                Some(link) => self.listen_on_link(listener, purpose, link),
                None => self.listen_to_punch(listener, ip),
            };
        }
        if path == Path::Bridge {
            let Some(tunnel) = link.and_then(|link| self.tunnels.of(link)) else {
                let why = no_tunnel().to_string().into();
                return self.later(Input::ListenFailed { listener, why });
            };
            let tunnel = tunnel.clone();
            let task = tokio::spawn(accept_at_bridge(tunnel, listener, purpose, reporter));
            self.listeners.insert(listener, Listener(task));
            return;
        }
        #[cfg(feature = "map-ports")]
        if let Some(pool) = self.mapped_ports.pool(ip, purpose) {
            let task = tokio::spawn(accept_at_router(pool, ip, listener, purpose, reporter));
            self.listeners.insert(listener, Listener(task));
            return;
        }
        let (port, socket) = match bind(ip) {
            Ok(bound) => bound,
            Err(why) => return self.later(Input::ListenFailed { listener, why }),
        };
        let task = tokio::spawn(accept_here(socket, listener, purpose, reporter));
        self.listeners.insert(listener, Listener(task));
        self.later(Input::Listening { listener, allocated_at: None, port });
    }

    /// Listens for streams of a link.
    fn listen_on_link(&mut self, listener: ListenerId, purpose: Purpose, link: ConnId) {
        let Some(link) = self.links.get(&link).map(Link::client) else {
            let why = no_link().to_string().into();
            return self.later(Input::ListenFailed { listener, why });
        };
        let port = link.listen();
        let local = SocketAddr::new(link.local.ip(), port.number);
        let reporter = self.reporter.clone();
        let task = tokio::spawn(accept_streams(port, None, listener, local, purpose, reporter));
        self.listeners.insert(listener, Listener(task));
        self.later(Input::Listening { listener, allocated_at: None, port: local.port() });
    }

    /// Listens at a port from which this host is going to dial. Nothing is accepted there before the other
    /// host's address is known.
    fn listen_to_punch(&mut self, listener: ListenerId, ip: IpAddr) {
        let bound = shared_port::listen(ip).and_then(|socket| Ok((socket.local_addr()?, socket)));
        match bound {
            Ok((at, socket)) => {
                self.punch_ports.insert(listener, socket);
                let port = at.port();
                self.later(Input::Listening { listener, allocated_at: None, port });
            }
            Err(error) => {
                let why = cannot_listen(ip, &error);
                self.later(Input::ListenFailed { listener, why });
            }
        }
    }
}

/// Accepts on a port of this host.
async fn accept_here(
    socket: TcpListener,
    listener: ListenerId,
    purpose: Purpose,
    reporter: mpsc::Sender<TaskReport>,
) {
    accept_each(socket, listener, purpose, &reporter, || {}).await;
}

/// Accepts on a port that the router forwards, or on any of this host if there is none in time.
#[cfg(feature = "map-ports")]
async fn accept_at_router(
    pool: Arc<Pool>,
    ip: IpAddr,
    listener: ListenerId,
    purpose: Purpose,
    reporter: mpsc::Sender<TaskReport>,
) {
    let (mut mapped, socket) = match pool.listen(BACKLOG).await {
        Some((socket, mapped)) => {
            let port = mapped.port;
            (Some(mapped), Ok((port, socket)))
        }
        None => (None, bind(ip)),
    };
    let (port, socket) = match socket {
        Ok(bound) => bound,
        Err(why) => {
            let _ = reporter.send(TaskReport::ListenFailed { listener, why }).await;
            return;
        }
    };
    if reporter.send(TaskReport::Listening { listener, port }).await.is_ok() {
        let accepted = || mapped.iter_mut().for_each(|port| port.is_used = true);
        // It closes the socket when it is dropped, which is before the port goes back to the pool.
        accept_each(socket, listener, purpose, &reporter, accepted).await;
    }
}

async fn accept_each(
    socket: TcpListener,
    listener: ListenerId,
    purpose: Purpose,
    reporter: &mpsc::Sender<TaskReport>,
    mut accepted: impl FnMut(),
) {
    let mut acceptor = Acceptor::new(socket);
    // Fails only if the socket stops being a listener; the state machine has a timeout for that.
    while let Ok((stream, _)) = acceptor.accept().await {
        accepted();
        // Fails if the connection has already ended.
        let Ok(Connection { stream, local, remote, .. }) = Connection::direct(stream) else {
            continue;
        };
        let tunnel = None;
        let report = TaskReport::Accepted { listener, stream, tunnel, local, remote, purpose };
        if reporter.send(report).await.is_err() {
            return;
        }
    }
}

/// Accepts on a port allocated by a bridge.
async fn accept_at_bridge(
    tunnel: Tunnel,
    listener: ListenerId,
    purpose: Purpose,
    reporter: mpsc::Sender<TaskReport>,
) {
    let port = match tunnel.listen().await {
        Ok(port) => port,
        Err(error) => {
            let why = error.to_string().into();
            let _ = reporter.send(TaskReport::ListenFailed { listener, why }).await;
            return;
        }
    };
    let AllocatedPort { at, visitors, stream: _stream } = port;
    if reporter.send(TaskReport::Allocated { listener, at }).await.is_ok() {
        accept_streams(visitors, Some(tunnel), listener, at, purpose, reporter).await;
    }
}

/// Accepts streams of a tunnel or a link.
async fn accept_streams(
    mut port: StreamPort,
    tunnel: Option<Tunnel>,
    listener: ListenerId,
    local: SocketAddr,
    purpose: Purpose,
    reporter: mpsc::Sender<TaskReport>,
) {
    while let Some((stream, remote)) = port.accept().await {
        let tunnel = tunnel.clone();
        let report = TaskReport::Accepted { listener, stream, tunnel, local, remote, purpose };
        // Fails only if the host was dropped.
        if reporter.send(report).await.is_err() {
            return;
        }
    }
}

fn bind(ip: IpAddr) -> Result<(u16, TcpListener), Box<str>> {
    let bind = || {
        let socket = match ip {
            IpAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
            IpAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
        };
        socket.bind(SocketAddr::new(ip, 0))?;
        let listener = socket.listen(BACKLOG)?;
        Ok((listener.local_addr()?.port(), listener))
    };
    bind().map_err(|error| cannot_listen(ip, &error))
}

fn cannot_listen(ip: IpAddr, error: &io::Error) -> Box<str> {
    format!("cannot listen on {ip}: {error}").into()
}
