//! An in-process connection: a stream whose other end is in this process.
//!
//! Only its own task can write to it, so bytes for it wait in an outbox until that task sends them.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, coop::consume_budget};
use tokio::time::timeout;
use tracing::debug;
use xcher_core::registry::{CloseReason, ConnId, Input, Report};

use super::hub::{CloseGuard, Hub, Outbound};
use super::log::{ConnectionLine, ShownNames};
use super::tcp_connection::{Ending, LINGER_TIMEOUT, append, read_with};

/// An in-process connection to a relay. Dropping it closes the connection at once: its nick is free, its
/// allowed addresses are revoked, and its stream is dropped with any bytes not sent.
///
/// After the relay or the client has closed the connection, the methods have no effect.
#[must_use = "dropped, the connection is closed"]
pub struct InProcessConnection {
    hub: Arc<Hub>,
    conn: ConnId,
    task: AbortHandle,
}

impl InProcessConnection {
    pub(super) fn new(hub: Arc<Hub>, conn: ConnId, task: AbortHandle) -> Self {
        Self { hub, conn, task }
    }

    /// Returns its number at the relay.
    #[cfg(feature = "cli")]
    pub(crate) fn conn(&self) -> ConnId {
        self.conn
    }

    /// Lets the connection's X_INITs name `at`, address and port, although it is not its own.
    ///
    /// Has no effect above [`RelayLimits::allocations`](xcher_core::RelayLimits::allocations) addresses at once.
    pub fn allow_address(&self, at: SocketAddr) {
        self.hub.handle(Input::Allocated { conn: self.conn, at });
    }

    /// Undoes [`Self::allow_address`]: no later X_INIT may name `at`.
    pub fn revoke_address(&self, at: SocketAddr) {
        self.hub.handle(Input::Released { conn: self.conn, at });
    }
}

impl Drop for InProcessConnection {
    fn drop(&mut self) {
        // Here and not when the task ends, so that the nick is free when this returns.
        self.hub.handle(Input::Closed { conn: self.conn });
        self.task.abort();
    }
}

/// The part of a connection that other tasks use.
pub(super) struct Connection {
    conn: ConnId,
    outbox: Mutex<Outbox>,
    /// Notified when the outbox changed.
    wake: Notify,
    report: Box<dyn Fn(Report) + Send + Sync>,
    from: SocketAddr,
    names: Arc<ShownNames>,
}

#[derive(Default)]
struct Outbox {
    /// Bounded by the registry, which counts bytes not yet sent.
    queue: Vec<u8>,
    closing: Option<CloseReason>,
}

