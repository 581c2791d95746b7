//! Ports whose visitors arrive as streams of a tunnel or a link.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::loopback::to_loopback;
use crate::tunnel::Stream;

/// The most visitors that wait for one listener.
const MAX_WAITING_VISITORS: usize = 16;
/// The lowest port that a data connection can use (section 6).
const MIN_PORT: u16 = 1024;

/// For each port, the channel that its visitors are passed to.
type Listeners = HashMap<u16, mpsc::Sender<(TcpStream, SocketAddr)>>;

/// The ports of one tunnel or link.
#[derive(Clone, Default)]
pub(super) struct StreamPorts(Arc<Mutex<Listeners>>);

impl StreamPorts {
    /// Opens the port of a number that the bridge chose.
    pub(super) fn open(&self, number: u16) -> StreamPort {
        let (sender, visitors) = mpsc::channel(MAX_WAITING_VISITORS);
        self.lock().insert(number, sender);
        StreamPort { number, visitors, ports: self.clone() }
    }

    /// Opens a port of a random number. The state machine's limits leave most numbers free.
    pub(super) fn open_any(&self) -> StreamPort {
        let (sender, visitors) = mpsc::channel(MAX_WAITING_VISITORS);
        loop {
            let number = fastrand::u16(MIN_PORT..);
            if let Entry::Vacant(free) = self.lock().entry(number) {
                free.insert(sender);
                return StreamPort { number, visitors, ports: self.clone() };
            }
        }
    }

    /// Passes a visitor to the listener of a port, and resets it if there is none, or when `cut` is ready.
    pub(super) async fn pass(
        &self,
        number: u16,
        stream: Stream,
        from: SocketAddr,
        cut: impl Future<Output = ()> + Send + 'static,
    ) {
        let listener = self.lock().get(&number).cloned();
        if let Some(listener) = listener
            && let Ok(socket) = to_loopback(stream, cut).await
        {
            // Fails if the listener was closed meanwhile.
            let _ = listener.send((socket, from)).await;
        }
    }

    /// Ends the wait of all who listen.
    pub(super) fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Listeners> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A port, closed on drop.
pub(super) struct StreamPort {
    pub(super) number: u16,
    visitors: mpsc::Receiver<(TcpStream, SocketAddr)>,
    ports: StreamPorts,
}

impl StreamPort {
    /// Accepts the next connection and returns it with its remote address; `None` once the tunnel or link
    /// has ended.
    pub(super) async fn accept(&mut self) -> Option<(TcpStream, SocketAddr)> {
        self.visitors.recv().await
    }
}

impl Drop for StreamPort {
    fn drop(&mut self) {
        self.ports.lock().remove(&self.number);
    }
}
