//! A port that the other side is expected to connect to.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use xcher_core::peer::{Input, ListenerId, Purpose};

use super::happened::Happened;
use super::{Host, with_ends};

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
    pub(super) fn listen(&mut self, listener: ListenerId, ip: IpAddr, purpose: Purpose) {
        let (port, accepts) = match bind(ip) {
            Ok(bound) => bound,
            Err(error) => {
                let why = format!("cannot listen on {ip}: {error}").into();
                return self.input(Input::ListenFailed { listener, why });
            }
        };
        let reporter = self.reporter.clone();
        let task = tokio::spawn(async move {
            loop {
                let accepted = match accepts.accept().await {
                    Ok((stream, _)) => with_ends(stream),
                    Err(error) => Err(error),
                };
                let Ok((stream, local, remote)) = accepted else {
                    // The connection is gone already, or the system is out of descriptors: others
                    // give some back, and the state machine does not wait for ever.
                    tokio::task::yield_now().await;
                    continue;
                };
                let report = Happened::Accepted { listener, stream, local, remote, purpose };
                if reporter.send(report).await.is_err() {
                    return;
                }
            }
        });
        self.ports.insert(listener, Port(task));
        self.input(Input::Listening { listener, port });
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
