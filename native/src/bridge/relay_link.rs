//! A stream that is a connection to the relay, in this process or elsewhere.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::io::{InspectReader, InspectWriter};
use tracing::debug;
use xcher_core::registry::Report;
use xcher_core::tunnel::TunnelId;
use xcher_core::{LineBuffer, RelayPacket};

use super::Shared;
use super::tunnel::{DIAL, Tunnel, refuse};
use crate::relay::{Joined, Relay};
use crate::tunnel::{Stream, copy_both};

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
                let (shared, id) = (Arc::clone(&self.shared), self.id);
                let reports = move |report| shared.reported(id, report);
                self.set_link(Some(RelayLink::Here(relay.join(theirs, self.client, reports))));
                let (mut stream, mut ours) = (stream, ours);
                let ended = copy_both(&mut stream, &mut ours).await;
                debug!(?ended, "link to the relay ended");
            }
            Home::Elsewhere(at) => match timeout(DIAL, TcpStream::connect(at)).await {
                Ok(Ok(socket)) => {
                    // It fails only on a connection that is over.
                    let _ = socket.set_nodelay(true);
                    self.set_link(Some(RelayLink::Elsewhere));
                    self.watched_link(stream, socket).await;
                }
                Ok(Err(error)) => no_relay(stream, &error.to_string()).await,
                Err(_) => no_relay(stream, "it does not answer").await,
            },
        }
        self.set_link(None);
        self.shared.allocations().set_nick(self.id, false);
    }

    async fn watched_link(&self, mut stream: Stream, link: impl AsyncRead + AsyncWrite + Unpin) {
        // Seen before the client has them, so that it can dial at once.
        let (mut came, mut went) = (LineBuffer::new(), LineBuffer::new());
        let link = InspectReader::new(link, |bytes: &[u8]| {
            each_packet(&mut came, bytes, |packet| self.came(packet));
        });
        let mut link = InspectWriter::new(link, |bytes: &[u8]| {
            each_packet(&mut went, bytes, |packet| self.went(packet));
        });
        let ended = copy_both(&mut stream, &mut link).await;
        debug!(?ended, "link to the relay ended");
    }

    fn came(&self, packet: &RelayPacket<'_>) {
        let report = match packet {
            RelayPacket::NickAnswer { yes: true, .. } => Report::Registered,
            RelayPacket::Init { ip, port, .. } => {
                Report::Called { at: SocketAddr::new(*ip, *port) }
            }
            _ => return,
        };
        self.shared.reported(self.id, report);
    }

    fn went(&self, packet: &RelayPacket<'_>) {
        if let RelayPacket::Init { ip, port, .. } = packet {
            let (at, now) = (SocketAddr::new(*ip, *port), self.shared.now());
            self.shared.allocations().named(self.id, at, None, now);
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

impl Shared {
    /// What the relay says of a tunnel's client: one in this process vouches for it.
    fn reported(&self, id: TunnelId, report: Report) {
        let (now, mut allocations) = (self.now(), self.allocations());
        match report {
            Report::Registered => allocations.set_nick(id, true),
            Report::Named { at, callee } => allocations.named(id, at, Some(callee), now),
            Report::Called { at } => allocations.called(id, at, now),
        }
    }
}

/// Lets `see` see the packets that are complete with these bytes.
fn each_packet(lines: &mut LineBuffer, bytes: &[u8], see: impl Fn(&RelayPacket<'_>)) {
    lines.receive(bytes);
    loop {
        match lines.next_line() {
            Ok(Some(line)) => {
                if let Ok(packet) = RelayPacket::parse(line) {
                    see(&packet);
                }
            }
            Ok(None) => break,
            // Ours passes on no such line; another's is not kept.
            Err(_) => *lines = LineBuffer::new(),
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
