//! Decides which addresses the tunnels of a bridge may dial and which visitors their listeners may accept
//! (sections 10.2 and 10.3). No configuration and no cooperating clients can turn the bridge into an open
//! proxy or a public host.

use alloc::collections::{BTreeMap, VecDeque};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::allocation_error::AllocationError;
use crate::addr::{AddrError, Scope, check_dial, check_dial_port, client_prefix, scope};

/// A tunnel of the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelId(u64);

/// The tunnels of one bridge, their listeners and their connections.
///
/// The driver owns the sockets and knows the addresses of its host. It consults this type before it dials,
/// listens, or accepts a visitor.
#[derive(Debug)]
pub struct Allocations {
    limits: AllocationLimits,
    /// True if the relay is in the same process and vouches for the addresses of callers.
    sees_callers: bool,
    tunnels: BTreeMap<TunnelId, Tunnel>,
    listeners: BTreeMap<SocketAddr, Listener>,
    /// Listeners by client address; see [`client_prefix`].
    by_address: BTreeMap<IpAddr, usize>,
    last_id: u64,
}

/// Limits on allocations.
#[derive(Clone, Copy, Debug)]
pub struct AllocationLimits {
    /// Concurrent listeners of one tunnel.
    pub listeners: usize,
    /// Concurrent listeners of one IPv4 address or one IPv6 /64.
    pub listeners_per_address: usize,
}

impl Default for AllocationLimits {
    fn default() -> Self {
        Self { listeners: 64, listeners_per_address: 128 }
    }
}

#[derive(Debug)]
struct Tunnel {
    /// The client's address as the bridge sees it. Canonical.
    client: IpAddr,
    /// True if the client is on the bridge's own host.
    is_local: bool,
    has_nick: bool,
    listeners: usize,
    /// Addresses of X_INITs that were not dialled yet, oldest first.
    calls: VecDeque<(SocketAddr, Duration)>,
    /// The remote ends of its live connections.
    ends: BTreeMap<End, Count>,
}

/// The remote end of a tunnel's connection.
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
    /// Connections whose remote end may be dialled for data.
    dialable: usize,
}

#[derive(Debug)]
struct Listener {
    owner: TunnelId,
    /// Time by which an X_INIT must name it.
    named_by: Duration,
    call: Option<Call>,
}

#[derive(Debug)]
struct Call {
    until: Duration,
    /// The callee's address as the relay sees it; `None` if the bridge does not know it.
    callee: Option<IpAddr>,
}

/// A tunnel's live connection or attempt to connect. Return it with [`Allocations::closed`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the remote end stays reachable until the lease is returned"]
pub struct Lease {
    tunnel: TunnelId,
    end: End,
    dialable: bool,
}

/// The route of an allowed dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Connect a socket.
    Connect,
    /// Connect in-process to the listener at the address.
    InProcess,
}

/// Pending calls of a tunnel; a new one replaces the oldest.
const MAX_CALLS: usize = 64;
/// Time in which a call may be answered and the caller's listener visited for it.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Time in which an X_INIT must name a new listener that no connection needs.
const NAMING_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval between checks of a listener that connections keep open.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

impl Allocations {
    /// Creates a bridge without tunnels. `sees_callers` states that the relay is in this process: then
    /// [`record_call`](Self::record_call) receives only calls whose addresses the relay vouches for.
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

    /// Registers a new tunnel. `is_local` states that its client is on the bridge's own host.
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

    /// Removes a closed tunnel and withdraws its listeners.
    pub fn close(&mut self, id: TunnelId) {
        while let Some(at) =
            self.listeners.iter().find(|(_, listener)| listener.owner == id).map(|(at, _)| *at)
        {
            self.withdraw(at);
        }
        self.tunnels.remove(&id);
    }

    /// Records that the tunnel's client has a nick, or that its connection to the relay is closed.
    pub fn set_nick(&mut self, id: TunnelId, has_nick: bool) {
        if let Some(tunnel) = self.tunnels.get_mut(&id) {
            tunnel.has_nick = has_nick;
        }
    }

