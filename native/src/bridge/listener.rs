//! Listeners on ports allocated to a tunnel.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::debug;
use xcher_core::tunnel::FirstLine;

use super::counts::StreamOutcome;
use super::tunnel::{Tunnel, refuse};
use super::{BridgeConfig, Shared, Visitor};
use crate::net::accept::Acceptor;
use crate::tunnel::{Endpoint, Stream};

/// The most in-process visitors that wait for one listener.
const MAX_WAITING_VISITORS: usize = 16;
/// Random ports tried before the range counts as full.
const MAX_BIND_ATTEMPTS: usize = 64;

impl Tunnel {
    /// Listens for the client as long as the stream is open.
    pub(super) async fn allocate_listener(self: Arc<Self>, mut stream: Stream) {
        // Asked before there is a socket, and again below: other streams ask meanwhile.
        let permitted = self.shared.allocations().check_listen(self.id);
        if let Err(error) = permitted {
            self.shared.counts.add(&error);
            return refuse(&mut stream, &error.to_string()).await;
        }
        let config = self.shared.config.load_full();
        let listener = match bind(&config, config.listens_at(self.public_ip)).await {
            Ok(listener) => listener,
            Err(error) => {
                return refuse(&mut stream, &format!("no port to allocate: {error}")).await;
            }
        };
        let Ok(bound) = listener.local_addr() else {
            return refuse(&mut stream, "no port to allocate").await;
        };
        let at = SocketAddr::new(self.public_ip, bound.port());
        let allocated = self.shared.allocations().allocate(self.id, at, self.shared.now());
        if let Err(error) = allocated {
            self.shared.counts.add(&error);
            return refuse(&mut stream, &error.to_string()).await;
        }
        let (to_listener, in_process) = mpsc::channel(MAX_WAITING_VISITORS);
        self.shared.listeners().insert(at, to_listener);
        self.shared.counts.add(StreamOutcome::Listening);
        self.allow_address(at);
        // Dropped after the registration: once the port is free, another tunnel may get it and register it.
        let mut acceptor = Acceptor::new(listener);
        let registration = Registration { shared: &self.shared, at };
        if stream.write_all(&FirstLine::Listening(at).to_line()).await.is_err() {
            return;
        }
        self.accept_visitors(at, &mut acceptor, in_process, &mut stream).await;
        drop(registration);
        drop(acceptor);
        self.revoke_address(at);
        // Reports to the client that the listener is closed.
        let _ = stream.shutdown().await;
    }

    /// Accepts visitors until the client closes the listener, or must not keep it any longer. Those that were
    /// accepted stay connected.
    async fn accept_visitors(
        &self,
        at: SocketAddr,
        acceptor: &mut Acceptor,
        mut in_process: mpsc::Receiver<Visitor>,
        stream: &mut Stream,
    ) {
        loop {
            let now = self.shared.now();
            let Some(kept_until) = self.shared.allocations().next_check(at, now) else {
                return debug!(%at, "withdrawn: no call and no session");
            };
            let visitor = tokio::select! {
                accepted = acceptor.accept() => {
                    let Ok((socket, from)) = accepted else { return };
                    Visitor { from, tunnel: None, endpoint: Endpoint::tcp(socket) }
                }
                Some(visitor) = in_process.recv() => visitor,
                () = sleep(kept_until.saturating_sub(now)) => continue,
                // The client writes nothing: an end, an error or a byte all mean that it is finished.
                _ = stream.read_u8() => return,
            };
            // A visitor above the limit is closed at once, so that it does not delay the next.
            if let Ok(permit) = Arc::clone(&self.visits).try_acquire_owned() {
                self.receive(at, visitor, permit);
            }
        }
    }
}

/// A listener's entry among those of the bridge, removed on drop.
struct Registration<'a> {
    shared: &'a Shared,
    at: SocketAddr,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.shared.listeners().remove(&self.at);
        self.shared.allocations().withdraw(self.at);
    }
}

async fn bind(config: &BridgeConfig, ip: IpAddr) -> io::Result<TcpListener> {
    let Some(ports) = &config.ports else {
        return TcpListener::bind((ip, 0)).await;
    };
    let mut last = io::ErrorKind::AddrInUse.into();
    for _ in 0..MAX_BIND_ATTEMPTS {
        match TcpListener::bind((ip, fastrand::u16(ports.clone()))).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}
