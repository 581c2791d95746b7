//! What a tunnel may dial: so little that no configuration makes the bridge an open proxy
//! (section 10.3).

use alloc::collections::{BTreeMap, VecDeque};
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use crate::addr::{AddrFault, may_dial, may_dial_port};

/// The dials that one tunnel is allowed.
///
/// Two kinds: one control connection to each address that an X_INIT brought to this tunnel's nick,
/// within a minute; and data connections, to the address at the other end of a connection that this
/// tunnel dialled or accepted, while that connection lives.
#[derive(Debug)]
pub struct Gate {
    /// Where the tunnel's client is, as the bridge sees it.
    client: IpAddr,
    /// What X_INITs brought and was not dialled, oldest first.
    calls: VecDeque<(SocketAddr, Duration)>,
    /// The other ends of the connections that live, and how many each.
    peers: BTreeMap<IpAddr, usize>,
}

/// A connection's claim on its other end's address: give it back with [`Gate::closed`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an address stays open until it is given back"]
pub struct Lease(IpAddr);

impl Lease {
    /// The address at the other end.
    pub fn peer(&self) -> IpAddr {
        self.0
    }
}

/// Calls remembered at a time; an older one is forgotten for a newer.
const CALLS: usize = 64;
/// How long a call may be answered.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Why a dial was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateFault {
    /// No X_INIT named this address, or it was dialled already, or too late; and no connection of
    /// this tunnel's goes there.
    NotCalled(SocketAddr),
    /// Nobody may be connected to this address or port.
    Address(AddrFault),
}

