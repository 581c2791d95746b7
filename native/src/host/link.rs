//! A link: many streams over one connection between two hosts (section 5.8).
//!
//! Its first stream is a control connection, the others are that session's data connections. A stream is
//! connected to a loopback connection, as one of a tunnel is.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;
use xcher_core::tunnel::{FirstLine, MAX_STREAMS};

use super::loopback::to_loopback;
use super::packet_connection::probe_when_idle;
use super::stream_ports::{StreamPort, StreamPorts};
use crate::tunnel::{Mode, Opener, Stream, multiplex, read_first_line};

/// Time for a stream to send its first line.
const FIRST_LINE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for a link to send its last bytes, once its control connection is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// This host's side of a link.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    /// It accepts the control connection.
    Caller,
    /// It opens the control connection, to the address at which the relay sees the caller.
    Callee(SocketAddr),
}

/// A link whose control connection is open. It and its streams end when it is dropped.
pub(super) struct Link {
    client: LinkClient,
    /// Ends when the control connection does.
    control: oneshot::Receiver<()>,
    task: AbortOnDropHandle<()>,
    /// Cuts the streams on drop: yamux leaves those that are open when it is closed as they are.
    _streams: DropGuard,
}

impl Link {
    /// Makes a link of a connection, and returns it with its control connection, the first stream.
    ///
    /// # Errors
    ///
    /// If the connection fails, or the other host does not open a control connection in time.
    pub(super) async fn establish(socket: TcpStream, side: Side) -> io::Result<(Self, TcpStream)> {
        let (local, remote) = (socket.local_addr()?, socket.peer_addr()?);
        socket.set_nodelay(true)?;
        probe_when_idle(&socket);
        let (first, expected) = oneshot::channel();
        let (mode, mut first) = match side {
            Side::Caller => (Mode::Server, Some(first)),
            Side::Callee(_) => (Mode::Client, None),
        };
        let (ports, cut) = (StreamPorts::default(), CancellationToken::new());
        let streams = cut.clone().drop_guard();
        // No stream but the first is accepted before that is a control connection.
        let permits = Arc::new(Semaphore::new(0));
        let inbound = Inbound {
            ports: ports.clone(),
            from: remote,
            permits: Arc::clone(&permits),
            cut: cut.clone(),
        };
        let (opener, run) = multiplex(socket, mode, move |stream| match first.take() {
            // Fails only if nobody waits any more.
            Some(first) => drop(first.send(stream)),
            None => inbound.take(stream),
        });
        let open = ports.clone();
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = run.await {
                tracing::info!(%remote, %error, "link failed");
            }
            open.close();
        }));
        let client = LinkClient { opener, ports, local, remote, cut };
        let stream = match side {
            Side::Caller => timeout(FIRST_LINE_TIMEOUT, accept_control(expected)).await??,
            Side::Callee(caller) => client.open(caller).await?,
        };
        let (ended, control) = oneshot::channel();
        let cut = client.cut.clone().cancelled_owned();
        let stream = to_loopback(stream, holding(ended, cut)).await?;
        permits.add_permits(MAX_STREAMS);
        Ok((Self { client, control, task, _streams: streams }, stream))
    }

    /// Returns the local and the remote address of its connection.
    pub(super) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.client.local, self.client.remote)
    }

    /// Returns a handle that opens streams and ports, and does not keep the link open.
    pub(super) fn client(&self) -> LinkClient {
        self.client.clone()
    }

    /// Sends what was written to the control connection, which is closed, then closes the link.
    pub(super) async fn close(self) {
        let Self { client, control, mut task, _streams } = self;
        // Each fails if the other host does not read or does not close its side.
        let _ = timeout(CLOSE_TIMEOUT, control).await;
        client.opener.close();
        let _ = timeout(CLOSE_TIMEOUT, &mut task).await;
    }
}

/// Opens streams and ports of a link.
#[derive(Clone)]
pub(super) struct LinkClient {
    opener: Opener,
    ports: StreamPorts,
    /// The addresses of the link's connection, which its streams share.
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    cut: CancellationToken,
}

impl LinkClient {
    /// Opens a data connection to a port of the other host's.
    pub(super) async fn dial(&self, to: SocketAddr) -> io::Result<TcpStream> {
        to_loopback(self.open(to).await?, self.cut.clone().cancelled_owned()).await
    }

    /// Opens a port of this host's.
    pub(super) fn listen(&self) -> StreamPort {
        self.ports.open_any()
    }

    async fn open(&self, to: SocketAddr) -> io::Result<Stream> {
        let mut stream = self.opener.open().await?;
        stream.write_all(&FirstLine::Dial(to).to_line()).await?;
        stream.flush().await?;
        Ok(stream)
    }
}

/// Returns the error of a stream without a link.
pub(super) fn no_link() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the connection through NAT has ended")
}

/// Waits for the first stream, which is the control connection. Its line names an address at which the callee
/// sees this host. That is not checked: this host does not know how its NAT changed it.
async fn accept_control(first: oneshot::Receiver<Stream>) -> io::Result<Stream> {
    let mut stream = first.await.map_err(|_| no_link())?;
    let line = read_first_line(&mut stream).await?;
    match FirstLine::parse(&line) {
        Ok(FirstLine::Dial(_)) => Ok(stream),
        Ok(_) => Err(io::Error::other("expected X_DIAL ip port, got another line")),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// Takes the streams that the other host opens.
#[derive(Clone)]
struct Inbound {
    ports: StreamPorts,
    from: SocketAddr,
    permits: Arc<Semaphore>,
    cut: CancellationToken,
}

impl Inbound {
    /// Takes a stream, and resets it if there are too many.
    fn take(&self, stream: Stream) {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            tokio::spawn(self.clone().pass(stream, permit));
        }
    }

    /// Passes a data connection to the listener of its port. One for another port is reset when it is dropped.
    async fn pass(self, mut stream: Stream, permit: OwnedSemaphorePermit) {
        let line = timeout(FIRST_LINE_TIMEOUT, read_first_line(&mut stream)).await;
        if let Ok(Ok(line)) = line
            && let Ok(FirstLine::Dial(to)) = FirstLine::parse(&line)
        {
            let cut = holding(permit, self.cut.cancelled_owned());
            self.ports.pass(to.port(), stream, self.from, cut).await;
        }
    }
}

/// Drops `held` when `future` is dropped or ready.
async fn holding(held: impl Send, future: impl Future<Output = ()>) {
    future.await;
    drop(held);
}

#[cfg(test)]
mod tests;
