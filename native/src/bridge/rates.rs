//! How fast bytes go.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use xcher_core::addr::counted_as;

use crate::net::rate_budget::RateBudget;

/// The most bytes a second, both ways together; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Of one tunnel.
    pub tunnel: Option<NonZeroU64>,
    /// Of all tunnels of one IPv4 address or one IPv6 /64.
    pub address: Option<NonZeroU64>,
    /// Of all tunnels.
    pub total: Option<NonZeroU64>,
}

/// The rates of a bridge, which change while tunnels are open.
#[derive(Debug)]
pub(super) struct Budgets(Arc<ArcSwap<InForce>>);

/// The rates in force, and what was spent of them.
#[derive(Debug)]
struct InForce {
    rates: Rates,
    total: Option<Arc<RateBudget>>,
    /// Of the addresses that have tunnels.
    addresses: Mutex<HashMap<IpAddr, Weak<RateBudget>>>,
}

impl Budgets {
    pub(super) fn new(rates: Rates) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(InForce::new(rates))))
    }

    /// Applies these rates to all tunnels, from the next bytes of each on.
    pub(super) fn set_rates(&self, rates: Rates) {
        // What was spent of the same rates is not forgotten.
        if self.0.load().rates != rates {
            self.0.store(Arc::new(InForce::new(rates)));
        }
    }

    /// A tunnel of this client, no faster than it may be.
    pub(super) fn limit<S>(&self, socket: S, client: IpAddr) -> Limited<S> {
        let (newest, known) = (Arc::clone(&self.0), self.0.load_full());
        let budgets = known.of_tunnel(client);
        Limited { socket, client, newest, known, budgets, reading: None, writing: None }
    }
}

impl InForce {
    fn new(rates: Rates) -> Self {
        Self { rates, total: rates.total.map(RateBudget::new), addresses: Mutex::default() }
    }

    /// What a tunnel of this client spends from.
    fn of_tunnel(&self, client: IpAddr) -> Vec<Arc<RateBudget>> {
        let tunnel = self.rates.tunnel.map(RateBudget::new);
        let address = self.rates.address.map(|rate| self.of_address(counted_as(client), rate));
        [tunnel, address, self.total.clone()].into_iter().flatten().collect()
    }

    fn of_address(&self, client: IpAddr, rate: NonZeroU64) -> Arc<RateBudget> {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = addresses.get(&client).and_then(Weak::upgrade) {
            return budget;
        }
        addresses.retain(|_, budget| budget.strong_count() > 0);
        let budget = RateBudget::new(rate);
        addresses.insert(client, Arc::downgrade(&budget));
        budget
    }
}

/// A tunnel that is read and written no faster than its budgets allow. Nothing is held back in
/// memory: what may not go yet is neither read nor taken.
pub(super) struct Limited<S> {
    socket: S,
    client: IpAddr,
    newest: Arc<ArcSwap<InForce>>,
    /// Those in force that the budgets are of.
    known: Arc<InForce>,
    budgets: Vec<Arc<RateBudget>>,
    /// Until when nothing is read, or written.
    reading: Option<Pin<Box<Sleep>>>,
    writing: Option<Pin<Box<Sleep>>>,
}

impl<S> Limited<S> {
    fn spend(&mut self, bytes: usize) -> Option<Pin<Box<Sleep>>> {
        let newest = self.newest.load();
        if !Arc::ptr_eq(&newest, &self.known) {
            self.known = Arc::clone(&newest);
            self.budgets = self.known.of_tunnel(self.client);
        }
        let now = Instant::now();
        let spend = |budget: &Arc<RateBudget>| budget.spend(bytes, now.into_std());
        let until = Instant::from_std(self.budgets.iter().map(spend).max()?);
        (until > now).then(|| Box::pin(sleep_until(until)))
    }
}

/// Waits until more may go.
fn poll_turn(turn: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> Poll<()> {
    if let Some(until) = turn {
        ready!(until.as_mut().poll(cx));
        *turn = None;
    }
    Poll::Ready(())
}

impl<S: AsyncRead + Unpin> AsyncRead for Limited<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(poll_turn(&mut self.reading, cx));
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        self.reading = self.spend(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Limited<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(poll_turn(&mut self.writing, cx));
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, buf))?;
        self.writing = self.spend(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
