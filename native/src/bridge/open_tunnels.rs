//! The tunnels that are open, with their bytes: for the operator, who may close one, and for the log.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::info;
use xcher_core::registry::{Account, UserName};
use xcher_core::tunnel::QuotaAccount;

use super::Shared;
use super::quotas::{COUNTED_AT_ONCE, Cut, quota_account};
use super::tunnel::Tunnel;
use crate::net::log_line::{self, seconds};

/// All open tunnels, and the bytes of those that have ended.
#[derive(Debug, Default)]
pub(super) struct OpenTunnels(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    last_number: u64,
    by_number: BTreeMap<u64, Arc<OpenTunnel>>,
    /// Bytes of tunnels that have ended.
    ended: Bytes,
}

/// Bytes of tunnels, with what yamux adds to those of their streams.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bytes {
    /// From clients.
    pub(super) received: u64,
    /// To clients.
    pub(super) sent: u64,
}

/// An open tunnel.
#[derive(Debug)]
pub(super) struct OpenTunnel {
    /// Identifies it in the log and to its operator.
    pub(super) number: u64,
    pub(super) client: SocketAddr,
    /// For whom it counts.
    pub(super) account: Account,
    /// Whose quota its bytes use up.
    pub(super) quota_account: QuotaAccount,
    received: AtomicU64,
    sent: AtomicU64,
    /// The bytes that were counted for the account.
    counted: AtomicU64,
    /// Set once the quota is used up.
    pub(super) cut: Cut,
    /// Cancelled once the operator closes it, or its user may not use the bridge any more.
    pub(super) kicked: CancellationToken,
    /// Set then if it is not the operator who closes this tunnel: a label.
    pub(super) why_closed: OnceLock<&'static str>,
    pub(super) tunnel: OnceLock<Weak<Tunnel>>,
}

/// An open tunnel's entry. Dropped, it writes the tunnel's line in the log.
pub(super) struct Entry {
    shared: Arc<Shared>,
    pub(super) open: Arc<OpenTunnel>,
    since: Instant,
    /// Why the tunnel ends.
    pub(super) outcome: &'static str,
    /// The error, if it failed.
    pub(super) error: Option<String>,
}

impl Entry {
    /// Enters a tunnel that is open from now on.
    pub(super) fn new(shared: Arc<Shared>, client: SocketAddr, account: Account) -> Self {
        let mut all = shared.open_tunnels.lock();
        all.last_number += 1;
        let open = Arc::new(OpenTunnel {
            number: all.last_number,
            client,
            quota_account: quota_account(&account, client.ip()),
            account,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            counted: AtomicU64::new(0),
            cut: Cut::default(),
            kicked: CancellationToken::new(),
            why_closed: OnceLock::new(),
            tunnel: OnceLock::new(),
        });
        all.by_number.insert(open.number, Arc::clone(&open));
        drop(all);
        Self { shared, open, since: Instant::now(), outcome: "dropped", error: None }
    }
}

impl OpenTunnels {
    /// Returns the open tunnels.
    pub(super) fn open(&self) -> Vec<Arc<OpenTunnel>> {
        self.lock().by_number.values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the open tunnels and the bytes of all tunnels so far.
    pub(super) fn all(&self) -> (Vec<Arc<OpenTunnel>>, Bytes) {
        let all = self.lock();
        let open: Vec<_> = all.by_number.values().cloned().collect();
        let bytes = open.iter().fold(all.ended, |sum, tunnel| sum.plus(tunnel.bytes()));
        (open, bytes)
    }
}

impl OpenTunnel {
    fn bytes(&self) -> Bytes {
        let (received, sent) = (&self.received, &self.sent);
        Bytes { received: received.load(Ordering::Relaxed), sent: sent.load(Ordering::Relaxed) }
    }

    /// Returns the bytes carried that this has not returned before, to whomever.
    pub(super) fn take_uncounted(&self) -> u64 {
        let Bytes { received, sent } = self.bytes();
        let bytes = received + sent;
        bytes.saturating_sub(self.counted.fetch_max(bytes, Ordering::Relaxed))
    }
}

impl Bytes {
    fn plus(self, other: Self) -> Self {
        Self { received: self.received + other.received, sent: self.sent + other.sent }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.shared.count(&self.open);
        let bytes = self.open.bytes();
        let mut all = self.shared.open_tunnels.lock();
        all.by_number.remove(&self.open.number);
        all.ended = all.ended.plus(bytes);
        drop(all);
        info!(
            target: log_line::TUNNEL,
            parent: None,
            id = self.open.number,
            address = %self.open.client,
            user = self.open.account.user().map(UserName::as_str),
            outcome = self.outcome,
            error = self.error,
            received = bytes.received,
            sent = bytes.sent,
            seconds = seconds(self.since.elapsed()),
            "tunnel"
        );
    }
}

/// A tunnel's socket, whose bytes are counted. Each tunnel has counts of its own, so that tunnels on several
/// processors do not contend for one.
pub(super) struct Counted<S> {
    socket: S,
    open: Arc<OpenTunnel>,
    shared: Arc<Shared>,
    /// Bytes that are not counted for the account.
    uncounted: usize,
}

impl<S> Counted<S> {
    pub(super) fn new(socket: S, entry: &Entry) -> Self {
        let (open, shared) = (Arc::clone(&entry.open), Arc::clone(&entry.shared));
        Self { socket, open, shared, uncounted: 0 }
    }

    fn carried(&mut self, bytes: usize) {
        self.uncounted += bytes;
        if self.uncounted >= COUNTED_AT_ONCE {
            self.uncounted = 0;
            self.shared.count(&self.open);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        let read = buf.filled().len() - before;
        self.open.received.fetch_add(read as u64, Ordering::Relaxed);
        self.carried(read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, buf))?;
        self.open.sent.fetch_add(written as u64, Ordering::Relaxed);
        self.carried(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
