//! What the tunnels of a bridge may dial, and who may visit what was allocated to them
//! (sections 10.2 and 10.3): so little that no configuration, and no two clients that work together,
//! make the bridge an open proxy or a public host.

use alloc::collections::{BTreeMap, VecDeque};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::allocation_error::AllocationError;
use crate::addr::{AddrError, Scope, check_dial, check_dial_port, client_prefix, scope};

/// A tunnel of the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelId(u64);

/// The tunnels of one bridge, the listeners allocated to them and the connections they have.
///
/// A driver owns the sockets and knows the addresses of its host: it asks here before it dials, before
/// it listens and before it lets a visitor in.
#[derive(Debug)]
pub struct Allocations {
    limits: AllocationLimits,
    /// Whether the relay is in the same process: then it vouches for where callers are.
    sees_callers: bool,
    tunnels: BTreeMap<TunnelId, Tunnel>,
    listeners: BTreeMap<SocketAddr, Listener>,
    /// Listeners of each client address; see [`client_prefix`].
    by_address: BTreeMap<IpAddr, usize>,
    last_id: u64,
}

/// Bounds on what is allocated.
#[derive(Clone, Copy, Debug)]
pub struct AllocationLimits {
    /// Listeners of one tunnel at a time.
    pub listeners: usize,
    /// Listeners of one IPv4 address or one IPv6 /64 at a time.
    pub listeners_per_address: usize,
}

impl Default for AllocationLimits {
    fn default() -> Self {
        Self { listeners: 64, listeners_per_address: 128 }
    }
}

#[derive(Debug)]
struct Tunnel {
    /// Where its client is, as the bridge sees it. Canonical.
    client: IpAddr,
    /// The client is on the bridge's own host.
    is_local: bool,
    has_nick: bool,
    listeners: usize,
    /// What X_INITs brought and was not dialled, oldest first.
    calls: VecDeque<(SocketAddr, Duration)>,
    /// The other ends of its live connections.
    ends: BTreeMap<End, Count>,
}

/// The other end of a connection of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// A host. Canonical.
    Host(IpAddr),
    /// Another tunnel of this bridge.
    Tunnel(TunnelId),
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    connections: usize,
    /// Those of them to whose other end data connections may be dialled.
    dialable: usize,
}

#[derive(Debug)]
struct Listener {
    owner: TunnelId,
    /// Until when an X_INIT may name it.
    named_by: Duration,
    call: Option<Call>,
}

#[derive(Debug)]
struct Call {
    until: Duration,
    /// Where the relay sees the host that is called; `None` where the bridge does not see that.
    callee: Option<IpAddr>,
}

/// A live connection of a tunnel, or an attempt at one: give it back with [`Allocations::closed`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "its other end stays reachable until it is given back"]
pub struct Lease {
    tunnel: TunnelId,
    end: End,
    dialable: bool,
}

/// How a dial that is allowed is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// By a socket.
    Connect,
    /// In-process, to the listener at that address.
    InProcess,
}

/// Calls remembered for a tunnel at a time; an older one is forgotten for a newer.
const MAX_CALLS: usize = 64;
/// How long a call may be answered, and the caller's listener visited for it.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How soon an X_INIT must name a new listener where no connection needs it.
const NAMING_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a listener is looked at that connections keep.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

impl Allocations {
    /// A bridge without tunnels. `sees_callers` says that the relay is in this process: then
    /// [`Allocations::record_call`] is told only of calls for which the relay vouches.
    pub fn new(limits: AllocationLimits, sees_callers: bool) -> Self {
        Self {
            limits,
            sees_callers,
            tunnels: BTreeMap::new(),
            listeners: BTreeMap::new(),
            by_address: BTreeMap::new(),
            last_id: 0,
        }
    }

    /// A tunnel opened; `is_local` says that its client is on the bridge's own host.
    pub fn open(&mut self, client: IpAddr, is_local: bool) -> TunnelId {
        self.last_id += 1;
        let id = TunnelId(self.last_id);
        let tunnel = Tunnel {
            client: client.to_canonical(),
            is_local,
            has_nick: false,
            listeners: 0,
            calls: VecDeque::new(),
            ends: BTreeMap::new(),
        };
        self.tunnels.insert(id, tunnel);
        id
    }

    /// A tunnel closed. Its listeners are withdrawn.
    pub fn close(&mut self, id: TunnelId) {
        while let Some(at) =
            self.listeners.iter().find(|(_, listener)| listener.owner == id).map(|(at, _)| *at)
        {
            self.withdraw(at);
        }
        self.tunnels.remove(&id);
    }

    /// The relay gave the tunnel's client a nick, or its link to the relay is gone.
    pub fn set_nick(&mut self, id: TunnelId, has_nick: bool) {
        if let Some(tunnel) = self.tunnels.get_mut(&id) {
            tunnel.has_nick = has_nick;
        }
    }

