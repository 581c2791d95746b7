//! Connections that are not tunnels yet: they may be half a request, or wait for nothing.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use xcher_core::addr::client_prefix;

/// All of them. Where there is no room, the one that is the oldest of the address with the most gives
/// way: strangers who hold connections open keep nobody out.
#[derive(Debug)]
pub(super) struct Newcomers {
    in_all: usize,
    per_address: usize,
    here: Mutex<Here>,
}

#[derive(Debug, Default)]
struct Here {
    count: usize,
    last: u64,
    /// Oldest first. Trusted proxies stand for many: they are counted together, under no address.
    by: HashMap<Option<IpAddr>, VecDeque<(u64, CancellationToken)>>,
}

/// A connection's place, given back when dropped.
#[derive(Debug)]
pub(super) struct Newcomer {
    all: Arc<Newcomers>,
    client: Option<IpAddr>,
    number: u64,
    /// Says that it has to give way.
    pub(super) gives_way: CancellationToken,
}

impl Newcomers {
    pub(super) fn new(in_all: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self { in_all, per_address, here: Mutex::default() })
    }

    /// A place for a connection of a client; none for a proxy's. `None` where its address has as many as
    /// it may.
    pub(super) fn admit(self: &Arc<Self>, client: Option<IpAddr>) -> Option<Newcomer> {
        let client = client.map(client_prefix);
        let mut here = self.here();
        let own = here.by.get(&client).map_or(0, VecDeque::len);
        if client.is_some() && own >= self.per_address {
            return None;
        }
        if here.count >= self.in_all {
            here.make_room();
        }
        here.last += 1;
        here.count += 1;
        let (number, gives_way) = (here.last, CancellationToken::new());
        here.by.entry(client).or_default().push_back((number, gives_way.clone()));
        drop(here);
        Some(Newcomer { all: Arc::clone(self), client, number, gives_way })
    }

    fn here(&self) -> MutexGuard<'_, Here> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Here {
    fn make_room(&mut self) {
        let oldest = |of: &VecDeque<(u64, _)>| of.front().map_or(u64::MAX, |(number, _)| *number);
        let most = self
            .by
            .iter()
            .max_by_key(|(client, of)| (client.is_some(), of.len(), u64::MAX - oldest(of)))
            .map(|(client, _)| *client);
        if let Some(client) = most
            && let Some((number, gives_way)) = self.by.get(&client).and_then(|of| of.front())
        {
            gives_way.cancel();
            self.remove(client, *number);
        }
    }

    fn remove(&mut self, client: Option<IpAddr>, number: u64) {
        let Some(of) = self.by.get_mut(&client) else { return };
        let Some(at) = of.iter().position(|(other, _)| *other == number) else { return };
        of.remove(at);
        self.count -= 1;
        if of.is_empty() {
            self.by.remove(&client);
        }
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.all.here().remove(self.client, self.number);
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
    fn who_has_the_most_gives_way() {
        let all = Newcomers::new(4, 3);
        let held: Vec<_> = (0..3).map(|_| all.admit(ip(1)).unwrap()).collect();
        assert!(all.admit(ip(1)).is_none(), "an address has only so many");
        let one = all.admit(ip(2)).unwrap();
        let late = all.admit(ip(3)).unwrap();
        let gone = |of: &[Newcomer]| of.iter().map(|one| one.gives_way.is_cancelled()).collect();
        let gone_of_held: Vec<bool> = gone(&held);
        assert_eq!(gone_of_held, [true, false, false]);
        assert!(!one.gives_way.is_cancelled() && !late.gives_way.is_cancelled());
        // What gave way is not counted twice.
        drop(held);
        let again: Vec<_> = (0..2).map(|_| all.admit(ip(1)).unwrap()).collect();
        assert!(!again.iter().any(|one| one.gives_way.is_cancelled()));
        assert!(!one.gives_way.is_cancelled());
    }

    #[test]
    fn a_proxy_gives_way_last() {
        let all = Newcomers::new(2, 1);
        let proxied = all.admit(None).unwrap();
        let one = all.admit(ip(1)).unwrap();
        let two = all.admit(ip(2)).unwrap();
        assert!(one.gives_way.is_cancelled() && !proxied.gives_way.is_cancelled());
        drop((one, two));
        let (second, _third) = (all.admit(None).unwrap(), all.admit(None).unwrap());
        assert!(proxied.gives_way.is_cancelled() && !second.gives_way.is_cancelled());
    }
}
