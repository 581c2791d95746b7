//! The bridge: allocates TCP ports to tunnels and dials for them, by the rules of
//! [`xcher_core::tunnel`].
//!
//! It does not read the bytes that it forwards, with one exception: if the relay is elsewhere, the
//! bridge reads the nick and the X_INITs on a client's link to it. They decide which addresses the
//! client may dial and which visitors its ports accept.

#[cfg(feature = "cli")]
mod admin;
mod counts;
mod draining;
mod home;
mod listener;
mod open_tunnels;
mod own_address;
#[cfg(feature = "cli")]
mod quota_file;
#[cfg(feature = "cli")]
mod quota_store;
mod quotas;
mod rates;
mod relay_link;
mod tunnel;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::Instant;
use xcher_core::registry::{Account, Users};
use xcher_core::tunnel::{AllocationLimits, Allocations, QuotaError, QuotaLimits, TunnelId};

#[cfg(feature = "cli")]
pub(crate) use admin::{AccountState, BridgeState, QuotaState};
use counts::Counts;
#[cfg(feature = "cli")]
pub(crate) use counts::StreamOutcome;
use draining::Draining;
pub use home::Home;
use open_tunnels::{Counted, Entry, OpenTunnel, OpenTunnels};
#[cfg(feature = "cli")]
pub(crate) use quota_file::read_quota_file;
#[cfg(feature = "cli")]
pub(crate) use quota_store::{QuotaNotice, QuotaStore};
use quotas::QuotaCounts;
use rates::Budgets;
pub use rates::Rates;

use crate::tunnel::Endpoint;

/// The settings of a bridge.
#[derive(Clone, Debug)]
pub struct BridgeConfig {
    /// The address at which peers reach allocated ports, and which X_INITs of the bridge's clients name.
    /// `None` stands for the address at which the client reached the bridge.
    pub public_ip: Option<IpAddr>,
    /// The local address that allocated ports listen on. Without a public address, those of a client that reached
    /// the bridge at an address that this one does not include listen there: a bridge can have several.
    pub listen_ip: IpAddr,
    /// The range of ports to allocate; `None` leaves the choice to the system.
    pub ports: Option<RangeInclusive<u16>>,
    /// Limits on the listeners of one tunnel and of one client address.
    pub limits: AllocationLimits,
    /// Limits on bytes a second.
    pub rates: Rates,
    /// Limits on bytes a month.
    pub quotas: QuotaLimits,
}

impl BridgeConfig {
    /// Returns the settings of a bridge that listens at this address, on ports that the system chooses.
    pub fn at(ip: IpAddr) -> Self {
        let (limits, rates) = (AllocationLimits::default(), Rates::default());
        let quotas = QuotaLimits::default();
        Self { public_ip: None, listen_ip: ip, ports: None, limits, rates, quotas }
    }

    /// Returns the local address for ports that are announced at `announced`.
    fn listens_at(&self, announced: IpAddr) -> IpAddr {
        let includes = match self.listen_ip {
            _ if self.public_ip.is_some() => true,
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => true,
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => announced.is_ipv4(),
            ip => ip.to_canonical() == announced,
        };
        if includes { self.listen_ip } else { announced }
    }
}

/// A bridge and the state that its tunnels share. Clones are the same bridge.
#[derive(Clone)]
pub struct Bridge(Arc<Shared>);

struct Shared {
    home: Home,
    config: ArcSwap<BridgeConfig>,
    /// The listeners of all tunnels. A dial to one of them is connected in-process, without a socket.
    listeners: Mutex<HashMap<SocketAddr, mpsc::Sender<Visitor>>>,
    /// The permissions of each tunnel. Locked for one question at a time: the relay asks while it holds
    /// its own lock.
    allocations: Mutex<Allocations>,
    budgets: Budgets,
    quotas: QuotaCounts,
    open_tunnels: OpenTunnels,
    counts: Counts,
    start: Instant,
    /// Connections that tunnels dialled or accepted and that are not closed.
    carried: AtomicUsize,
    draining: Draining,
}

/// A connection to an allocated port.
struct Visitor {
    from: SocketAddr,
    /// The tunnel that dialled, if it is one of this bridge.
    tunnel: Option<TunnelId>,
    endpoint: Endpoint,
}

