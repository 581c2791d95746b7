//! A connection that carries packets: the one to the relay, or a control connection.

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
use super::task_report::TaskReport;

/// The most bytes read at a time.
const READ_LEN: usize = 64 << 10;
/// Time for a closed connection to send its last bytes, and again for the peer to close.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
/// Idle time after which, and interval at which, TCP probes the peer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);

/// The host's handle on such a connection.
pub(super) struct PacketConnection {
    /// Dropped to close. Bounded by the state machine, which counts unsent bytes.
    writes: mpsc::UnboundedSender<Vec<u8>>,
    writer: JoinHandle<()>,
    reader: JoinHandle<()>,
    /// Lets the reader read once more.
    read_permit: Arc<Notify>,
    /// Set once received bytes are discarded.
    closing: Arc<AtomicBool>,
    /// Set while the state machine pauses it.
    paused: bool,
    /// Set while this host's user lags behind.
    held: bool,
}

impl PacketConnection {
    fn new(conn: ConnId, stream: TcpStream, reporter: &mpsc::Sender<TaskReport>) -> Self {
        probe_when_idle(&stream);
        let (read, write) = stream.into_split();
        let (writes, queue) = mpsc::unbounded_channel();
        let read_permit = Arc::new(Notify::new());
        let closing = Arc::new(AtomicBool::new(false));
        let reader = tokio::spawn(read_all(
            conn,
            read,
            reporter.clone(),
            read_permit.clone(),
            closing.clone(),
        ));
        let writer = tokio::spawn(write_all(conn, write, queue, reporter.clone()));
        Self { writes, writer, reader, read_permit, closing, paused: false, held: false }
    }

    pub(super) fn write(&self, bytes: Vec<u8>) {
        // Fails only if the writer has failed, which it has reported.
        let _ = self.writes.send(bytes);
    }

    /// Sends what was written, then closes. Bytes received meanwhile are read and discarded: closing with
    /// unread bytes would reset the connection, and the peer could lose the last packets.
    pub(super) fn close(self) -> impl Future<Output = ()> {
        let Self { writes, mut writer, mut reader, read_permit, closing, .. } = self;
        closing.store(true, Ordering::Relaxed);
        read_permit.notify_one();
        drop(writes);
        async move {
            let _ = tokio::time::timeout(LINGER_TIMEOUT, &mut writer).await;
            writer.abort();
            let _ = tokio::time::timeout(LINGER_TIMEOUT, &mut reader).await;
            reader.abort();
        }
    }

    /// Drops a connection that has ended.
    pub(super) fn abort(self) {
        self.writer.abort();
        self.reader.abort();
    }
}

/// Makes TCP probe the other end while nothing is sent.
pub(super) fn probe_when_idle(stream: &TcpStream) {
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE_INTERVAL);
    // If this fails, the state machine's timeouts still detect a dead peer, only later.
    let _ = socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

impl Host {
    /// Takes over a new connection.
    pub(super) fn adopt(&mut self, conn: ConnId, stream: TcpStream, purpose: Purpose) {
        match purpose {
            Purpose::Control => {
                self.packet_connections
                    .insert(conn, PacketConnection::new(conn, stream, &self.reporter));
            }
            Purpose::Data => {
                self.data_connections.insert(conn, stream);
            }
        }
    }

    /// Lets a connection read once more, unless it is paused.
    pub(super) fn permit_read(&self, conn: ConnId) {
        if let Some(connection) = self.packet_connections.get(&conn)
            && !(connection.paused || connection.held)
        {
            connection.read_permit.notify_one();
        }
    }

    /// Stops reading a connection while this host's user lags behind, or resumes.
    pub(super) fn hold_connection(&mut self, conn: ConnId, hold: bool) {
        if let Some(connection) = self.packet_connections.get_mut(&conn) {
            connection.held = hold;
        }
        self.permit_read(conn);
    }

    pub(super) fn pause(&mut self, conn: ConnId, pause: bool) {
        if let Some(connection) = self.packet_connections.get_mut(&conn) {
            connection.paused = pause;
        }
        self.permit_read(conn);
    }
}

async fn read_all(
    conn: ConnId,
    mut read: OwnedReadHalf,
    reporter: mpsc::Sender<TaskReport>,
    read_permit: Arc<Notify>,
    closing: Arc<AtomicBool>,
) {
    let mut buffer = Vec::new();
    let why = loop {
        read_permit.notified().await;
        // An idle connection holds no buffer.
        if let Err(error) = read.readable().await {
            break Some(error);
        }
        buffer.resize(READ_LEN, 0);
        match read.read(&mut buffer).await {
            Ok(0) => break None,
            Ok(_) if closing.load(Ordering::Relaxed) => read_permit.notify_one(),
            Ok(length) => {
                buffer.truncate(length);
                let bytes = std::mem::take(&mut buffer);
                if reporter.send(TaskReport::Received { conn, bytes }).await.is_err() {
                    return;
                }
            }
            Err(error) => break Some(error),
        }
    };
    if !closing.load(Ordering::Relaxed) {
        let why = why.map(|error| error.to_string().into());
        let _ = reporter.send(TaskReport::Closed { conn, why }).await;
    }
}

async fn write_all(
    conn: ConnId,
    mut write: OwnedWriteHalf,
    mut queue: mpsc::UnboundedReceiver<Vec<u8>>,
    reporter: mpsc::Sender<TaskReport>,
) {
    while let Some(bytes) = queue.recv().await {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            match write.write(rest).await {
                Ok(sent) => {
                    rest = &rest[sent..];
                    let _ = reporter.send(TaskReport::Sent { conn, bytes: sent }).await;
                }
                Err(error) => {
                    let why = Some(error.to_string().into());
                    let _ = reporter.send(TaskReport::Closed { conn, why }).await;
                    return;
                }
            }
        }
    }
    let _ = write.shutdown().await;
}
