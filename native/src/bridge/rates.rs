//! Limits a tunnel's bytes a second.

use std::collections::HashMap;
use std::hash::Hash;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use xcher_core::addr::client_prefix;
use xcher_core::registry::{Account, Users};

use crate::net::rate_budget::RateBudget;

/// Limits in bytes a second, both directions together; `None` means unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// For one tunnel.
    pub tunnel: Option<NonZeroU64>,
    /// For all tunnels of one IPv4 address or one IPv6 /64.
    pub address: Option<NonZeroU64>,
    /// For all tunnels.
    pub total: Option<NonZeroU64>,
}

/// The rates of a bridge, which can change while tunnels are open.
#[derive(Debug)]
pub(super) struct Budgets(Arc<ArcSwap<InForce>>);

/// The rates in force and the bytes spent of them.
#[derive(Debug)]
struct InForce {
    rates: Rates,
    users: Option<Arc<Users>>,
    total: Option<Arc<RateBudget>>,
    /// The budgets of addresses that have tunnels.
    addresses: Mutex<HashMap<IpAddr, Weak<RateBudget>>>,
    /// Likewise of accounts.
    accounts: Mutex<HashMap<Account, Weak<RateBudget>>>,
}

impl Budgets {
    pub(super) fn new(rates: Rates) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(InForce::new(rates, None))))
    }

    /// Applies these rates to all tunnels, from their next bytes on.
    pub(super) fn set_rates(&self, rates: Rates) {
        // Unchanged rates keep the count of bytes spent.
        let current = self.0.load_full();
        if current.rates != rates {
            self.0.store(Arc::new(InForce::new(rates, current.users.clone())));
        }
    }

    /// Applies the rates of these users, likewise.
    pub(super) fn set_users(&self, users: Option<Arc<Users>>) {
        let current = self.0.load_full();
        if current.users != users {
            self.0.store(Arc::new(InForce::new(current.rates, users)));
        }
    }

    /// Returns the users whose rates are in force.
    pub(super) fn users(&self) -> Option<Arc<Users>> {
        self.0.load().users.clone()
    }

    /// Limits a tunnel of this client.
    pub(super) fn limit<S>(&self, socket: S, client: IpAddr, account: Account) -> Limited<S> {
        let (newest, current) = (Arc::clone(&self.0), self.0.load_full());
        let budgets = current.of_tunnel(client, &account);
        let (read_pause, write_pause) = (None, None);
        Limited { socket, client, account, newest, current, budgets, read_pause, write_pause }
    }
}

impl InForce {
    fn new(rates: Rates, users: Option<Arc<Users>>) -> Self {
        let (total, addresses) = (rates.total.map(RateBudget::new), Mutex::default());
        Self { rates, users, total, addresses, accounts: Mutex::default() }
    }

    /// Returns the budgets that a tunnel of this client spends from.
    fn of_tunnel(&self, client: IpAddr, account: &Account) -> Vec<Arc<RateBudget>> {
        let tunnel = self.rates.tunnel.map(RateBudget::new);
        let address = client_prefix(client);
        let address = self.rates.address.map(|rate| shared(&self.addresses, &address, rate));
        let limits = self.users.as_ref().and_then(|users| users.limits(account));
        let user = limits.and_then(|limits| limits.rate);
        let user = user.map(|rate| shared(&self.accounts, account, rate));
        [tunnel, address, user, self.total.clone()].into_iter().flatten().collect()
    }
}

/// Returns the budget of all tunnels with this key.
fn shared<K: Clone + Eq + Hash>(
    all: &Mutex<HashMap<K, Weak<RateBudget>>>,
    key: &K,
    rate: NonZeroU64,
) -> Arc<RateBudget> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(budget) = all.get(key).and_then(Weak::upgrade) {
        return budget;
    }
    all.retain(|_, budget| budget.strong_count() > 0);
    let budget = RateBudget::new(rate);
    all.insert(key.clone(), Arc::downgrade(&budget));
    budget
}

/// A tunnel that is read and written no faster than its budgets allow. Nothing is buffered: bytes that
/// must wait are neither read nor accepted for writing.
pub(super) struct Limited<S> {
    socket: S,
    client: IpAddr,
    account: Account,
    newest: Arc<ArcSwap<InForce>>,
    /// The rates in force that `budgets` were made from.
    current: Arc<InForce>,
    budgets: Vec<Arc<RateBudget>>,
    /// Runs while nothing may be read.
    read_pause: Option<Pin<Box<Sleep>>>,
    /// Runs while nothing may be written.
    write_pause: Option<Pin<Box<Sleep>>>,
}

impl<S> Limited<S> {
    fn spend(&mut self, bytes: usize) -> Option<Pin<Box<Sleep>>> {
        let newest = self.newest.load();
        if !Arc::ptr_eq(&newest, &self.current) {
            self.current = Arc::clone(&newest);
            self.budgets = self.current.of_tunnel(self.client, &self.account);
        }
        let now = Instant::now();
        let spend = |budget: &Arc<RateBudget>| budget.spend(bytes, now.into_std());
        let until = Instant::from_std(self.budgets.iter().map(spend).max()?);
        (until > now).then(|| Box::pin(sleep_until(until)))
    }
}

/// Waits for the end of a pause.
fn poll_pause(pause: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> Poll<()> {
    if let Some(until) = pause {
        ready!(until.as_mut().poll(cx));
        *pause = None;
    }
    Poll::Ready(())
}

impl<S: AsyncRead + Unpin> AsyncRead for Limited<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(poll_pause(&mut self.read_pause, cx));
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        self.read_pause = self.spend(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Limited<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(poll_pause(&mut self.write_pause, cx));
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, buf))?;
        self.write_pause = self.spend(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use xcher_core::registry::{User, UserLimits, UserName};

    use super::*;

    #[test]
    fn tunnels_of_a_user_share_one_budget_wherever_they_come_from() {
        let user = |name, rate| User {
            name: UserName::parse(name).expect(name),
            tokens: Vec::new(),
            limits: UserLimits { rate: NonZeroU64::new(rate), ..UserLimits::default() },
            nicks: Vec::new(),
            is_reserved: false,
        };
        let users = Users::new([user("amy", 1000), user("bob", 1000), user("carol", 0)], None);
        let in_force = InForce::new(Rates::default(), users.ok().map(Arc::new));
        let budgets = |host: u8, name| {
            let account = UserName::parse(name).map(Account::User).expect(name);
            in_force.of_tunnel(IpAddr::from([192, 0, 2, host]), &account)
        };
        let (one, other) = (budgets(1, "amy"), budgets(2, "amy"));
        assert!(one.len() == 1 && Arc::ptr_eq(&one[0], &other[0]));
        assert!(!Arc::ptr_eq(&one[0], &budgets(1, "bob")[0]));
        assert!(budgets(1, "carol").is_empty() && budgets(1, "gone").is_empty());
        assert!(in_force.of_tunnel([192, 0, 2, 1].into(), &Account::Anonymous).is_empty());
    }
}
