//! Listeners lent to a tunnel.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::debug;
use xcher_core::tunnel::FirstLine;

use super::mux::Stream;
use super::tunnel::{Tunnel, refuse};
use super::way::Way;
use super::{BridgeConfig, Shared, Visitor};
use crate::net::accept::Acceptor;

/// Visitors that may wait for one listener.
const WAITING: usize = 16;
/// Ports tried before the range counts as full.
const TRIES: usize = 64;

impl Tunnel {
    /// Listens for the client as long as the stream is open.
    pub(super) async fn allocate_listener(self: Arc<Self>, mut stream: Stream) {
        // Before there is a socket; and again when it is there, for others ask meanwhile.
        let asked = self.shared.allocations().may_listen(self.id);
        if let Err(error) = asked {
            return refuse(&mut stream, &error.to_string()).await;
        }
        let listener = match bind(&self.shared.config).await {
            Ok(listener) => listener,
            Err(error) => return refuse(&mut stream, &format!("no port to lend: {error}")).await,
        };
        let Ok(bound) = listener.local_addr() else {
            return refuse(&mut stream, "no port to lend").await;
        };
        let at = SocketAddr::new(self.public_ip, bound.port());
        let asked = self.shared.allocations().allocate(self.id, at, self.shared.now());
        if let Err(error) = asked {
            return refuse(&mut stream, &error.to_string()).await;
        }
        let (joins, joined) = mpsc::channel(WAITING);
        self.shared.lent().insert(at, joins);
        self.lend(at, true);
        let lent = Lent { shared: &self.shared, at };
        if stream.write_all(&FirstLine::Listening(at).to_line()).await.is_err() {
            return;
        }
        let mut visits = JoinSet::new();
        self.take_visitors(at, Acceptor::new(listener), joined, &mut stream, &mut visits).await;
        drop(lent);
        self.lend(at, false);
        // The client learns that nobody comes any more.
        let _ = stream.shutdown().await;
        drop(stream);
        // Who came is not sent away because nobody else is to come.
        while visits.join_next().await.is_some() {}
    }

    /// Brings visitors to the client, until that gives the listener back or may have it no longer.
    async fn take_visitors(
        self: &Arc<Self>,
        at: SocketAddr,
        mut acceptor: Acceptor,
        mut joined: mpsc::Receiver<Visitor>,
        stream: &mut Stream,
        visits: &mut JoinSet<()>,
    ) {
        loop {
            let now = self.shared.now();
            let Some(look) = self.shared.allocations().keeps(at, now) else {
                return debug!(%at, "withdrawn: no call and no session");
            };
            let visitor = tokio::select! {
                accepted = acceptor.accept() => {
                    let Ok((socket, from)) = accepted else { return };
                    Visitor { from, tunnel: None, way: Way::tcp(socket) }
                }
                Some(visitor) = joined.recv() => visitor,
                Some(_) = visits.join_next() => continue,
                () = sleep(look.saturating_sub(now)) => continue,
                // The client writes nothing: an end, a fault or a byte all mean it is over.
                _ = stream.read_u8() => return,
            };
            // One too many is closed at once: it is not to keep anyone waiting.
            if let Ok(permit) = Arc::clone(&self.visits).try_acquire_owned() {
                let tunnel = Arc::clone(self);
                visits.spawn(async move {
                    tunnel.bring(at, visitor).await;
                    drop(permit);
                });
            }
        }
    }
}

/// A listener's place among those of the bridge.
struct Lent<'a> {
    shared: &'a Shared,
    at: SocketAddr,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.shared.lent().remove(&self.at);
        self.shared.allocations().withdraw(self.at);
    }
}

async fn bind(config: &BridgeConfig) -> io::Result<TcpListener> {
    let Some(ports) = &config.ports else {
        return TcpListener::bind((config.listen_ip, 0)).await;
    };
    let mut last = io::ErrorKind::AddrInUse.into();
    for _ in 0..TRIES {
        match TcpListener::bind((config.listen_ip, fastrand::u16(ports.clone()))).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}
