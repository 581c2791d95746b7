//! A port that the other side is expected to connect to.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use xcher_core::peer::{Input, ListenerId, Path, Purpose};

use super::Host;
use super::dial::{Dialled, no_tunnel};
use super::task_report::Happened;
use super::tunnel::Lines;
use crate::net::accept::Acceptor;

/// A listener; it is gone when this is dropped.
pub(super) struct Port(JoinHandle<()>);

impl Drop for Port {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Connections that the system may hold ready: one is expected, some strangers are borne.
const BACKLOG: u32 = 16;

impl Host {
    pub(super) fn listen(
        &mut self,
        listener: ListenerId,
        ip: IpAddr,
        path: Path,
        purpose: Purpose,
    ) {
        if path == Path::Bridge {
            let Some(tunnel) = &self.tunnel else {
                let why = no_tunnel().to_string().into();
                return self.later(Input::ListenFailed { listener, why });
            };
            let task = tokio::spawn(lent(tunnel.lines(), listener, purpose, self.reporter.clone()));
            self.ports.insert(listener, Port(task));
            return;
        }
        let (port, accepts) = match bind(ip) {
            Ok(bound) => bound,
            Err(error) => {
                let why = format!("cannot listen on {ip}: {error}").into();
                return self.later(Input::ListenFailed { listener, why });
            }
        };
        let task = tokio::spawn(own(accepts, listener, purpose, self.reporter.clone()));
        self.ports.insert(listener, Port(task));
        self.later(Input::Listening { listener, allocated_at: None, port });
    }
}

/// Accepts on a port of this host.
async fn own(
    accepts: TcpListener,
    listener: ListenerId,
    purpose: Purpose,
    reporter: mpsc::Sender<Happened>,
) {
    let mut acceptor = Acceptor::new(accepts);
    // If it is no listener any more, the state machine does not wait for ever.
    while let Ok((stream, _)) = acceptor.accept().await {
        // It may be over already.
        let Ok(Dialled { stream, local, remote, .. }) = Dialled::directly(stream) else { continue };
        let report = Happened::Accepted { listener, stream, local, remote, purpose };
        if reporter.send(report).await.is_err() {
            return;
        }
    }
}

/// Accepts on a port lent by a bridge.
async fn lent(
    lines: Lines,
    listener: ListenerId,
    purpose: Purpose,
    reporter: mpsc::Sender<Happened>,
) {
    let mut port = match lines.listen().await {
        Ok(port) => port,
        Err(error) => {
            let why = error.to_string().into();
            let _ = reporter.send(Happened::ListenFailed { listener, why }).await;
            return;
        }
    };
    let at = port.at;
    let mut told = reporter.send(Happened::Lent { listener, at }).await;
    while told.is_ok()
        && let Some((stream, remote)) = port.accept().await
    {
        let report = Happened::Accepted { listener, stream, local: at, remote, purpose };
        told = reporter.send(report).await;
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
