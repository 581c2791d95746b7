//! A stream that is a connection to the relay, in this process or elsewhere.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
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
        let mut watched = Watched { tunnel: self, link, lines: LineBuffer::new() };
        let ended = carry(&mut stream, &mut watched).await;
        debug!(?ended, "link to the relay ended");
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

/// A link to the relay, of which the calls that come over it are noted before the client has them,
/// so that it can dial at once.
struct Watched<'a, L> {
    tunnel: &'a Tunnel,
    link: L,
    lines: LineBuffer,
}

impl<L> Watched<'_, L> {
    fn watch(&mut self, bytes: &[u8]) {
        self.lines.receive(bytes);
        loop {
            match self.lines.next_line() {
                Ok(Some(line)) => {
                    if let Ok(RelayPacket::Init { ip, port, .. }) = RelayPacket::parse(line) {
                        self.tunnel.called(SocketAddr::new(ip, port));
                    }
                }
                Ok(None) => break,
                // Ours passes on no such line; another's is not kept.
                Err(_) => self.lines = LineBuffer::new(),
            }
        }
    }
}

impl<L: AsyncRead + Unpin> AsyncRead for Watched<'_, L> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.link).poll_read(cx, buf))?;
        self.watch(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<L: AsyncWrite + Unpin> AsyncWrite for Watched<'_, L> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_shutdown(cx)
    }
}
