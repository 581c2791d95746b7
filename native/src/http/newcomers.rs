//! Limits connections that are not tunnels yet: they may be incomplete requests, or idle.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use xcher_core::addr::client_prefix;

/// The connections that are not tunnels. At the limit, the oldest connection of the address with the most is
/// closed for a new one, so that clients that hold connections open lock out no other client.
#[derive(Debug)]
pub(crate) struct Newcomers {
    max_total: usize,
    max_per_address: usize,
    open: Mutex<OpenConnections>,
}

#[derive(Debug, Default)]
struct OpenConnections {
    count: usize,
    last_number: u64,
    /// Oldest first. Trusted proxies have many clients: they are counted together, without an address.
    by_client: HashMap<Option<IpAddr>, VecDeque<(u64, CancellationToken)>>,
}

/// A connection's entry, removed on drop.
#[derive(Debug)]
pub(crate) struct Newcomer {
    all: Arc<Newcomers>,
    client: Option<IpAddr>,
    number: u64,
    /// Cancelled once the connection must close for another.
    pub(crate) evicted: CancellationToken,
}

impl Newcomers {
    pub(crate) fn new(max_total: usize, max_per_address: usize) -> Arc<Self> {
        Arc::new(Self { max_total, max_per_address, open: Mutex::default() })
    }

    /// Admits a connection of a client, or of a proxy without an address. Returns `None` if its address has
    /// reached its limit.
    pub(crate) fn admit(self: &Arc<Self>, client: Option<IpAddr>) -> Option<Newcomer> {
        let client = client.map(client_prefix);
        let mut open = self.open();
        let own = open.by_client.get(&client).map_or(0, VecDeque::len);
        if client.is_some() && own >= self.max_per_address {
            return None;
        }
        if open.count >= self.max_total {
            open.evict();
        }
        open.last_number += 1;
        open.count += 1;
        let (number, evicted) = (open.last_number, CancellationToken::new());
        open.by_client.entry(client).or_default().push_back((number, evicted.clone()));
        drop(open);
        Some(Newcomer { all: Arc::clone(self), client, number, evicted })
    }

    fn open(&self) -> MutexGuard<'_, OpenConnections> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenConnections {
    /// Closes the oldest connection of the address with the most.
    fn evict(&mut self) {
        let oldest = |of: &VecDeque<(u64, _)>| of.front().map_or(u64::MAX, |(number, _)| *number);
        let most = self
            .by_client
            .iter()
            .max_by_key(|(client, of)| (client.is_some(), of.len(), u64::MAX - oldest(of)))
            .map(|(client, _)| *client);
        if let Some(client) = most
            && let Some((number, evicted)) = self.by_client.get(&client).and_then(|of| of.front())
        {
            evicted.cancel();
            self.remove(client, *number);
        }
    }

    fn remove(&mut self, client: Option<IpAddr>, number: u64) {
        let Some(of) = self.by_client.get_mut(&client) else { return };
        let Some(at) = of.iter().position(|(other, _)| *other == number) else { return };
        of.remove(at);
        self.count -= 1;
        if of.is_empty() {
            self.by_client.remove(&client);
        }
    }
}

impl Newcomer {
    /// Completes `future`, unless the connection must close for another before.
    pub(crate) async fn unless_evicted<T>(
        &self,
        future: impl Future<Output = io::Result<T>>,
    ) -> io::Result<T> {
        let completed = self.evicted.run_until_cancelled(future).await;
        completed.unwrap_or_else(|| Err(io::Error::other("closed for another connection")))
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.all.open().remove(self.client, self.number);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn ip(n: u8) -> Option<IpAddr> {
        Some([8, 8, 8, n].into())
    }

    #[test]
    fn evicts_from_the_address_with_the_most() {
        let all = Newcomers::new(4, 3);
        let held: Vec<_> = (0..3).map(|_| all.admit(ip(1)).unwrap()).collect();
        assert!(all.admit(ip(1)).is_none(), "the limit of an address");
        let one = all.admit(ip(2)).unwrap();
        let late = all.admit(ip(3)).unwrap();
        let evicted = |of: &[Newcomer]| of.iter().map(|one| one.evicted.is_cancelled()).collect();
        let of_held: Vec<bool> = evicted(&held);
        assert_eq!(of_held, [true, false, false]);
        assert!(!one.evicted.is_cancelled() && !late.evicted.is_cancelled());
        // An evicted connection is not counted twice.
        drop(held);
        let again: Vec<_> = (0..2).map(|_| all.admit(ip(1)).unwrap()).collect();
        assert!(!again.iter().any(|one| one.evicted.is_cancelled()));
        assert!(!one.evicted.is_cancelled());
    }

    #[test]
    fn evicts_a_proxys_connections_last() {
        let all = Newcomers::new(2, 1);
        let proxied = all.admit(None).unwrap();
        let one = all.admit(ip(1)).unwrap();
        let two = all.admit(ip(2)).unwrap();
        assert!(one.evicted.is_cancelled() && !proxied.evicted.is_cancelled());
        drop((one, two));
        let (second, _third) = (all.admit(None).unwrap(), all.admit(None).unwrap());
        assert!(proxied.evicted.is_cancelled() && !second.evicted.is_cancelled());
    }
}