impl Connection {
    pub(super) fn new(
        conn: ConnId,
        from: SocketAddr,
        report: Box<dyn Fn(Report) + Send + Sync>,
    ) -> Self {
        let (wake, names) = (Notify::new(), Arc::default());
        Self { conn, outbox: Mutex::default(), wake, report, from, names }
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbound for Connection {
    fn conn(&self) -> ConnId {
        self.conn
    }

    fn names(&self) -> &ShownNames {
        &self.names
    }

    fn push(&self, bytes: Vec<u8>) {
        append(&mut self.outbox().queue, bytes);
    }

    fn close(&self, reason: CloseReason) {
        self.outbox().closing = Some(reason);
    }

    fn report(&self, report: Report) {
        (self.report)(report);
    }

    /// Leaves it to the connection's own task.
    fn flush(&self) -> usize {
        self.wake.notify_one();
        0
    }
}

/// Serves one connection, which the hub already knows, to its end.
pub(super) async fn serve<S>(hub: Arc<Hub>, connection: Arc<Connection>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    debug!("open");
    let _guard = CloseGuard { hub: Arc::clone(&hub), conn: connection.conn };
    let names = Arc::clone(&connection.names);
    let mut line = ConnectionLine::new(connection.conn, connection.from, names);
    let (mut reader, writer) = tokio::io::split(stream);
    let mut sender = Sender { writer, bytes: Bytes::new(), flushed: true };
    let ending = tokio::select! {
        biased;
        ending = write(&hub, &connection, &mut sender, false, &mut line.sent) => ending,
        ending = read(&hub, connection.conn, &mut reader, &mut line.received) => ending,
    };
    let ending = match ending {
        // A client that asks and half-closes still gets the answer.
        Ending::HalfClosed => write(&hub, &connection, &mut sender, true, &mut line.sent).await,
        ending => ending,
    };
    line.end(&ending);
    match ending {
        Ending::HalfClosed => {
            hub.handle(Input::Closed { conn: connection.conn });
            // Boxed, as below, so that an open connection keeps no memory for its end.
            let _ = Box::pin(timeout(LINGER_TIMEOUT, sender.writer.shutdown())).await;
        }
        Ending::Failed(_) => hub.handle(Input::Closed { conn: connection.conn }),
        Ending::Closing(reason) => {
            let reads = !matches!(reason, CloseReason::NotReading | CloseReason::Silent);
            if reads && let Ok(_permit) = hub.lingering.try_acquire() {
                let linger = send_rest(&connection, &mut sender, &mut reader, &mut line.sent);
                let _ = Box::pin(timeout(LINGER_TIMEOUT, linger)).await;
            }
        }
    }
}

async fn read(
    hub: &Hub,
    conn: ConnId,
    reader: &mut (impl AsyncRead + Unpin),
    received: &mut u64,
) -> Ending {
    loop {
        match read_with(reader, |bytes| hub.handle(Input::Received { conn, bytes })).await {
            Ok(0) => return Ending::HalfClosed,
            Ok(bytes) => *received += bytes as u64,
            Err(error) => return Ending::Failed(error),
        }
        // A stream that always has more must not monopolize the thread.
        consume_budget().await;
    }
}

/// Sends what is queued in the outbox; with `last`, returns once the outbox is empty.
async fn write(
    hub: &Hub,
    connection: &Connection,
    sender: &mut Sender<impl AsyncWrite + Unpin>,
    last: bool,
    sent: &mut u64,
) -> Ending {
    loop {
        if let Some(reason) = connection.outbox().closing {
            return Ending::Closing(reason);
        }
        if !sender.has_more(connection) {
            if last {
                return Ending::HalfClosed;
            }
            connection.wake.notified().await;
            continue;
        }
        tokio::select! {
            biased;
            some = sender.send_some() => match some {
                Ok(bytes) => {
                    *sent += bytes as u64;
                    // Sending can cause more: the next part of a list.
                    hub.handle(Input::Sent { conn: connection.conn, bytes });
                }
                Err(error) => return Ending::Failed(error),
            },
            () = connection.wake.notified() => {}
        }
        consume_budget().await;
    }
}

/// Sends the remaining bytes and waits until the client closes.
async fn send_rest(
    connection: &Connection,
    sender: &mut Sender<impl AsyncWrite + Unpin>,
    reader: &mut (impl AsyncRead + Unpin),
    sent: &mut u64,
) {
    while sender.has_more(connection) {
        match sender.send_some().await {
            Ok(bytes) => *sent += bytes as u64,
            Err(_) => return,
        }
    }
    if sender.writer.shutdown().await.is_err() {
        return;
    }
    while read_with(reader, |_| {}).await.is_ok_and(|bytes| bytes > 0) {
        consume_budget().await;
    }
}

/// The stream's sending side. Bytes handed to it survive a cancelled write.
struct Sender<W> {
    writer: W,
    bytes: Bytes,
    flushed: bool,
}

impl<W: AsyncWrite + Unpin> Sender<W> {
    /// True if bytes wait to be sent, in the outbox too, or to be flushed.
    fn has_more(&mut self, connection: &Connection) -> bool {
        if self.bytes.is_empty() {
            self.bytes = std::mem::take(&mut connection.outbox().queue).into();
        }
        !self.bytes.is_empty() || !self.flushed
    }

    /// Writes once, or flushes if everything is written. Returns the number of bytes written.
    async fn send_some(&mut self) -> io::Result<usize> {
        if self.bytes.is_empty() {
            self.writer.flush().await?;
            self.flushed = true;
            return Ok(0);
        }
        self.flushed = false;
        match self.writer.write_buf(&mut self.bytes).await? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            written => Ok(written),
        }
    }
}
