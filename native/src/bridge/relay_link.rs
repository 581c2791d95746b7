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
use super::draining::{CanMove, Side, Telling};
use super::home::{Home, RelayLink};
use super::tunnel::{DIAL_TIMEOUT, Tunnel, refuse};
use crate::tunnel::{Stream, copy_both};

/// The buffer between a client and a relay in this process, in each direction: such links are many, and
/// their packets small.
const PIPE_LEN: usize = 8 << 10;

impl Tunnel {
    /// Connects the stream to the relay, one a tunnel, and watches it for calls.
    pub(super) async fn connect_to_relay(&self, mut stream: Stream) {
        let Ok(_permit) = self.relay_links.try_acquire() else {
            let reason = "expected one X_RELAY a tunnel, got another";
            return Box::pin(refuse(&mut stream, reason)).await;
        };
        match &self.shared.home {
            Home::Here(relay) => {
                let (mut ours, theirs) = tokio::io::duplex(PIPE_LEN);
                let (shared, id) = (Arc::clone(&self.shared), self.id);
                let report = move |report| shared.report(id, report);
                let connection = relay.connect_as(&self.account, theirs, self.client, report);
                self.set_relay_link(Some(RelayLink::Here(connection)));
                let ended = copy_both(&mut stream, &mut ours).await;
                debug!(?ended, "link to the relay ended");
            }
            // Boxed, because a link to a relay here needs far less memory.
            Home::Elsewhere(at) => Box::pin(self.connect_elsewhere(stream, at)).await,
        }
        self.set_relay_link(None);
        self.shared.allocations().set_nick(self.id, false);
    }

    async fn connect_elsewhere(&self, stream: Stream, at: &str) {
        match timeout(DIAL_TIMEOUT, TcpStream::connect(at)).await {
            Ok(Ok(socket)) => {
                // Fails only on a connection that has ended.
                let _ = socket.set_nodelay(true);
                self.set_relay_link(Some(RelayLink::Elsewhere));
                self.copy_watched(stream, socket).await;
            }
            Ok(Err(error)) => relay_unreachable(stream, &error.to_string()).await,
            Err(_) => relay_unreachable(stream, "it does not answer").await,
        }
    }

    async fn copy_watched(&self, mut stream: Stream, relay: impl AsyncRead + AsyncWrite + Unpin) {
        // Packets are read before the client receives them, so that it can dial at once.
        let (mut received, mut sent) = (LineBuffer::new(), LineBuffer::new());
        let can_move = CanMove::default();
        let named = |side, packet: &RelayPacket<'_>| {
            if let RelayPacket::Caps(words) = packet {
                can_move.named(side, words, &self.shared.draining);
            }
        };
        let (from_relay, to_relay) = tokio::io::split(relay);
        let from_relay = InspectReader::new(from_relay, |bytes: &[u8]| {
            each_packet(&mut received, bytes, |packet| {
                self.packet_received(packet);
                named(Side::Relay, packet);
            });
        });
        let from_relay = Telling::new(from_relay, &self.shared.draining, &can_move);
        let to_relay = InspectWriter::new(to_relay, |bytes: &[u8]| {
            each_packet(&mut sent, bytes, |packet| {
                self.packet_sent(packet);
                named(Side::Client, packet);
            });
        });
        let mut relay = tokio::io::join(from_relay, to_relay);
        let ended = copy_both(&mut stream, &mut relay).await;
        debug!(?ended, "link to the relay ended");
    }

    fn packet_received(&self, packet: &RelayPacket<'_>) {
        let report = match packet {
            RelayPacket::NickAnswer { yes: true, .. } => Report::Registered,
            RelayPacket::Init { ip, port, .. } => {
                Report::Called { at: SocketAddr::new(*ip, *port) }
            }
            _ => return,
        };
        self.shared.report(self.id, report);
    }

    fn packet_sent(&self, packet: &RelayPacket<'_>) {
        if let RelayPacket::Init { ip, port, .. } = packet {
            let (at, now) = (SocketAddr::new(*ip, *port), self.shared.now());
            self.shared.allocations().record_naming(self.id, at, None, now);
        }
    }

    fn set_relay_link(&self, link: Option<RelayLink>) {
        let mut current = self.relay_link.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, link);
        drop(current);
        // Without the lock: closing a connection to the relay writes to others.
        drop(before);
    }

    /// Lets X_INITs of this tunnel's client name `at`.
    pub(super) fn allow_address(&self, at: SocketAddr) {
        let link = self.relay_link.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(RelayLink::Here(relay)) = &*link {
            relay.allow_address(at);
        }
    }

    /// Undoes [`Self::allow_address`].
    pub(super) fn revoke_address(&self, at: SocketAddr) {
        let link = self.relay_link.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(RelayLink::Here(relay)) = &*link {
            relay.revoke_address(at);
        }
    }
}

impl Shared {
    /// Records what the relay reports of a tunnel's client. A relay in this process can be trusted to
    /// name the callee.
    fn report(&self, id: TunnelId, report: Report) {
        let (now, mut allocations) = (self.now(), self.allocations());
        match report {
            Report::Registered => allocations.set_nick(id, true),
            Report::Named { at, callee } => allocations.record_naming(id, at, callee, now),
            Report::Called { at } => allocations.record_call(id, at, now),
        }
    }
}

/// Passes each packet that these bytes complete to `see`.
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
            // Our relay forwards no such line; one of another relay is not kept.
            Err(_) => *lines = LineBuffer::new(),
        }
    }
}

/// Answers as a relay would, so that a client that waits for the relay's answer understands.
async fn relay_unreachable(mut stream: Stream, why: &str) {
    debug!(why, "relay unreachable");
    let reason = format!("the bridge cannot reach the relay: {why}");
    let packet = RelayPacket::Err { verb: "X_NICK", reason: &reason };
    // Fails only if the client has disconnected.
    let _ = stream.write_all(&packet.to_line()).await;
    let _ = stream.shutdown().await;
}
