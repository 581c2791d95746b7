//! The share of a host that one caller can take (section 8): room is always left for others.

use core::net::IpAddr;

use litemap::LiteMap;

use crate::addr::client_prefix;

/// Places of one kind, and how many each caller has. A caller is an address; of IPv6, its /64.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: LiteMap<IpAddr, usize>,
    total: usize,
}

impl Places {
    /// Takes a place for a caller; returns false if it has as many as are free, or none is free. So the first
    /// caller gets half of all places, the next a quarter, and there is one left for many more.
    pub(super) fn take(&mut self, caller: IpAddr, limit: usize) -> bool {
        let own = self.of(caller);
        if own >= limit.saturating_sub(self.total) {
            return false;
        }
        self.taken.insert(client_prefix(caller), own + 1);
        self.total += 1;
        true
    }

    /// Returns true if a caller could take a place once `other`, which can be the caller itself, gave one back.
    pub(super) fn would_have_room(&self, caller: IpAddr, other: IpAddr, limit: usize) -> bool {
        let same = client_prefix(caller) == client_prefix(other);
        let own = self.of(caller) - usize::from(same && self.of(caller) > 0);
        own < limit.saturating_sub(self.total.saturating_sub(1))
    }

    /// Returns the number of places that a caller has.
    pub(super) fn of(&self, caller: IpAddr) -> usize {
        self.taken.get(&client_prefix(caller)).copied().unwrap_or(0)
    }

    /// Asserts that exactly these callers have its places, each as often as it occurs.
    pub(super) fn check(&self, callers: impl Iterator<Item = IpAddr>) {
        let mut taken = LiteMap::<IpAddr, usize>::new();
        let mut total = 0;
        for caller in callers {
            total += 1;
            match taken.get_mut(&client_prefix(caller)) {
                Some(own) => *own += 1,
                None => drop(taken.insert(client_prefix(caller), 1)),
            }
        }
        assert_eq!(self.total, total, "places taken");
        assert!(self.taken == taken, "places taken: {:?}, by {taken:?}", self.taken);
    }

    /// Gives a place of a caller back.
    pub(super) fn give_back(&mut self, caller: IpAddr) {
        let caller = client_prefix(caller);
        if let Some(own) = self.taken.get_mut(&caller) {
            *own -= 1;
            if *own == 0 {
                self.taken.remove(&caller);
            }
            self.total -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn one_caller_leaves_room_for_others() {
        let mut places = Places::default();
        let mut taken = [0; 6];
        for (caller, taken) in taken.iter_mut().enumerate() {
            while places.take(ip(caller as u8), 64) {
                *taken += 1;
            }
        }
        assert_eq!(taken, [32, 16, 8, 4, 2, 1]);
        assert_eq!(places.total, 63);
        for _ in 0..32 {
            places.give_back(ip(0));
        }
        // A caller without a place has none to give back.
        places.give_back(ip(0));
        assert_eq!(places.total, 31);
        assert!(places.take(ip(9), 64));
    }

    #[test]
    fn addresses_of_an_ipv6_network_count_as_one_caller() {
        let mut places = Places::default();
        let address = |text: &str| text.parse::<IpAddr>().expect(text);
        assert!(places.take(address("2a00:1:2:3::1"), 4));
        assert!(places.take(address("2a00:1:2:3::2"), 4));
        assert!(!places.take(address("2a00:1:2:3::3"), 4));
        assert!(places.take(address("2a00:1:2:4::1"), 4));
    }
}
