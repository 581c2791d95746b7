//! What the operator of a bridge sees and does.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use xcher_core::registry::{Account, ConnId};
use xcher_core::tunnel::{Month, QuotaAccount, QuotaLimits};

use super::Bridge;
use super::counts::StreamOutcome;
use super::open_tunnels::OpenTunnel;
use super::quotas::unix_now;

/// The state of a bridge at one moment.
#[derive(Clone, Debug)]
pub(crate) struct BridgeState {
    /// Open tunnels.
    pub(crate) tunnels: usize,
    /// Open streams, visitors included.
    pub(crate) streams: usize,
    /// Allocated ports.
    pub(crate) ports: usize,
    /// Bytes of tunnels received from clients so far.
    pub(crate) received: u64,
    /// Bytes of tunnels sent to clients so far.
    pub(crate) sent: u64,
    /// What became of streams so far, in the order of [`StreamOutcome::ALL`].
    pub(crate) outcomes: [u64; StreamOutcome::ALL.len()],
}

/// What the tunnels of a bridge have carried in a month.
#[derive(Clone, Debug)]
pub(crate) struct QuotaState {
    pub(crate) month: Month,
    /// Bytes of all tunnels.
    pub(crate) bytes: u64,
    /// Their limit.
    pub(crate) limit: Option<u64>,
    /// True if anything has a limit.
    pub(crate) is_limited: bool,
    /// Streams and visitors that were refused since the start.
    pub(crate) refused: u64,
}

/// What an account has carried in a month.
#[derive(Clone, Debug)]
pub(crate) struct AccountState {
    pub(crate) account: QuotaAccount,
    pub(crate) bytes: u64,
    pub(crate) limit: Option<u64>,
}

impl Bridge {
    /// Counts what the open tunnels have carried until now.
    pub(crate) fn count_open(&self) {
        self.0.open_tunnels.open().iter().for_each(|open| self.0.count(open));
    }

    /// Returns what was carried in this month.
    pub(crate) fn quota_state(&self) -> QuotaState {
        self.count_open();
        let mut quotas = self.0.quotas.lock();
        quotas.begin_month(unix_now());
        QuotaState {
            month: quotas.month(),
            bytes: quotas.total(),
            limit: quotas.limits().total,
            is_limited: *quotas.limits() != QuotaLimits::default(),
            refused: self.0.quotas.refused(),
        }
    }

    /// Returns the accounts that carried most in this month, at most this many.
    pub(crate) fn largest_accounts(&self, count: usize) -> Vec<AccountState> {
        self.count_open();
        let mut quotas = self.0.quotas.lock();
        quotas.begin_month(unix_now());
        let largest = quotas.largest(count).into_iter();
        let state =
            |(account, bytes)| AccountState { limit: quotas.quota(&account), account, bytes };
        largest.map(state).collect()
    }

    pub(crate) fn state(&self) -> BridgeState {
        let (open, bytes) = self.0.open_tunnels.all();
        let running = open.iter().filter_map(|open| open.tunnel.get()?.upgrade());
        BridgeState {
            streams: running.map(|tunnel| tunnel.streams_in_use()).sum(),
            tunnels: open.len(),
            ports: self.0.listeners().len(),
            received: bytes.received,
            sent: bytes.sent,
            outcomes: self.0.counts.streams(),
        }
    }

    /// Returns the connection to a relay in this process that the tunnel with this number carries.
    pub(crate) fn link(&self, number: u64) -> Option<ConnId> {
        let (open, _) = self.0.open_tunnels.all();
        open.iter().find(|open| open.number == number).and_then(|open| link(open))
    }

    /// Closes the tunnel with this number. Returns whether there was one.
    pub(crate) fn kick(&self, number: u64) -> bool {
        self.kick_if(|open| open.number == number) > 0
    }

    /// Closes every tunnel of clients in this network, and returns how many.
    pub(crate) fn kick_network(&self, network: IpNet) -> usize {
        self.kick_clients(|ip| network.contains(&ip))
    }

    /// Closes every tunnel whose client's address is one of these, and returns how many.
    pub(crate) fn kick_clients(&self, is_meant: impl Fn(IpAddr) -> bool) -> usize {
        self.kick_if(|open| is_meant(open.client.ip().to_canonical()))
    }

    /// Closes every tunnel of this account, and returns how many.
    pub(crate) fn kick_account(&self, account: &Account) -> usize {
        self.kick_if(|open| open.account == *account)
    }

    /// Closes the tunnels that carry these connections to the relay, and returns how many.
    pub(crate) fn kick_links(&self, links: &[ConnId]) -> usize {
        self.kick_if(|open| link(open).is_some_and(|conn| links.contains(&conn)))
    }

    fn kick_if(&self, is_meant: impl Fn(&OpenTunnel) -> bool) -> usize {
        let (open, _) = self.0.open_tunnels.all();
        let meant: Vec<Arc<OpenTunnel>> = open.into_iter().filter(|open| is_meant(open)).collect();
        meant.iter().for_each(|open| open.kicked.cancel());
        meant.len()
    }
}

/// Returns the connection to a relay in this process that a tunnel carries.
fn link(open: &OpenTunnel) -> Option<ConnId> {
    open.tunnel.get()?.upgrade()?.relay_conn()
}