    /// The relay passed an X_INIT on to the tunnel's client.
    pub fn record_call(&mut self, id: TunnelId, to: SocketAddr, now: Duration) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else { return };
        if tunnel.calls.len() >= MAX_CALLS {
            tunnel.calls.pop_front();
        }
        tunnel.calls.push_back((to, now));
    }

    /// An X_INIT of the tunnel's client named a listener of the tunnel. Only the first one counts.
    /// `callee` is where the relay sees the host that is called, if the bridge sees that.
    pub fn record_naming(
        &mut self,
        id: TunnelId,
        at: SocketAddr,
        callee: Option<IpAddr>,
        now: Duration,
    ) {
        let Some(listener) = self.listeners.get_mut(&at) else { return };
        if listener.owner == id && listener.call.is_none() && now <= listener.named_by {
            let callee = callee.map(|ip| ip.to_canonical());
            listener.call = Some(Call { until: now.saturating_add(CALL_TIMEOUT), callee });
        }
    }

    /// Whether the tunnel may have one more listener now: it needs a nick, by which to call, or a
    /// live connection, for whose data it is.
    ///
    /// # Errors
    ///
    /// [`AllocationError`]; nothing is allocated.
    pub fn check_listen(&self, id: TunnelId) -> Result<(), AllocationError> {
        let tunnel = self.tunnels.get(&id).ok_or(AllocationError::NoNick)?;
        if !tunnel.has_nick && tunnel.ends.is_empty() {
            return Err(AllocationError::NoNick);
        }
        let of_address = self.by_address.get(&client_prefix(tunnel.client)).copied();
        if tunnel.listeners >= self.limits.listeners
            || of_address.unwrap_or_default() >= self.limits.listeners_per_address
        {
            return Err(AllocationError::TooManyListeners);
        }
        Ok(())
    }

    /// The driver listens for the tunnel at this address.
    ///
    /// # Errors
    ///
    /// As [`Allocations::check_listen`].
    pub fn allocate(
        &mut self,
        id: TunnelId,
        at: SocketAddr,
        now: Duration,
    ) -> Result<(), AllocationError> {
        self.check_listen(id)?;
        self.withdraw(at);
        let Some(tunnel) = self.tunnels.get_mut(&id) else { return Ok(()) };
        tunnel.listeners += 1;
        *self.by_address.entry(client_prefix(tunnel.client)).or_default() += 1;
        let named_by = now.saturating_add(NAMING_TIMEOUT);
        self.listeners.insert(at, Listener { owner: id, named_by, call: None });
        Ok(())
    }

    /// When to look at a listener again; `None` where it is to be withdrawn now, because no X_INIT
    /// named it in time, or its call is over, and no connection of its tunnel needs it.
    pub fn next_check(&self, at: SocketAddr, now: Duration) -> Option<Duration> {
        let listener = self.listeners.get(&at)?;
        let call = listener.call.as_ref().map_or(listener.named_by, |call| call.until);
        if now <= call {
            return Some(call.saturating_add(Duration::from_millis(1)));
        }
        let tunnel = self.tunnels.get(&listener.owner)?;
        (!tunnel.ends.is_empty()).then(|| now.saturating_add(CHECK_INTERVAL))
    }

    /// The driver listens there no longer.
    pub fn withdraw(&mut self, at: SocketAddr) {
        let Some(listener) = self.listeners.remove(&at) else { return };
        let Some(tunnel) = self.tunnels.get_mut(&listener.owner) else { return };
        tunnel.listeners -= 1;
        let counted = client_prefix(tunnel.client);
        if let Some(count) = self.by_address.get_mut(&counted) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&counted);
            }
        }
    }

    /// Whether the tunnel's client may be connected to `to` now, and how. `is_own` says that `to` is
    /// an address of the bridge's own host.
    ///
    /// The lease is for the connection, or for the attempt that fails.
    ///
    /// # Errors
    ///
    /// [`AllocationError`]; nothing is dialled.
    pub fn dial(
        &mut self,
        id: TunnelId,
        to: SocketAddr,
        is_own: bool,
        now: Duration,
    ) -> Result<(Route, Lease), AllocationError> {
        check_dial_port(to.port()).map_err(AllocationError::Address)?;
        let not_called = AllocationError::NoCall(to);
        let sees_callers = self.sees_callers;
        let Some(tunnel) = self.tunnels.get_mut(&id) else { return Err(not_called) };
        tunnel.calls.retain(|(_, at)| now.saturating_sub(*at) <= CALL_TIMEOUT);
        let call = tunnel.calls.iter().position(|(called, _)| *called == to);
        let (route, end) = match self.listeners.get(&to) {
            Some(listener) => {
                let end = End::Tunnel(listener.owner);
                if call.is_none() && !tunnel.ends.contains_key(&end) {
                    return Err(not_called);
                }
                if !self.admits(to, End::Tunnel(id), now) {
                    return Err(AllocationError::NotExpected(to));
                }
                (Route::InProcess, end)
            }
            None => {
                let end = End::Host(to.ip());
                let reaches = tunnel.ends.get(&end).is_some_and(|count| count.dialable > 0);
                if call.is_none() && !reaches {
                    return Err(not_called);
                }
                // A bridge of a relay elsewhere appears there as its own host, and so do its clients.
                if is_own && !(tunnel.is_local && sees_callers) {
                    return Err(AllocationError::NotAllocated(to));
                }
                check_dial(to.ip(), to.port(), tunnel.client, false)
                    .map_err(AllocationError::Address)?;
                if !sees_callers && scope(to.ip()) != Scope::Global {
                    return Err(AllocationError::Address(AddrError::PrivateAddress(to.ip())));
                }
                (Route::Connect, end)
            }
        };
        let Some(tunnel) = self.tunnels.get_mut(&id) else { return Err(not_called) };
        if let Some(call) = call {
            tunnel.calls.remove(call);
        }
        Ok((route, tunnel.lease(id, end, true)))
    }

    /// Lets in a visitor who came to a listener over a socket. `is_own` says that `from` is an address
    /// of the bridge's own host.
    ///
    /// # Errors
    ///
    /// [`AllocationError::NotExpected`]: the connection is to be closed.
    pub fn accept_socket(
        &mut self,
        at: SocketAddr,
        from: IpAddr,
        is_own: bool,
        now: Duration,
    ) -> Result<Lease, AllocationError> {
        let from = from.to_canonical();
        let dialable = self.is_dialable(at, from, is_own);
        self.admit(at, End::Host(from), dialable, now)
    }

    /// Lets in a visitor who came to a listener from another tunnel of this bridge.
    ///
    /// # Errors
    ///
    /// [`AllocationError::NotExpected`]: the connection is to be closed.
    pub fn accept_tunnel(
        &mut self,
        at: SocketAddr,
        from: TunnelId,
        now: Duration,
    ) -> Result<Lease, AllocationError> {
        self.admit(at, End::Tunnel(from), true, now)
    }

    /// A connection that was dialled or accepted is gone.
    pub fn closed(&mut self, lease: Lease) {
        let Some(tunnel) = self.tunnels.get_mut(&lease.tunnel) else { return };
        if let Some(count) = tunnel.ends.get_mut(&lease.end) {
            count.connections -= 1;
            count.dialable -= usize::from(lease.dialable);
            if count.connections == 0 {
                tunnel.ends.remove(&lease.end);
            }
        }
    }

    fn admit(
        &mut self,
        at: SocketAddr,
        end: End,
        dialable: bool,
        now: Duration,
    ) -> Result<Lease, AllocationError> {
        if !self.admits(at, end, now) {
            return Err(AllocationError::NotExpected(at));
        }
        let owner = self.listeners.get(&at).map(|listener| listener.owner);
        owner
            .and_then(|id| Some(self.tunnels.get_mut(&id)?.lease(id, end, dialable)))
            .ok_or(AllocationError::NotExpected(at))
    }

    /// Whether a listener takes a visitor: for the call that named it, or for data of a session with
    /// that visitor.
    fn admits(&self, at: SocketAddr, end: End, now: Duration) -> bool {
        let Some(listener) = self.listeners.get(&at) else { return false };
        listener.call.as_ref().is_some_and(|call| now <= call.until)
            || self.tunnels.get(&listener.owner).is_some_and(|owner| owner.ends.contains_key(&end))
    }

    /// Whether a visitor of this address shows that a session goes there: one in a private network that
    /// is not the host that was called may have been sent by someone, as a page sends a browser. The
    /// bridge's own addresses are for clients on its host alone, who reach them anyway.
    fn is_dialable(&self, at: SocketAddr, from: IpAddr, is_own: bool) -> bool {
        let Some(listener) = self.listeners.get(&at) else { return false };
        let owner = self.tunnels.get(&listener.owner);
        let known = owner.and_then(|owner| owner.ends.get(&End::Host(from)));
        let callee = listener.call.as_ref().and_then(|call| call.callee);
        known.is_some_and(|count| count.dialable > 0)
            || callee == Some(from)
            || is_own
            || scope(from) == Scope::Global
    }
}

impl Tunnel {
    fn lease(&mut self, id: TunnelId, end: End, dialable: bool) -> Lease {
        let count = self.ends.entry(end).or_default();
        count.connections += 1;
        count.dialable += usize::from(dialable);
        Lease { tunnel: id, end, dialable }
    }
}
