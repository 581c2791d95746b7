//! The bridge: lends a tunnel's client TCP sockets, by the rules of [`xcher_core::tunnel`].
//!
//! It never reads what it carries, but for one thing: where the relay is elsewhere, the nick and the
//! X_INITs on a client's link to it say what the client may dial and who may visit it.

mod listener;
mod own_address;
mod rates;
mod relay_link;
mod tunnel;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::Instant;
use xcher_core::tunnel::{AllocationLimits, Allocations, TunnelId};

use rates::Budgets;
pub use rates::Rates;
pub use relay_link::Home;

use crate::tunnel::Endpoint;

/// How a bridge lends.
#[derive(Clone, Debug)]
pub struct BridgeConfig {
    /// The address that its listeners are reached at: what X_INITs of its clients name. `None` is the
    /// one that a client itself reached the bridge at.
    pub public_ip: Option<IpAddr>,
    /// Where its listeners listen.
    pub listen_ip: IpAddr,
    /// The ports they may have; the system chooses where this is `None`.
    pub ports: Option<RangeInclusive<u16>>,
    /// Listeners of one tunnel, and of one client address.
    pub limits: AllocationLimits,
    /// How fast bytes go.
    pub rates: Rates,
}

impl BridgeConfig {
    /// A bridge that listens at this address, on ports that the system chooses.
    pub fn at(ip: IpAddr) -> Self {
        let (limits, rates) = (AllocationLimits::default(), Rates::default());
        Self { public_ip: None, listen_ip: ip, ports: None, limits, rates }
    }
}

/// A bridge and all that its tunnels have in common.
#[derive(Clone)]
pub struct Bridge(Arc<Shared>);

struct Shared {
    home: Home,
    config: BridgeConfig,
    /// The listeners of all tunnels: a dial to one of them is joined here, without a socket.
    lent: Mutex<HashMap<SocketAddr, mpsc::Sender<Visitor>>>,
    /// What each tunnel may do. Held only for the question: the relay asks while it holds its own.
    allocations: Mutex<Allocations>,
    budgets: Budgets,
    start: Instant,
}

/// Someone who came to a listener.
struct Visitor {
    from: SocketAddr,
    /// Another tunnel of this bridge, where it is one.
    tunnel: Option<TunnelId>,
    /// How they came.
    endpoint: Endpoint,
}

impl Bridge {
    /// A bridge whose tunnels reach this relay.
    pub fn new(home: impl Into<Home>, config: BridgeConfig) -> Self {
        let home = home.into();
        let allocations = Allocations::new(config.limits, matches!(home, Home::Here(_)));
        let (allocations, budgets) = (Mutex::new(allocations), Budgets::new(config.rates));
        let (lent, start) = (Mutex::default(), Instant::now());
        Self(Arc::new(Shared { home, config, lent, allocations, budgets, start }))
    }

    /// Applies these rates from now on, to the tunnels that are open too.
    pub fn set_rates(&self, rates: Rates) {
        self.0.budgets.set_rates(rates);
    }

    /// Serves one tunnel to its end. `client` is where its client really is, `reached_at` the address
    /// of this host that it came to. Dropped, it closes all that the tunnel has, at once.
    pub async fn serve<S>(&self, socket: S, client: SocketAddr, reached_at: IpAddr)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let public_ip = self.0.config.public_ip.unwrap_or(reached_at);
        let socket = self.0.budgets.limit(socket, client.ip());
        tunnel::serve(Arc::clone(&self.0), socket, client, public_ip).await;
    }
}

impl Shared {
    fn lent(&self) -> std::sync::MutexGuard<'_, HashMap<SocketAddr, mpsc::Sender<Visitor>>> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn allocations(&self) -> std::sync::MutexGuard<'_, Allocations> {
        self.allocations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time that [`Allocations`] counts.
    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}
