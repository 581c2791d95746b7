//! Serves STUN (PROTOCOL.md, section 24) at a UDP port: drives the server of the core.

mod counts;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep};
use tracing::warn;
use xcher_core::stun::StunServer;

use counts::Counts;
pub(crate) use counts::StunOutcome;

/// Bytes of the longest datagram that is read whole: no request of a browser has a tenth of it. A longer one loses its
/// end, and with that its validity.
const MAX_DATAGRAM_LEN: usize = 1500;
/// Time until a socket that failed is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// What a STUN server has done. Clones are those of the same server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stun(Arc<Counts>);

impl Stun {
    /// Serves the addresses that `admits` returns true for, as long as it is polled. A failure of the socket is logged
    /// and retried.
    pub(crate) async fn serve(&self, socket: UdpSocket, admits: impl Fn(IpAddr) -> bool) {
        let (mut server, start) = (StunServer::default(), Instant::now());
        let mut datagram = [0; MAX_DATAGRAM_LEN];
        let mut answer = Vec::new();
        loop {
            let (len, from) = match socket.recv_from(&mut datagram).await {
                Ok(received) => received,
                // On Windows: the last answer found no port at its client.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => continue,
                Err(error) => {
                    warn!("cannot receive a STUN request, trying again: {error}");
                    sleep(RETRY_INTERVAL).await;
                    continue;
                }
            };
            if !admits(from.ip().to_canonical()) {
                self.0.add(StunOutcome::NotAdmitted);
                continue;
            }
            answer.clear();
            let received = datagram.get(..len).unwrap_or_default();
            let outcome = server.receive(received, from, start.elapsed(), &mut answer);
            // Clients repeat a request whose answer is lost; one that waits for the network would keep the others waiting.
            let is_lost = !answer.is_empty() && socket.try_send_to(&answer, from).is_err();
            self.0.add(if is_lost { StunOutcome::Unsent } else { outcome.into() });
        }
    }

    /// Returns what became of datagrams so far, in the order of [`StunOutcome::ALL`].
    pub(crate) fn outcomes(&self) -> [u64; StunOutcome::ALL.len()] {
        self.0.all()
    }
}