impl fmt::Display for GateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCalled(to) => {
                write!(
                    f,
                    "expected an address that an X_INIT brought or a session goes to, got {to}"
                )
            }
            Self::Address(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for GateFault {}

impl Gate {
    /// A tunnel of a client at this address, to which nothing is open.
    pub fn new(client: IpAddr) -> Self {
        let client = client.to_canonical();
        Self { client, calls: VecDeque::new(), peers: BTreeMap::new() }
    }

    /// The relay passed an X_INIT on to this tunnel's client.
    pub fn called(&mut self, to: SocketAddr, now: Duration) {
        if self.calls.len() >= CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back((to, now));
    }

    /// Whether the client may be connected to `to` now. `own` says that a listener of this bridge is
    /// there: it is joined without a dial, so how far its address reaches does not matter.
    ///
    /// The lease is for the connection, or for the attempt that fails.
    ///
    /// # Errors
    ///
    /// [`GateFault`]; nothing is dialled.
    pub fn dial(&mut self, to: SocketAddr, own: bool, now: Duration) -> Result<Lease, GateFault> {
        may_dial_port(to.port()).map_err(GateFault::Address)?;
        self.calls.retain(|(_, at)| now.saturating_sub(*at) <= ANSWER_WITHIN);
        let call = self.calls.iter().position(|(called, _)| *called == to);
        if call.is_none() && !self.peers.contains_key(&to.ip()) {
            return Err(GateFault::NotCalled(to));
        }
        if !own {
            may_dial(to.ip(), to.port(), self.client, false).map_err(GateFault::Address)?;
        }
        if let Some(call) = call {
            self.calls.remove(call);
        }
        Ok(self.lease(to.ip()))
    }

    /// Someone connected to a listener of this tunnel's.
    pub fn accepted(&mut self, from: SocketAddr) -> Lease {
        self.lease(from.ip())
    }

    /// A connection that was dialled or accepted is gone.
    pub fn closed(&mut self, lease: Lease) {
        if let Some(count) = self.peers.get_mut(&lease.0) {
            *count -= 1;
            if *count == 0 {
                self.peers.remove(&lease.0);
            }
        }
    }

    fn lease(&mut self, ip: IpAddr) -> Lease {
        let ip = ip.to_canonical();
        *self.peers.entry(ip).or_default() += 1;
        Lease(ip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect(text)
    }

    const NOW: Duration = Duration::from_secs(1000);

    fn gate() -> Gate {
        Gate::new("9.9.9.9".parse().expect("an address"))
    }

    #[test]
    fn a_dial_that_no_x_init_brought_is_refused() {
        let mut gate = gate();
        gate.called(at("8.8.8.8:40000"), NOW);
        for to in ["8.8.8.8:40001", "8.8.4.4:40000"] {
            assert_eq!(gate.dial(at(to), false, NOW), Err(GateFault::NotCalled(at(to))));
        }
        assert!(gate.dial(at("8.8.8.8:40000"), false, NOW).is_ok());
    }

    #[test]
    fn a_call_is_dialled_once_and_in_time() {
        let mut gate = gate();
        let to = at("8.8.8.8:40000");
        gate.called(to, NOW);
        let lease = gate.dial(to, false, NOW).expect("called");
        gate.closed(lease);
        assert_eq!(gate.dial(to, false, NOW), Err(GateFault::NotCalled(to)));
        gate.called(to, NOW);
        let late = NOW + ANSWER_WITHIN + Duration::from_secs(1);
        assert_eq!(gate.dial(to, false, late), Err(GateFault::NotCalled(to)));
    }

    #[test]
    fn data_goes_where_a_session_goes_and_only_while_it_lives() {
        let mut gate = gate();
        gate.called(at("8.8.8.8:40000"), NOW);
        let control = gate.dial(at("8.8.8.8:40000"), false, NOW).expect("called");
        let data = gate.dial(at("8.8.8.8:50000"), false, NOW).expect("a session goes there");
        let port = Err(GateFault::Address(AddrFault::LowPort(80)));
        assert_eq!(gate.dial(at("8.8.8.8:80"), false, NOW), port);
        gate.closed(data);
        assert!(gate.dial(at("8.8.8.8:50001"), false, NOW).map(|data| gate.closed(data)).is_ok());
        gate.closed(control);
        let to = at("8.8.8.8:50002");
        assert_eq!(gate.dial(to, false, NOW), Err(GateFault::NotCalled(to)));
    }

    #[test]
    fn data_goes_back_to_who_connected() {
        let mut gate = gate();
        let control = gate.accepted(at("[::ffff:8.8.8.8]:50000"));
        let data = gate.dial(at("8.8.8.8:50001"), false, NOW).expect("a session comes from there");
        gate.closed(control);
        gate.closed(data);
        assert!(gate.dial(at("8.8.8.8:50001"), false, NOW).is_err());
    }

    #[test]
    fn near_addresses_are_for_near_clients() {
        let near = ["127.0.0.1:4000", "10.0.0.1:4000", "169.254.169.254:4000", "[::1]:4000"];
        let mut far = gate();
        for to in near {
            far.called(at(to), NOW);
            let refused = GateFault::Address(AddrFault::TooNear(at(to).ip()));
            assert_eq!(far.dial(at(to), false, NOW), Err(refused), "{to}");
        }
        assert!(
            far.dial(at("127.0.0.1:4000"), true, NOW).is_ok(),
            "a listener of the bridge's own"
        );
        let mut here = Gate::new("127.0.0.1".parse().expect("an address"));
        for (to, may) in near.into_iter().zip([true, true, false, false]) {
            here.called(at(to), NOW);
            assert_eq!(here.dial(at(to), false, NOW).is_ok(), may || to == "[::1]:4000", "{to}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut gate = gate();
        for port in 2000..4000 {
            gate.called(SocketAddr::new("8.8.8.8".parse().expect("an address"), port), NOW);
        }
        assert_eq!(gate.calls.len(), CALLS);
        assert!(gate.dial(at("8.8.8.8:3999"), false, NOW).is_ok());
        assert!(gate.dial(at("8.8.8.8:2000"), false, NOW).is_ok(), "a session goes there by now");
    }
}