impl Bridge {
    /// Creates a bridge whose tunnels reach this relay.
    pub fn new(home: impl Into<Home>, config: BridgeConfig) -> Self {
        let home = home.into();
        let allocations = Allocations::new(config.limits, matches!(home, Home::Here(_)));
        let (allocations, budgets) = (Mutex::new(allocations), Budgets::new(config.rates));
        let quotas = QuotaCounts::new(config.quotas.clone());
        let config = ArcSwap::from_pointee(config);
        let (listeners, start) = (Mutex::default(), Instant::now());
        let (open_tunnels, counts) = (OpenTunnels::default(), Counts::default());
        let (carried, draining) = (AtomicUsize::new(0), Draining::default());
        Self(Arc::new(Shared {
            home,
            config,
            listeners,
            allocations,
            budgets,
            quotas,
            open_tunnels,
            counts,
            start,
            carried,
            draining,
        }))
    }

    /// Tells the clients to move, if their relay is elsewhere: this bridge stops within this time (section 5.9). A
    /// relay in this process tells them itself.
    pub fn drain(&self, within: Duration) {
        self.0.draining.begin(within);
    }

    /// Returns the number of connections through the tunnels: those that clients dialled, and visitors of their
    /// allocated ports. Links to the relay do not count.
    pub fn carried(&self) -> usize {
        self.0.carried.load(Ordering::Relaxed)
    }

    /// Returns true if a bridge that drains has no client to wait for that it could tell to move.
    pub fn is_drained(&self) -> bool {
        self.0.draining.is_over()
    }

    /// Applies these settings from now on: rates and quotas to open tunnels too, ports to those that are allocated next, the
    /// public address to tunnels opened next. The limits stay as they were.
    pub fn set_config(&self, config: BridgeConfig) {
        self.0.budgets.set_rates(config.rates);
        self.set_quotas(&config);
        self.0.config.store(Arc::new(config));
    }

    /// Returns whether a tunnel of this account and client may carry anything in this month.
    ///
    /// # Errors
    ///
    /// [`QuotaError`] if its quota is used up, or that of all tunnels.
    pub fn check_quota(&self, account: &Account, client: IpAddr) -> Result<(), QuotaError> {
        self.0.quotas.check(&quotas::quota_account(account, client))
    }

    /// Applies the rates and quotas of these users to their tunnels, and closes the tunnels of users that are not among them.
    pub fn set_users(&self, users: Option<Arc<Users>>) {
        self.0.budgets.set_users(users.clone());
        self.set_quotas(&self.0.config.load());
        self.0.open_tunnels.open().iter().for_each(|open| close_if_removed(users.as_deref(), open));
    }

    /// Applies the quotas of these settings and of the users.
    fn set_quotas(&self, config: &BridgeConfig) {
        let mut limits = config.quotas.clone();
        if let Some(users) = self.0.budgets.users() {
            let quotas = users.all().iter().filter_map(|user| Some((user, user.limits.quota?)));
            limits.users.extend(quotas.map(|(user, quota)| (user.name.as_str().to_owned(), quota)));
        }
        self.0.quotas.lock().set_limits(limits);
        self.0.cut_spent();
    }

    /// Serves one tunnel to its end. `client` is the client's real address, `reached_at` the address of
    /// this machine that it connected to. Dropping the future closes everything the tunnel has.
    pub async fn serve<S>(&self, socket: S, client: SocketAddr, reached_at: IpAddr)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.serve_as(Account::Anonymous, socket, client, reached_at).await;
    }

    /// As [`Bridge::serve`], for a client that counts for this account: its token was checked.
    pub async fn serve_as<S>(
        &self,
        account: Account,
        socket: S,
        client: SocketAddr,
        reached_at: IpAddr,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let public_ip = self.0.config.load().public_ip.unwrap_or(reached_at);
        let entry = Entry::new(Arc::clone(&self.0), client, account.clone());
        let budgets = &self.0.budgets;
        // It may have been removed since its token was checked.
        close_if_removed(budgets.users().as_deref(), &entry.open);
        let socket = Counted::new(budgets.limit(socket, client.ip(), account), &entry);
        // Boxed, because a future keeps what was moved out of it.
        tunnel::serve(Arc::clone(&self.0), Box::new(socket), entry, public_ip).await;
    }
}

/// Closes a tunnel whose account the users do not have, if there are any users.
fn close_if_removed(users: Option<&Users>, open: &OpenTunnel) {
    if users.is_some_and(|users| users.limits(&open.account).is_none()) {
        // The first reason stays.
        let _ = open.why_closed.set("no_longer_allowed");
        open.kicked.cancel();
    }
}

impl Shared {
    fn listeners(&self) -> MutexGuard<'_, HashMap<SocketAddr, mpsc::Sender<Visitor>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn allocations(&self) -> MutexGuard<'_, Allocations> {
        self.allocations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the time that [`Allocations`] counts in.
    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}
