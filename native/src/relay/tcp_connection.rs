//! A TCP connection: its task and the bytes that wait to be sent.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::timeout;
use tracing::debug;
use xcher_core::registry::{CloseReason, ConnId, Input};

use super::hub::{CloseGuard, Hub, Outbound};
use super::log::{ConnectionLine, ShownNames};

/// The most bytes read at a time. The buffer is on the reader's stack, so that an idle connection has none.
const READ_LEN: usize = 16 << 10;
/// Time for the client to receive the last bytes.
pub(super) const LINGER_TIMEOUT: Duration = Duration::from_millis(500);

/// The part of a connection that other tasks use: a place for bytes to send.
struct Connection {
    conn: ConnId,
    socket: OwnedWriteHalf,
    outbox: Mutex<Outbox>,
    /// Notified when the connection's own task must look at the outbox.
    wake: Notify,
    names: Arc<ShownNames>,
}

#[derive(Default)]
struct Outbox {
    /// Bounded by the registry, which counts bytes not yet sent.
    queue: Vec<u8>,
    /// Set while a task sends; it will see bytes that are pushed meanwhile.
    sending: bool,
    /// Set while the socket is full; the connection's own task waits until it is writable.
    full: bool,
    closing: Option<CloseReason>,
    error: Option<io::Error>,
    sent: u64,
}

pub(super) enum Ending {
    /// The client will send nothing more.
    HalfClosed,
    Failed(io::Error),
    Closing(CloseReason),
}

/// Serves one connection to its end.
pub(super) async fn serve(hub: Arc<Hub>, number: u64, socket: TcpStream, from: SocketAddr) {
    debug!("open");
    // Fails only on a connection that has ended, which the first read reports.
    let _ = socket.set_nodelay(true);
    let (mut reader, writer) = socket.into_split();
    let connection = Arc::new(Connection::new(ConnId(number), writer));
    let line = ConnectionLine::new(connection.conn, from, Arc::clone(&connection.names));
    let mut totals = Totals { line, connection: Arc::clone(&connection) };
    hub.connect(Arc::clone(&connection) as _, from);
    let _guard = CloseGuard { hub: Arc::clone(&hub), conn: connection.conn };
    let ending = tokio::select! {
        biased;
        ending = write(&hub, &connection, false) => ending,
        ending = read(&hub, connection.conn, &mut reader, &mut totals.line.received) => ending,
    };
    end(&hub, &connection, ending, &mut reader, &mut totals.line).await;
}

/// Completes a connection's line in the log when it ends, even if its task is aborted.
struct Totals {
    line: ConnectionLine,
    connection: Arc<Connection>,
}

impl Drop for Totals {
    fn drop(&mut self) {
        self.line.sent = self.connection.outbox().sent;
    }
}

async fn read(hub: &Hub, conn: ConnId, reader: &mut OwnedReadHalf, received: &mut u64) -> Ending {
    loop {
        match read_with(reader, |bytes| hub.handle(Input::Received { conn, bytes })).await {
            Ok(0) => return Ending::HalfClosed,
            Ok(bytes) => *received += bytes as u64,
            Err(error) => return Ending::Failed(error),
        }
    }
}

/// Reads once and passes the bytes to `take`. Returns 0 at the end of the stream.
pub(super) async fn read_with(
    reader: &mut (impl AsyncRead + Unpin),
    mut take: impl FnMut(&[u8]),
) -> io::Result<usize> {
    poll_fn(|context| {
        let mut buffer = [const { MaybeUninit::uninit() }; READ_LEN];
        let mut buffer = ReadBuf::uninit(&mut buffer);
        ready!(Pin::new(&mut *reader).poll_read(context, &mut buffer))?;
        let bytes = buffer.filled();
        if !bytes.is_empty() {
            take(bytes);
        }
        Poll::Ready(Ok(bytes.len()))
    })
    .await
}

/// Sends what other tasks could not, whenever the socket is writable; with `last`, returns once the
/// outbox is empty.
async fn write(hub: &Hub, connection: &Arc<Connection>, last: bool) -> Ending {
    loop {
        let full = {
            let mut outbox = connection.outbox();
            if let Some(error) = outbox.error.take() {
                return Ending::Failed(error);
            }
            if let Some(reason) = outbox.closing {
                return Ending::Closing(reason);
            }
            if last && outbox.is_empty() {
                return Ending::HalfClosed;
            }
            outbox.full
        };
        tokio::select! {
            writable = connection.socket.writable(), if full => match writable {
                Ok(()) => resume(hub, connection),
                Err(error) => return Ending::Failed(error),
            },
            () = connection.wake.notified() => {}
            // Another task is sending at this moment.
            () = yield_now(), if last && !full => {}
        }
    }
}

