//! Connections that this host makes: straight, or through a bridge.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use xcher_core::peer::{ConnId, Path, Purpose};

use super::Host;
use super::task_report::Happened;
use super::tunnel::Tunnel;

impl Host {
    fn dial(
        &mut self,
        conn: ConnId,
        dial: impl Future<Output = io::Result<Dialled>> + Send + 'static,
        purpose: Purpose,
    ) {
        let reporter = self.reporter.clone();
        let task = tokio::spawn(async move {
            let report = match dial.await {
                Ok(dialled) => Happened::Connected { conn, dialled, purpose },
                Err(error) => Happened::ConnectFailed { conn, why: error.to_string().into() },
            };
            // Nobody to tell means that the host is gone.
            let _ = reporter.send(report).await;
        });
        self.dials.insert(conn, task.abort_handle());
    }

    pub(super) fn dial_relay(&mut self, conn: ConnId) {
        let (relay, token, trust) = (self.relay.clone(), self.token.clone(), self.trust.clone());
        let dial = async move {
            let Some(bridge) = relay.bridge() else {
                return TcpStream::connect(relay.to_string()).await.and_then(Dialled::directly);
            };
            let tunnel = Tunnel::connect(bridge, token.as_deref(), &trust).await?;
            let stream = tunnel.lines().relay().await?;
            let (local, remote) = tunnel.ends;
            Ok(Dialled { stream, local, remote, tunnel: Some(tunnel) })
        };
        self.dial(conn, dial, Purpose::Control);
    }

    pub(super) fn dial_host(&mut self, conn: ConnId, to: SocketAddr, path: Path, purpose: Purpose) {
        let lent = self.tunnel.as_ref().map(|tunnel| (tunnel.lines(), tunnel.ends.0));
        let dial = async move {
            match path {
                Path::Direct => TcpStream::connect(to).await.and_then(Dialled::directly),
                Path::Bridge => {
                    let (lines, local) = lent.ok_or_else(no_tunnel)?;
                    let stream = lines.dial(to).await?;
                    Ok(Dialled { stream, local, remote: to, tunnel: None })
                }
            }
        };
        self.dial(conn, dial, purpose);
    }
}

/// Why nothing is lent.
pub(super) fn no_tunnel() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "there is no link to a bridge")
}

/// A connection that was made, and between whom.
pub(super) struct Dialled {
    pub(super) stream: TcpStream,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// With the connection to the relay came a tunnel, which lends others.
    pub(super) tunnel: Option<Tunnel>,
}

impl Dialled {
    pub(super) fn directly(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
        Ok(Self { stream, local, remote, tunnel: None })
    }
}
