//! Connections that this host opens, directly, through a bridge or over a link.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use xcher_core::peer::{ConnId, ListenerId, Path, Purpose};

use super::Host;
use super::connection::Connection;
use super::irc;
use super::link::{Link, no_link};
use super::relay_tls;
use super::shared_port::connect_from;
use super::task_report::TaskReport;
use super::tunnel::{Tunnel, no_tunnel};

impl Host {
    fn dial(
        &mut self,
        conn: ConnId,
        dial: impl Future<Output = io::Result<Connection>> + Send + 'static,
        purpose: Purpose,
    ) {
        let reporter = self.reporter.clone();
        let task = tokio::spawn(async move {
            let report = match dial.await {
                Ok(connection) => TaskReport::Connected { conn, connection, purpose },
                Err(error) => TaskReport::ConnectFailed { conn, why: error.to_string().into() },
            };
            // Fails only if the host was dropped.
            let _ = reporter.send(report).await;
        });
        self.dials.insert(conn, task.abort_handle());
    }

    pub(super) fn dial_relay(&mut self, conn: ConnId) {
        self.relay_conn = Some(conn);
        let (relay, token) = (self.relay.clone(), self.token.clone());
        let (tls_roots, irc, allow_private) =
            (self.tls_roots.clone(), self.irc.clone(), self.allow_private);
        let barred = self.barred.clone();
        let dial = async move {
            if let Some(url) = relay.irc() {
                return irc::connect(url, irc, allow_private, &tls_roots, barred).await;
            }
            if let Some(at) = relay.tls() {
                return relay_tls::connect(at, &tls_roots).await;
            }
            let Some(bridge) = relay.bridge() else {
                return TcpStream::connect(relay.to_string()).await.and_then(Connection::direct);
            };
            let tunnel = Tunnel::connect(bridge, token.as_deref(), &tls_roots).await?;
            let stream = tunnel.connect_relay().await?;
            let (local, remote) = tunnel.addresses;
            Ok(Connection { tunnel: Some(tunnel), ..Connection::new(stream, local, remote) })
        };
        self.dial(conn, dial, Purpose::Control);
    }

    /// Connects to the relay from the port of a listener. The relay must see this host at the same address as
    /// on its first connection, so the name of the relay is not looked up again: it may have several addresses.
    pub(super) fn dial_rendezvous(&mut self, conn: ConnId, listener: ListenerId, port: u16) {
        let is_bridge = self.relay.bridge().is_some();
        let to =
            self.relay_at.map(|at| if is_bridge { SocketAddr::new(at.ip(), port) } else { at });
        let from = self.punch_ports.get(&listener).map(TcpListener::local_addr);
        let tls = self.relay.tls().cloned().map(|at| (at, self.tls_roots.clone()));
        let dial = async move {
            let (Some(to), Some(from)) = (to, from) else {
                return Err(io::Error::new(
                    io::ErrorKind::NotConnected,
                    "not connected to a relay",
                ));
            };
            let socket = connect_from(from?, to).await?;
            match tls {
                Some((at, tls_roots)) => relay_tls::start(&at, socket, &tls_roots).await,
                None => Connection::direct(socket),
            }
        };
        self.dial(conn, dial, Purpose::Control);
    }

    pub(super) fn dial_host(
        &mut self,
        conn: ConnId,
        to: SocketAddr,
        path: Path,
        purpose: Purpose,
        link: Option<ConnId>,
    ) {
        let tunnel = link.and_then(|link| self.tunnels.of(link)).cloned();
        let link = link.and_then(|link| self.links.get(&link)).map(Link::client);
        let dial = async move {
            match path {
                Path::Direct => TcpStream::connect(to).await.and_then(Connection::direct),
                Path::Punched => {
                    let link = link.ok_or_else(no_link)?;
                    let stream = link.dial(to).await?;
                    Ok(Connection::new(stream, link.local, to))
                }
                Path::Bridge => {
                    let tunnel = tunnel.ok_or_else(no_tunnel)?;
                    let stream = tunnel.dial(to).await?;
                    let local = tunnel.addresses.0;
                    Ok(Connection { tunnel: Some(tunnel), ..Connection::new(stream, local, to) })
                }
            }
        };
        self.dial(conn, dial, purpose);
    }
}
