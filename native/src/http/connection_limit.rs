//! Limits connections, in total and for each client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use xcher_core::addr::client_prefix;

/// A limit on tunnels or connections.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    total: usize,
    per_address: usize,
    open: Mutex<OpenCount>,
}

#[derive(Debug, Default)]
struct OpenCount {
    total: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// A permit for one connection, returned on drop.
#[derive(Debug)]
pub(super) struct Permit {
    limit: Arc<ConnectionLimit>,
    client: Option<IpAddr>,
}

/// The limit that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Total,
    PerAddress,
}

impl ConnectionLimit {
    pub(super) fn new(total: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self { total, per_address, open: Mutex::default() })
    }

    /// Returns a permit for a client. Without an address (for a trusted proxy, which has many clients) only
    /// the total counts.
    pub(super) fn acquire(self: &Arc<Self>, client: Option<IpAddr>) -> Result<Permit, Full> {
        let client = client.map(client_prefix);
        let mut open = self.open();
        if open.total >= self.total {
            return Err(Full::Total);
        }
        if let Some(client) = client {
            let own = open.by_client.get(&client).copied().unwrap_or_default();
            if own >= self.per_address {
                return Err(Full::PerAddress);
            }
            *open.by_client.entry(client).or_default() += 1;
        }
        open.total += 1;
        drop(open);
        Ok(Permit { limit: Arc::clone(self), client })
    }

    fn open(&self) -> MutexGuard<'_, OpenCount> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.limit.open();
        open.total -= 1;
        let Some(client) = self.client else { return };
        if let Some(own) = open.by_client.get_mut(&client) {
            *own -= 1;
            if *own == 0 {
                open.by_client.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_dropped_permit_can_be_acquired_again() {
        let limit = ConnectionLimit::new(3, 2);
        let first = limit.acquire(ip("192.0.2.1")).unwrap();
        let _second = limit.acquire(ip("::ffff:192.0.2.1")).unwrap();
        assert_eq!(limit.acquire(ip("192.0.2.1")).unwrap_err(), Full::PerAddress);
        let _third = limit.acquire(ip("192.0.2.2")).unwrap();
        assert_eq!(limit.acquire(ip("192.0.2.3")).unwrap_err(), Full::Total);
        drop(first);
        let again = limit.acquire(ip("192.0.2.1")).unwrap();
        drop(again);
        assert_eq!(limit.open().by_client.len(), 2);
        assert_eq!(limit.open().total, 2);
    }

    #[test]
    fn an_ipv6_client_is_its_64_bit_prefix() {
        let limit = ConnectionLimit::new(9, 1);
        let _first = limit.acquire(ip("2001:db8:0:1::1")).unwrap();
        assert_eq!(limit.acquire(ip("2001:db8:0:1:ffff::9")).unwrap_err(), Full::PerAddress);
        let _other = limit.acquire(ip("2001:db8:0:2::1")).unwrap();
    }
}
