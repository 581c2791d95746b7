//! Counts what tunnels carry in a month, and cuts those whose quota is used up.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::task::AtomicWaker;
use xcher_core::registry::Account;
use xcher_core::tunnel::{QuotaAccount, QuotaError, Quotas};

use super::Shared;
use super::open_tunnels::OpenTunnel;

/// Bytes that a tunnel carries before they are counted, so that tunnels seldom wait for each other. A tunnel
/// overruns its quota by no more than this and what it has in flight.
pub(super) const COUNTED_AT_ONCE: usize = 256 << 10;

/// The counts of a month and their limits.
#[derive(Debug)]
pub(super) struct QuotaCounts {
    quotas: Mutex<Quotas>,
    /// Streams and visitors that were refused.
    refused: AtomicU64,
}

impl QuotaCounts {
    pub(super) fn new(limits: xcher_core::tunnel::QuotaLimits) -> Self {
        Self { quotas: Mutex::new(Quotas::new(limits, unix_now())), refused: AtomicU64::new(0) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Quotas> {
        self.quotas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the account may use more, and counts a refusal.
    pub(super) fn check(&self, account: &QuotaAccount) -> Result<(), QuotaError> {
        let checked = self.lock().check(account, unix_now());
        if checked.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        checked
    }

    /// Returns how often [`Self::check`] refused.
    #[cfg(feature = "cli")]
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Returns the time in seconds since 1970.
pub(super) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Returns whose quota the bytes of a tunnel use up: its user's if it brought the token of one, else its address's.
pub(super) fn quota_account(account: &Account, client: IpAddr) -> QuotaAccount {
    match account.user() {
        Some(user) => QuotaAccount::User(user.as_str().to_owned()),
        None => QuotaAccount::address(client),
    }
}

impl Shared {
    /// Counts what a tunnel has carried since this was called for it last.
    pub(super) fn count(&self, open: &OpenTunnel) {
        let bytes = open.take_uncounted();
        if bytes == 0 {
            return;
        }
        let spent = self.quotas.lock().spend(&open.quota_account, bytes, unix_now());
        if spent.is_some() {
            self.cut_spent();
        }
    }

    /// Cuts what the tunnels carry whose quota is used up.
    pub(super) fn cut_spent(&self) {
        let open = self.open_tunnels.open();
        let (mut quotas, now) = (self.quotas.lock(), unix_now());
        for open in open {
            if quotas.check(&open.quota_account, now).is_err() {
                open.cut.set();
            }
        }
    }
}

/// Tells a tunnel to cut what it carries.
#[derive(Debug, Default)]
pub(super) struct Cut {
    is_set: AtomicBool,
    waker: AtomicWaker,
}

impl Cut {
    pub(super) fn set(&self) {
        self.is_set.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Returns true once after each [`Self::set`].
    pub(super) fn take(&self, cx: &Context<'_>) -> bool {
        self.waker.register(cx.waker());
        // Most often there is nothing to write.
        self.is_set.load(Ordering::Acquire) && self.is_set.swap(false, Ordering::AcqRel)
    }
}

/// What a tunnel serves: a stream or a visitor. Until its first line is read, and if it is the link to the relay, it
/// costs little and is never cut.
pub(super) struct Served<F> {
    serve: F,
    pub(super) can_be_cut: Arc<AtomicBool>,
}

impl<F> Served<F> {
    pub(super) fn new(serve: F, can_be_cut: Arc<AtomicBool>) -> Self {
        Self { serve, can_be_cut }
    }

    /// Returns true if it stays when the tunnel is cut.
    pub(super) fn stays(&self) -> bool {
        !self.can_be_cut.load(Ordering::Relaxed)
    }
}

impl<F: Future + Unpin> Future for Served<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(&mut self.serve).poll(cx)
    }
}