    /// Records that the relay forwarded an X_INIT with the address `to` to the tunnel's client.
    pub fn record_call(&mut self, id: TunnelId, to: SocketAddr, now: Duration) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else { return };
        if tunnel.calls.len() >= MAX_CALLS {
            tunnel.calls.pop_front();
        }
        tunnel.calls.push_back((to, now));
    }

    /// Records that an X_INIT of the tunnel's client named a listener of the tunnel. Only the first one
    /// counts. `callee` is the callee's address as the relay sees it, if the bridge knows it; it may be told
    /// later, by another report of this naming.
    pub fn record_naming(
        &mut self,
        id: TunnelId,
        at: SocketAddr,
        callee: Option<IpAddr>,
        now: Duration,
    ) {
        let Some(listener) = self.listeners.get_mut(&at) else { return };
        let callee = callee.map(|ip| ip.to_canonical());
        match &mut listener.call {
            _ if listener.owner != id => {}
            Some(call) if call.callee.is_none() && now <= call.until => call.callee = callee,
            Some(_) => {}
            None if now <= listener.named_by => {
                listener.call = Some(Call { until: now.saturating_add(CALL_TIMEOUT), callee });
            }
            None => {}
        }
    }

    /// Checks that the tunnel may have one more listener: it needs a nick, to send an X_INIT, or a live
    /// connection, to receive its data.
    ///
    /// # Errors
    ///
    /// [`AllocationError`].
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

    /// Records that the driver listens for the tunnel at this address.
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

    /// Returns the time of the next check of a listener. `None` means to withdraw it now: no X_INIT named
    /// it in time or its call has expired, and no connection of its tunnel needs it.
    pub fn next_check(&self, at: SocketAddr, now: Duration) -> Option<Duration> {
        let listener = self.listeners.get(&at)?;
        let call = listener.call.as_ref().map_or(listener.named_by, |call| call.until);
        if now <= call {
            return Some(call.saturating_add(Duration::from_millis(1)));
        }
        let tunnel = self.tunnels.get(&listener.owner)?;
        (!tunnel.ends.is_empty()).then(|| now.saturating_add(CHECK_INTERVAL))
    }

    /// Records that the driver no longer listens at this address.
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

    /// Checks that the tunnel's client may be connected to `to` now, and returns the route. `is_own` states
    /// that `to` is an address of the bridge's own host.
    ///
    /// The lease covers the connection, or the attempt if it fails.
    ///
    /// # Errors
    ///
    /// [`AllocationError`]: do not dial.
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
                // At a remote relay the bridge and its clients all appear with the bridge's address.
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

    /// Accepts a visitor that connected to a listener over a socket. `is_own` states that `from` is an
    /// address of the bridge's own host.
    ///
    /// # Errors
    ///
    /// [`AllocationError::NotExpected`]: close the connection.
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

    /// Accepts a visitor from another tunnel of this bridge.
    ///
    /// # Errors
    ///
    /// [`AllocationError::NotExpected`]: close the connection.
    pub fn accept_tunnel(
        &mut self,
        at: SocketAddr,
        from: TunnelId,
        now: Duration,
    ) -> Result<Lease, AllocationError> {
        self.admit(at, End::Tunnel(from), true, now)
    }

    /// Returns the lease of a closed connection.
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

    /// Returns true if a listener accepts a visitor: for the call that named it, or for data of a session
    /// with that visitor.
    fn admits(&self, at: SocketAddr, end: End, now: Duration) -> bool {
        let Some(listener) = self.listeners.get(&at) else { return false };
        listener.call.as_ref().is_some_and(|call| now <= call.until)
            || self.tunnels.get(&listener.owner).is_some_and(|owner| owner.ends.contains_key(&end))
    }

    /// Returns true if a visitor from this address proves a session with it. A visitor in a private network
    /// that is not the callee may have been sent by a third party, as a web page directs a browser. The
    /// bridge's own addresses are dialled only for clients on its host, which can reach them anyway.
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
