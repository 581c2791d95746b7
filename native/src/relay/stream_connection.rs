//! A connection that is no socket of the system's: a stream that somebody in this process has.
//!
//! Nothing can be sent over it from outside its task, so that what is for it waits in an outbox until
//! its task sends it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, coop::consume_budget};
use tokio::time::timeout;
use tracing::info;
use xcher_core::registry::{CloseReason, ConnId, Input, Report};

use super::hub::{Gone, Hub, Outlet};
use super::tcp_connection::{Ending, LINGER, append, read_with};

/// A connection joined to a relay. Dropped, it is closed at once: its nick is free, what was lent to
/// it may be named no longer, and its stream is dropped, with whatever was not sent.
///
/// Once the relay or the other side has closed the connection, it does nothing more.
#[must_use = "dropped, the connection is closed"]
pub struct Joined {
    hub: Arc<Hub>,
    conn: ConnId,
    task: AbortHandle,
}

impl Joined {
    pub(super) fn new(hub: Arc<Hub>, conn: ConnId, task: AbortHandle) -> Self {
        Self { hub, conn, task }
    }

    /// Lets the connection's X_INITs name `at`, address and port, although it is not its own.
    ///
    /// Beyond [`RelayLimits::allocations`](xcher_core::RelayLimits::allocations) at once it does nothing.
    pub fn lend(&self, at: SocketAddr) {
        self.hub.handle(Input::Allocated { conn: self.conn, at });
    }

    /// Takes back what was lent: no later X_INIT may name `at`.
    pub fn give_back(&self, at: SocketAddr) {
        self.hub.handle(Input::Released { conn: self.conn, at });
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        // Here and not when the task ends, so that the nick is free when this returns.
        self.hub.handle(Input::Closed { conn: self.conn });
        self.task.abort();
    }
}

/// What others need of the connection.
pub(super) struct Link {
    conn: ConnId,
    outbox: Mutex<Outbox>,
    /// There is something new in the outbox.
    wake: Notify,
    reports: Box<dyn Fn(Report) + Send + Sync>,
}

#[derive(Default)]
struct Outbox {
    /// Bounded by the registry, which counts what is not sent.
    waiting: Vec<u8>,
    closing: Option<CloseReason>,
}

impl Link {
    pub(super) fn new(conn: ConnId, reports: Box<dyn Fn(Report) + Send + Sync>) -> Self {
        Self { conn, outbox: Mutex::default(), wake: Notify::new(), reports }
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outlet for Link {
    fn conn(&self) -> ConnId {
        self.conn
    }

    fn push(&self, bytes: Vec<u8>) {
        append(&mut self.outbox().waiting, bytes);
        self.wake.notify_one();
    }

    fn close(&self, reason: CloseReason) {
        self.outbox().closing = Some(reason);
        self.wake.notify_one();
    }

    fn report(&self, report: Report) {
        (self.reports)(report);
    }

    fn flush(&self) -> usize {
        0
    }
}

/// What the log says of a connection when it is over, also where its task is cut.
struct Account {
    received: u64,
    sent: u64,
    reason: String,
}

impl Drop for Account {
    fn drop(&mut self) {
        let Self { received, sent, reason } = self;
        info!(received, sent, %reason, "closed");
    }
}

/// Serves one connection, of which the hub knows, to its end.
pub(super) async fn serve<S>(hub: Arc<Hub>, link: Arc<Link>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    info!("open");
    let _gone = Gone { hub: Arc::clone(&hub), conn: link.conn };
    let mut account = Account { received: 0, sent: 0, reason: "let go".into() };
    let (mut reader, writer) = tokio::io::split(stream);
    let mut sender = Sender { writer, bytes: Bytes::new(), flushed: true };
    let ending = tokio::select! {
        biased;
        ending = write(&hub, &link, &mut sender, false, &mut account.sent) => ending,
        ending = read(&hub, link.conn, &mut reader, &mut account.received) => ending,
    };
    let ending = match ending {
        // Who asks and half-closes still gets the answer.
        Ending::HalfClosed => write(&hub, &link, &mut sender, true, &mut account.sent).await,
        ending => ending,
    };
    match ending {
        Ending::HalfClosed => {
            hub.handle(Input::Closed { conn: link.conn });
            let _ = timeout(LINGER, sender.writer.shutdown()).await;
            account.reason = "the other side closed".into();
        }
        Ending::Broken(error) => {
            hub.handle(Input::Closed { conn: link.conn });
            account.reason = error.to_string();
        }
        Ending::Closing(reason) => {
            account.reason = reason.to_string();
            let told = !matches!(reason, CloseReason::NotReading | CloseReason::Silent);
            if told && let Ok(_permit) = hub.lingering.try_acquire() {
                let last = last_words(&link, &mut sender, &mut reader, &mut account.sent);
                let _ = timeout(LINGER, last).await;
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
            Err(error) => return Ending::Broken(error),
        }
        // A stream that always has more must not keep the thread for itself.
        consume_budget().await;
    }
}

/// Sends what comes to the outbox; at the `last` until all is sent.
async fn write(
    hub: &Hub,
    link: &Link,
    sender: &mut Sender<impl AsyncWrite + Unpin>,
    last: bool,
    sent: &mut u64,
) -> Ending {
    loop {
        if let Some(reason) = link.outbox().closing {
            return Ending::Closing(reason);
        }
        if !sender.has_more(link) {
            if last {
                return Ending::HalfClosed;
            }
            link.wake.notified().await;
            continue;
        }
        tokio::select! {
            biased;
            some = sender.send_some() => match some {
                Ok(bytes) => {
                    *sent += bytes as u64;
                    // It can lead to more: the next piece of a list.
                    hub.handle(Input::Sent { conn: link.conn, bytes });
                }
                Err(error) => return Ending::Broken(error),
            },
            () = link.wake.notified() => {}
        }
        consume_budget().await;
    }
}

/// Sends the rest and waits until the other side closes.
async fn last_words(
    link: &Link,
    sender: &mut Sender<impl AsyncWrite + Unpin>,
    reader: &mut (impl AsyncRead + Unpin),
    sent: &mut u64,
) {
    while sender.has_more(link) {
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

/// The stream's sending side. What it was given survives that a write is given up.
struct Sender<W> {
    writer: W,
    bytes: Bytes,
    flushed: bool,
}

impl<W: AsyncWrite + Unpin> Sender<W> {
    /// Whether there is something to do, with what waits in the outbox.
    fn has_more(&mut self, link: &Link) -> bool {
        if self.bytes.is_empty() {
            self.bytes = std::mem::take(&mut link.outbox().waiting).into();
        }
        !self.bytes.is_empty() || !self.flushed
    }

    /// Writes once, or flushes where all is written. Returns how many bytes were written.
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
