//! How much of a host one caller may take (section 8): never so much that no room is left for others.

use core::net::IpAddr;

use litemap::LiteMap;

use crate::addr::client_prefix;

/// Places of one kind, and who has how many of them. A caller is an address; of IPv6 its /64.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: LiteMap<IpAddr, usize>,
    all: usize,
}

impl Places {
    /// Takes a place for a caller; `false` where it has as many as are free, or none is. So the first
    /// caller gets half of all places, the next a quarter, and there is one for many more.
    pub(super) fn take(&mut self, caller: IpAddr, most: usize) -> bool {
        let own = self.of(caller);
        if own >= most.saturating_sub(self.all) {
            return false;
        }
        self.taken.insert(client_prefix(caller), own + 1);
        self.all += 1;
        true
    }

    /// Whether a caller could take a place if this other one, or the caller itself, gave one back.
    pub(super) fn would_have_room(&self, caller: IpAddr, other: IpAddr, most: usize) -> bool {
        let same = client_prefix(caller) == client_prefix(other);
        let own = self.of(caller) - usize::from(same && self.of(caller) > 0);
        own < most.saturating_sub(self.all.saturating_sub(1))
    }

    /// How many a caller has.
    pub(super) fn of(&self, caller: IpAddr) -> usize {
        self.taken.get(&client_prefix(caller)).copied().unwrap_or(0)
    }

    /// Asserts that these are the callers that have its places, each as often as it has one.
    pub(super) fn check(&self, callers: impl Iterator<Item = IpAddr>) {
        let mut taken = LiteMap::<IpAddr, usize>::new();
        let mut all = 0;
        for caller in callers {
            all += 1;
            match taken.get_mut(&client_prefix(caller)) {
                Some(own) => *own += 1,
                None => drop(taken.insert(client_prefix(caller), 1)),
            }
        }
        assert_eq!(self.all, all, "places taken");
        assert!(self.taken == taken, "places taken: {:?}, by {taken:?}", self.taken);
    }

    /// A caller gives a place back.
    pub(super) fn give_back(&mut self, caller: IpAddr) {
        let caller = client_prefix(caller);
        if let Some(own) = self.taken.get_mut(&caller) {
            *own -= 1;
            if *own == 0 {
                self.taken.remove(&caller);
            }
            self.all -= 1;
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
        assert_eq!(places.all, 63);
        for _ in 0..32 {
            places.give_back(ip(0));
        }
        // What nobody has cannot be given back.
        places.give_back(ip(0));
        assert_eq!(places.all, 31);
        assert!(places.take(ip(9), 64));
    }

    #[test]
    fn an_ipv6_network_is_one_caller() {
        let mut places = Places::default();
        let address = |text: &str| text.parse::<IpAddr>().expect(text);
        assert!(places.take(address("2a00:1:2:3::1"), 4));
        assert!(places.take(address("2a00:1:2:3::2"), 4));
        assert!(!places.take(address("2a00:1:2:3::3"), 4));
        assert!(places.take(address("2a00:1:2:4::1"), 4));
    }
}
