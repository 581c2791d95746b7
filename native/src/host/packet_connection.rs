//! A connection that carries packets: to the relay, or a control connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use xcher_core::peer::{ConnId, Purpose};

use super::Host;
use super::task_report::Happened;

/// The most that is read at a time.
const READ: usize = 64 << 10;
/// How long a closed connection may take to send what was written, and then to be read out.
const LINGER: Duration = Duration::from_secs(1);
/// After how long without traffic, and how often, TCP itself asks whether the other end is there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// The host's hold on such a connection.
pub(super) struct Link {
    /// Dropped to close. Bounded by the state machine, which counts what is unsent.
    writes: mpsc::UnboundedSender<Vec<u8>>,
    writer: JoinHandle<()>,
    reader: JoinHandle<()>,
    /// Lets the reader read once more.
    go: Arc<Notify>,
    /// What the reader reads is thrown away.
    closing: Arc<AtomicBool>,
    /// Paused by the core.
    paused: bool,
    /// Paused because the user of this host lags behind.
    held: bool,
}

impl Link {
    fn new(conn: ConnId, stream: TcpStream, reporter: &mpsc::Sender<Happened>) -> Self {
        let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE);
        // Without it the limits of the state machine still find a dead end, only later.
        let _ = socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive);
        let (read, write) = stream.into_split();
        let (writes, queue) = mpsc::unbounded_channel();
        let go = Arc::new(Notify::new());
        let closing = Arc::new(AtomicBool::new(false));
        let reader =
            tokio::spawn(read_all(conn, read, reporter.clone(), go.clone(), closing.clone()));
        let writer = tokio::spawn(write_all(conn, write, queue, reporter.clone()));
        Self { writes, writer, reader, go, closing, paused: false, held: false }
    }

    pub(super) fn write(&self, bytes: Vec<u8>) {
        // A writer that failed has reported it.
        let _ = self.writes.send(bytes);
    }

    /// Sends what was written, then closes. What comes meanwhile is read and thrown away: closing
    /// with unread bytes would reset the connection and could take our last words with it.
    pub(super) fn close(self) -> impl Future<Output = ()> {
        let Self { writes, mut writer, mut reader, go, closing, .. } = self;
        closing.store(true, Ordering::Relaxed);
        go.notify_one();
        drop(writes);
        async move {
            let _ = tokio::time::timeout(LINGER, &mut writer).await;
            writer.abort();
            let _ = tokio::time::timeout(LINGER, &mut reader).await;
            reader.abort();
        }
    }

    /// Forgets a connection that is gone.
    pub(super) fn drop_now(self) {
        self.writer.abort();
        self.reader.abort();
    }
}

impl Host {
    /// Takes in a new connection.
    pub(super) fn adopt(&mut self, conn: ConnId, stream: TcpStream, purpose: Purpose) {
        match purpose {
            Purpose::Control => {
                self.links.insert(conn, Link::new(conn, stream, &self.reporter));
            }
            Purpose::Data => {
                self.idle.insert(conn, stream);
            }
        }
    }

    /// Reads once more, unless told not to.
    pub(super) fn read_on(&self, conn: ConnId) {
        if let Some(link) = self.links.get(&conn)
            && !(link.paused || link.held)
        {
            link.go.notify_one();
        }
    }

    pub(super) fn hold_connection(&mut self, conn: ConnId, hold: bool) {
        if let Some(link) = self.links.get_mut(&conn) {
            link.held = hold;
        }
        self.read_on(conn);
    }

    pub(super) fn pause(&mut self, conn: ConnId, pause: bool) {
        if let Some(link) = self.links.get_mut(&conn) {
            link.paused = pause;
        }
        self.read_on(conn);
    }
}

async fn read_all(
    conn: ConnId,
    mut read: OwnedReadHalf,
    reporter: mpsc::Sender<Happened>,
    go: Arc<Notify>,
    closing: Arc<AtomicBool>,
) {
    let mut buffer = Vec::new();
    let why = loop {
        go.notified().await;
        // Nothing is held for a connection on which nothing comes.
        if let Err(error) = read.readable().await {
            break Some(error);
        }
        buffer.resize(READ, 0);
        match read.read(&mut buffer).await {
            Ok(0) => break None,
            Ok(_) if closing.load(Ordering::Relaxed) => go.notify_one(),
            Ok(length) => {
                buffer.truncate(length);
                let bytes = std::mem::take(&mut buffer);
                if reporter.send(Happened::Received { conn, bytes }).await.is_err() {
                    return;
                }
            }
            Err(error) => break Some(error),
        }
    };
    if !closing.load(Ordering::Relaxed) {
        let why = why.map(|error| error.to_string().into());
        let _ = reporter.send(Happened::Closed { conn, why }).await;
    }
}

async fn write_all(
    conn: ConnId,
    mut write: OwnedWriteHalf,
    mut queue: mpsc::UnboundedReceiver<Vec<u8>>,
    reporter: mpsc::Sender<Happened>,
) {
    while let Some(bytes) = queue.recv().await {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            match write.write(rest).await {
                Ok(sent) => {
                    rest = &rest[sent..];
                    let _ = reporter.send(Happened::Sent { conn, bytes: sent }).await;
                }
                Err(error) => {
                    let why = Some(error.to_string().into());
                    let _ = reporter.send(Happened::Closed { conn, why }).await;
                    return;
                }
            }
        }
    }
    let _ = write.shutdown().await;
}