fn resume(hub: &Hub, connection: &Arc<Connection>) {
    connection.outbox().full = false;
    hub.flush(Arc::clone(connection) as _);
}

/// Sends what the client still reads, then closes the connection. Notes the reason for the log.
async fn end(
    hub: &Hub,
    connection: &Arc<Connection>,
    ending: Ending,
    reader: &mut OwnedReadHalf,
    line: &mut ConnectionLine,
) {
    let ending = match ending {
        // A client that asks and half-closes, as `nc -N` does, still gets the answer. One that does not
        // read it cannot answer a ping either, so this ends.
        Ending::HalfClosed => write(hub, connection, true).await,
        ending => ending,
    };
    line.end(&ending);
    match ending {
        Ending::HalfClosed | Ending::Failed(_) => {
            hub.handle(Input::Closed { conn: connection.conn });
        }
        Ending::Closing(CloseReason::NotReading | CloseReason::Silent) => {
            // The system must not keep the unread bytes either.
            let _ = connection.socket.as_ref().set_zero_linger();
        }
        Ending::Closing(_) => {
            if let Ok(_permit) = hub.lingering.try_acquire() {
                let _ = timeout(LINGER_TIMEOUT, send_rest(hub, connection, reader)).await;
            }
        }
    }
}

/// Sends the remaining bytes and waits until the client closes. A connection closed with bytes unread
/// would be reset, and the client might never receive the reason.
async fn send_rest(hub: &Hub, connection: &Arc<Connection>, reader: &mut OwnedReadHalf) {
    drain(hub, connection).await;
    if SockRef::from(connection.socket.as_ref()).shutdown(Shutdown::Write).is_err() {
        return;
    }
    while read_with(reader, |_| {}).await.is_ok_and(|bytes| bytes > 0) {}
}

/// Waits until the outbox is empty, or the connection has failed.
async fn drain(hub: &Hub, connection: &Arc<Connection>) {
    loop {
        let full = {
            let outbox = connection.outbox();
            if outbox.error.is_some() || outbox.is_empty() {
                return;
            }
            outbox.full
        };
        if full && connection.socket.writable().await.is_err() {
            return;
        }
        resume(hub, connection);
        // Another task may be sending at this moment.
        yield_now().await;
    }
}

impl Connection {
    fn new(conn: ConnId, socket: OwnedWriteHalf) -> Self {
        let (wake, names) = (Notify::new(), Arc::default());
        Self { conn, socket, outbox: Mutex::default(), wake, names }
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

    /// Sends nothing while another task sends or the socket is known to be full.
    fn flush(&self) -> usize {
        let mut outbox = self.outbox();
        if outbox.closing.is_some() {
            self.wake.notify_one();
        }
        if outbox.sending || outbox.full || outbox.error.is_some() {
            return 0;
        }
        outbox.sending = true;
        let mut sent = 0;
        while !outbox.queue.is_empty() {
            let mut bytes = std::mem::take(&mut outbox.queue);
            // The system call is made without the lock, so that pushing does not wait for it.
            drop(outbox);
            let result = self.socket.try_write(&bytes);
            outbox = self.outbox();
            match result {
                Ok(count) => {
                    sent += count;
                    if count == bytes.len() {
                        continue;
                    }
                    bytes.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => outbox.full = true,
                Err(error) => outbox.error = Some(error),
            }
            bytes.append(&mut outbox.queue);
            outbox.queue = bytes;
            if outbox.full || outbox.error.is_some() {
                self.wake.notify_one();
                break;
            }
        }
        outbox.sending = false;
        outbox.sent += sent as u64;
        sent
    }
}

impl Outbox {
    fn is_empty(&self) -> bool {
        self.queue.is_empty() && !self.sending
    }
}

/// Appends `bytes` to a queue, without a copy if it is empty.
pub(super) fn append(queue: &mut Vec<u8>, bytes: Vec<u8>) {
    if queue.is_empty() {
        *queue = bytes;
    } else {
        queue.extend(bytes);
    }
}
