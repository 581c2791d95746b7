//! The bridge: allocates TCP ports to tunnels and dials for them, by the rules of
//! [`xcher_core::tunnel`].
//!
//! It does not read the bytes that it forwards, with one exception: if the relay is elsewhere, the
//! bridge reads the nick and the X_INITs on a client's link to it. They decide which addresses the
//! client may dial and which visitors its ports accept.

mod home;
mod listener;
mod own_address;
mod rates;
mod relay_link;
mod tunnel;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::Instant;
use xcher_core::tunnel::{AllocationLimits, Allocations, TunnelId};

pub use home::Home;
use rates::Budgets;
pub use rates::Rates;

use crate::tunnel::Endpoint;

/// The settings of a bridge.
#[derive(Clone, Debug)]
pub struct BridgeConfig {
    /// The address at which peers reach allocated ports, and which X_INITs of the bridge's clients name.
    /// `None` stands for the address at which the client reached the bridge.
    pub public_ip: Option<IpAddr>,
    /// The local address that allocated ports listen on.
    pub listen_ip: IpAddr,
    /// The range of ports to allocate; `None` leaves the choice to the system.
    pub ports: Option<RangeInclusive<u16>>,
    /// Limits on the listeners of one tunnel and of one client address.
    pub limits: AllocationLimits,
    /// Limits on bytes a second.
    pub rates: Rates,
}

impl BridgeConfig {
    /// Returns the settings of a bridge that listens at this address, on ports that the system chooses.
    pub fn at(ip: IpAddr) -> Self {
        let (limits, rates) = (AllocationLimits::default(), Rates::default());
        Self { public_ip: None, listen_ip: ip, ports: None, limits, rates }
    }
}

/// A bridge and the state that its tunnels share. Clones are the same bridge.
#[derive(Clone)]
pub struct Bridge(Arc<Shared>);

struct Shared {
    home: Home,
    config: BridgeConfig,
    /// The listeners of all tunnels. A dial to one of them is connected in-process, without a socket.
    listeners: Mutex<HashMap<SocketAddr, mpsc::Sender<Visitor>>>,
    /// The permissions of each tunnel. Locked for one question at a time: the relay asks while it holds
    /// its own lock.
    allocations: Mutex<Allocations>,
    budgets: Budgets,
    start: Instant,
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
        let (listeners, start) = (Mutex::default(), Instant::now());
        Self(Arc::new(Shared { home, config, listeners, allocations, budgets, start }))
    }

    /// Applies these rates from now on, to open tunnels too.
    pub fn set_rates(&self, rates: Rates) {
        self.0.budgets.set_rates(rates);
    }

    /// Serves one tunnel to its end. `client` is the client's real address, `reached_at` the address of
    /// this machine that it connected to. Dropping the future closes everything the tunnel has.
    pub async fn serve<S>(&self, socket: S, client: SocketAddr, reached_at: IpAddr)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let public_ip = self.0.config.public_ip.unwrap_or(reached_at);
        // Boxed, because a future keeps what was moved out of it.
        let socket = Box::new(self.0.budgets.limit(socket, client.ip()));
        tunnel::serve(Arc::clone(&self.0), socket, client, public_ip).await;
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
