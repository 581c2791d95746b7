//! Ports that a peer is expected to connect to, of this host or allocated by a bridge.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use xcher_core::peer::{Input, ListenerId, Path, Purpose};

use super::Host;
use super::connection::Connection;
use super::task_report::TaskReport;
use super::tunnel::{TunnelClient, no_tunnel};
use crate::net::accept::Acceptor;

/// A listener, closed on drop.
pub(super) struct Listener(JoinHandle<()>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Connections that the system holds before they are accepted: the one expected and a few of third
/// parties.
const BACKLOG: u32 = 16;

impl Host {
    pub(super) fn listen(
        &mut self,
        listener: ListenerId,
        ip: IpAddr,
        path: Path,
        purpose: Purpose,
    ) {
        let reporter = self.reporter.clone();
        if path == Path::Bridge {
            let Some(tunnel) = &self.tunnel else {
                let why = no_tunnel().to_string().into();
                return self.later(Input::ListenFailed { listener, why });
            };
            let task = tokio::spawn(accept_at_bridge(tunnel.client(), listener, purpose, reporter));
            self.listeners.insert(listener, Listener(task));
            return;
        }
        let (port, socket) = match bind(ip) {
            Ok(bound) => bound,
            Err(error) => {
                let why = format!("cannot listen on {ip}: {error}").into();
                return self.later(Input::ListenFailed { listener, why });
            }
        };
        let task = tokio::spawn(accept_here(socket, listener, purpose, reporter));
        self.listeners.insert(listener, Listener(task));
        self.later(Input::Listening { listener, allocated_at: None, port });
    }
}

/// Accepts on a port of this host.
async fn accept_here(
    socket: TcpListener,
    listener: ListenerId,
    purpose: Purpose,
    reporter: mpsc::Sender<TaskReport>,
) {
    let mut acceptor = Acceptor::new(socket);
    // Fails only if the socket stops being a listener; the state machine has a timeout for that.
    while let Ok((stream, _)) = acceptor.accept().await {
        // Fails if the connection has already ended.
        let Ok(Connection { stream, local, remote, .. }) = Connection::direct(stream) else {
            continue;
        };
        let report = TaskReport::Accepted { listener, stream, local, remote, purpose };
        if reporter.send(report).await.is_err() {
            return;
        }
    }
}

/// Accepts on a port allocated by a bridge.
async fn accept_at_bridge(
    client: TunnelClient,
    listener: ListenerId,
    purpose: Purpose,
    reporter: mpsc::Sender<TaskReport>,
) {
    let mut port = match client.listen().await {
        Ok(port) => port,
        Err(error) => {
            let why = error.to_string().into();
            let _ = reporter.send(TaskReport::ListenFailed { listener, why }).await;
            return;
        }
    };
    let at = port.at;
    let mut reported = reporter.send(TaskReport::Allocated { listener, at }).await;
    while reported.is_ok()
        && let Some((stream, remote)) = port.accept().await
    {
        let report = TaskReport::Accepted { listener, stream, local: at, remote, purpose };
        reported = reporter.send(report).await;
    }
}

fn bind(ip: IpAddr) -> std::io::Result<(u16, TcpListener)> {
    let socket = match ip {
        IpAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        IpAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(ip, 0))?;
    let listener = socket.listen(BACKLOG)?;
    Ok((listener.local_addr()?.port(), listener))
}
