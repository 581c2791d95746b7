//! A stream that is a connection to the relay, in this process or elsewhere.

use std::net::SocketAddr;
use std::sync::PoisonError;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::io::InspectReader;
use tracing::debug;
use xcher_core::{LineBuffer, RelayPacket};

use super::carry::carry;
use super::mux::Stream;
use super::tunnel::{DIAL, Tunnel, refuse};
use crate::relay::{Joined, Relay};

/// The relay that the tunnels of a bridge reach.
#[derive(Clone)]
pub enum Home {
    /// In this process: it sees each client's own address, and is told what ports it was lent.
    Here(Relay),
    /// Elsewhere, at this `HOST:PORT`: it sees the bridge's address, which is that of the ports.
    Elsewhere(String),
}

impl From<Relay> for Home {
    fn from(relay: Relay) -> Self {
        Self::Here(relay)
    }
}

/// A tunnel's link to the relay.
pub(super) enum RelayLink {
    Here(Joined),
    Elsewhere,
}

/// Bytes on their way between a client and the relay, each way: there are many such links, and their
/// packets are small.
const WAITING: usize = 8 << 10;

impl Tunnel {
    /// One a tunnel. It is watched for the calls that come over it.
    pub(super) async fn to_relay(&self, mut stream: Stream) {
        let Ok(_permit) = self.relays.try_acquire() else {
            return refuse(&mut stream, "expected one X_RELAY a tunnel, got another").await;
        };
        match &self.shared.home {
            Home::Here(relay) => {
                let (ours, theirs) = tokio::io::duplex(WAITING);
                self.set_link(Some(RelayLink::Here(relay.join(theirs, self.client))));
                self.link(stream, ours).await;
            }
            Home::Elsewhere(at) => match timeout(DIAL, TcpStream::connect(at)).await {
                Ok(Ok(socket)) => {
                    // It fails only on a connection that is over.
                    let _ = socket.set_nodelay(true);
                    self.set_link(Some(RelayLink::Elsewhere));
                    self.link(stream, socket).await;
                }
                Ok(Err(error)) => no_relay(stream, &error.to_string()).await,
                Err(_) => no_relay(stream, "it does not answer").await,
            },
        }
        self.set_link(None);
    }

    async fn link(&self, mut stream: Stream, link: impl AsyncRead + AsyncWrite + Unpin) {
        // Seen before the client has them, so that it can dial at once.
        let mut lines = LineBuffer::new();
        let mut link = InspectReader::new(link, |bytes: &[u8]| self.watch(&mut lines, bytes));
        let ended = carry(&mut stream, &mut link).await;
        debug!(?ended, "link to the relay ended");
    }

    /// Notes the calls that come over the link.
    fn watch(&self, lines: &mut LineBuffer, bytes: &[u8]) {
        lines.receive(bytes);
        loop {
            match lines.next_line() {
                Ok(Some(line)) => {
                    if let Ok(RelayPacket::Init { ip, port, .. }) = RelayPacket::parse(line) {
                        self.called(SocketAddr::new(ip, port));
                    }
                }
                Ok(None) => break,
                // Ours passes on no such line; another's is not kept.
                Err(_) => *lines = LineBuffer::new(),
            }
        }
    }

    fn set_link(&self, link: Option<RelayLink>) {
        *self.relay.lock().unwrap_or_else(PoisonError::into_inner) = link;
    }

    /// Lets X_INITs of this tunnel's client name `at`, or no more.
    pub(super) fn lend(&self, at: SocketAddr, lend: bool) {
        let link = self.relay.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(RelayLink::Here(relay)) = &*link {
            if lend { relay.lend(at) } else { relay.give_back(at) }
        }
    }
}

/// Says it as a relay would: whoever waits for one's answer understands.
async fn no_relay(mut stream: Stream, why: &str) {
    debug!(why, "no relay");
    let reason = format!("the bridge cannot reach the relay: {why}");
    let said = RelayPacket::Err { verb: "X_NICK", reason: &reason };
    // A client that is gone needs no reason.
    let _ = stream.write_all(&said.to_line()).await;
    let _ = stream.shutdown().await;
}
