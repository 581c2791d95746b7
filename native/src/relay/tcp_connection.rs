//! One connection: its task, and what waits to be sent over it.

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
use tracing::info;
use xcher_core::registry::{CloseReason, ConnId, Input};

use super::hub::{Gone, Hub, Outlet};

/// Bytes read at once. They lie on the stack of whoever reads, so that an idle connection has none.
const READ: usize = 16 << 10;
/// How long the other side has to take the last words.
pub(super) const LINGER: Duration = Duration::from_millis(500);

/// What others need of a connection: a place to put what is for it.
struct Link {
    conn: ConnId,
    socket: OwnedWriteHalf,
    outbox: Mutex<Outbox>,
    /// The connection's own task has something to see to in the outbox.
    wake: Notify,
}

#[derive(Default)]
struct Outbox {
    /// Bounded by the registry, which counts what is not sent.
    waiting: Vec<u8>,
    /// Somebody is sending; what is pushed meanwhile they will see.
    sending: bool,
    /// The socket takes no more; the connection's own task waits until it does.
    full: bool,
    closing: Option<CloseReason>,
    broken: Option<io::Error>,
    sent: u64,
}

pub(super) enum Ending {
    /// The other side will send nothing more.
    HalfClosed,
    Broken(io::Error),
    Closing(CloseReason),
}

/// Serves one connection to its end.
pub(super) async fn serve(hub: Arc<Hub>, number: u64, socket: TcpStream, from: SocketAddr) {
    info!("open");
    // It fails only on a connection that is over, which the first read will tell.
    let _ = socket.set_nodelay(true);
    let (mut reader, writer) = socket.into_split();
    let link = Arc::new(Link::new(ConnId(number), writer));
    hub.connect(Arc::clone(&link) as _, from);
    let _gone = Gone { hub: Arc::clone(&hub), conn: link.conn };
    let mut received = 0;
    let ending = tokio::select! {
        biased;
        ending = write(&hub, &link, false) => ending,
        ending = read(&hub, link.conn, &mut reader, &mut received) => ending,
    };
    let reason = end(&hub, &link, ending, &mut reader).await;
    info!(received, sent = link.outbox().sent, %reason, "closed");
}

async fn read(hub: &Hub, conn: ConnId, reader: &mut OwnedReadHalf, received: &mut u64) -> Ending {
    loop {
        match read_with(reader, |bytes| hub.handle(Input::Received { conn, bytes })).await {
            Ok(0) => return Ending::HalfClosed,
            Ok(bytes) => *received += bytes as u64,
            Err(error) => return Ending::Broken(error),
        }
    }
}

/// Reads once and lets `take` see the bytes; none at the end.
pub(super) async fn read_with(
    reader: &mut (impl AsyncRead + Unpin),
    mut take: impl FnMut(&[u8]),
) -> io::Result<usize> {
    poll_fn(|context| {
        let mut space = [const { MaybeUninit::uninit() }; READ];
        let mut space = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut *reader).poll_read(context, &mut space))?;
        let bytes = space.filled();
        if !bytes.is_empty() {
            take(bytes);
        }
        Poll::Ready(Ok(bytes.len()))
    })
    .await
}

/// Sends what others could not, whenever the socket takes more; at the `last` until all is sent.
async fn write(hub: &Hub, link: &Arc<Link>, last: bool) -> Ending {
    loop {
        let full = {
            let mut outbox = link.outbox();
            if let Some(error) = outbox.broken.take() {
                return Ending::Broken(error);
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
            writable = link.socket.writable(), if full => match writable {
                Ok(()) => resume(hub, link),
                Err(error) => return Ending::Broken(error),
            },
            () = link.wake.notified() => {}
            // Another task is sending at this moment.
            () = yield_now(), if last && !full => {}
        }
    }
}

fn resume(hub: &Hub, link: &Arc<Link>) {
    link.outbox().full = false;
    hub.flush(Arc::clone(link) as _);
}

/// Closes the connection; what was written is sent first, as far as the other side takes it.
/// Returns why, for the log.
async fn end(hub: &Hub, link: &Arc<Link>, ending: Ending, reader: &mut OwnedReadHalf) -> String {
    let ending = match ending {
        // Who asks and half-closes, as `nc -N` does, still gets the answer. Who does not read it
        // cannot answer a ping either, so this ends.
        Ending::HalfClosed => write(hub, link, true).await,
        ending => ending,
    };
    match ending {
        Ending::HalfClosed => {
            hub.handle(Input::Closed { conn: link.conn });
            "the other side closed".into()
        }
        Ending::Broken(error) => {
            hub.handle(Input::Closed { conn: link.conn });
            error.to_string()
        }
        Ending::Closing(reason @ (CloseReason::NotReading | CloseReason::Silent)) => {
            // The system is not to keep the unread bytes either.
            let _ = link.socket.as_ref().set_zero_linger();
            reason.to_string()
        }
        Ending::Closing(reason) => {
            if let Ok(_permit) = hub.lingering.try_acquire() {
                let _ = timeout(LINGER, last_words(hub, link, reader)).await;
            }
            reason.to_string()
        }
    }
}

/// Sends the rest and waits until the other side closes. Closed with bytes unread, the connection
/// would be reset, and the other side might never see why.
async fn last_words(hub: &Hub, link: &Arc<Link>, reader: &mut OwnedReadHalf) {
    drain(hub, link).await;
    if SockRef::from(link.socket.as_ref()).shutdown(Shutdown::Write).is_err() {
        return;
    }
    while read_with(reader, |_| {}).await.is_ok_and(|bytes| bytes > 0) {}
}

/// Waits until nothing waits to be sent, or nothing can be.
async fn drain(hub: &Hub, link: &Arc<Link>) {
    loop {
        let full = {
            let outbox = link.outbox();
            if outbox.broken.is_some() || outbox.is_empty() {
                return;
            }
            outbox.full
        };
        if full && link.socket.writable().await.is_err() {
            return;
        }
        resume(hub, link);
        // Where another task is sending at this moment.
        yield_now().await;
    }
}

impl Link {
    fn new(conn: ConnId, socket: OwnedWriteHalf) -> Self {
        Self { conn, socket, outbox: Mutex::default(), wake: Notify::new() }
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
    }

    fn close(&self, reason: CloseReason) {
        self.outbox().closing = Some(reason);
        self.wake.notify_one();
    }

    /// Unless somebody sends already or the socket is known to take no more.
    fn flush(&self) -> usize {
        let mut outbox = self.outbox();
        if outbox.sending || outbox.full || outbox.broken.is_some() {
            return 0;
        }
        outbox.sending = true;
        let mut sent = 0;
        while !outbox.waiting.is_empty() {
            let mut bytes = std::mem::take(&mut outbox.waiting);
            // The system call is made without the lock: who pushes must not wait for it.
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
                Err(error) => outbox.broken = Some(error),
            }
            bytes.append(&mut outbox.waiting);
            outbox.waiting = bytes;
            if outbox.full || outbox.broken.is_some() {
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
        self.waiting.is_empty() && !self.sending
    }
}

/// Adds `bytes` to what waits, without a copy where nothing does.
pub(super) fn append(waiting: &mut Vec<u8>, bytes: Vec<u8>) {
    if waiting.is_empty() {
        *waiting = bytes;
    } else {
        waiting.extend(bytes);
    }
}
