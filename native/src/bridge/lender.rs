//! Listeners lent to a tunnel.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use xcher_core::tunnel::FirstLine;

use super::mux::Stream;
use super::tunnel::{Tunnel, refuse};
use super::{BridgeConfig, Shared, Visitor, Way};
use crate::accepting::Acceptor;

/// Visitors that may wait for one listener.
const WAITING: usize = 16;
/// Ports tried before the range counts as full.
const TRIES: usize = 64;

impl Tunnel {
    /// Listens for the client as long as the stream is open.
    pub(super) async fn lend_listener(self: Arc<Self>, mut stream: Stream) {
        let Ok(_permit) = self.listeners.try_acquire() else {
            return refuse(&mut stream, "expected fewer listeners, got one too many").await;
        };
        let listener = match bind(&self.shared.config).await {
            Ok(listener) => listener,
            Err(error) => return refuse(&mut stream, &format!("no port to lend: {error}")).await,
        };
        let Ok(bound) = listener.local_addr() else {
            return refuse(&mut stream, "no port to lend").await;
        };
        let at = SocketAddr::new(self.public_ip, bound.port());
        let (joins, mut joined) = mpsc::channel(WAITING);
        self.shared.lent().insert(at, joins);
        self.lend(at, true);
        let lent = Lent { shared: &self.shared, at };
        if stream.write_all(&FirstLine::Listening(at).to_line()).await.is_ok() {
            let mut visits = JoinSet::new();
            let mut acceptor = Acceptor::new(listener);
            loop {
                let visitor = tokio::select! {
                    accepted = acceptor.accept() => {
                        let Ok((socket, from)) = accepted else { break };
                        Visitor { from, stream: Way::tcp(socket) }
                    }
                    Some(visitor) = joined.recv() => visitor,
                    Some(_) = visits.join_next() => continue,
                    // The client writes nothing: an end, a fault or a byte all mean it is over.
                    _ = stream.read_u8() => break,
                };
                // One too many is closed at once: it is not to keep anyone waiting.
                if let Ok(permit) = Arc::clone(&self.visits).try_acquire_owned() {
                    let tunnel = Arc::clone(&self);
                    visits.spawn(async move {
                        tunnel.bring(at.port(), visitor).await;
                        drop(permit);
                    });
                }
            }
            drop(lent);
            drop(acceptor);
            self.lend(at, false);
            // Who came is not sent away because nobody else is to come.
            while visits.join_next().await.is_some() {}
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
