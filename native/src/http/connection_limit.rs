//! How many there may be, in all and of one client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use xcher_core::addr::client_prefix;

/// Places for tunnels or connections.
#[derive(Debug)]
pub(super) struct Places {
    in_all: usize,
    per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by: HashMap<IpAddr, usize>,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    client: Option<IpAddr>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    InAll,
    ForAddress,
}

impl Places {
    pub(super) fn new(in_all: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self { in_all, per_address, taken: Mutex::default() })
    }

    /// A place for a client; for one without an address (a trusted proxy, which stands for many)
    /// only the places in all count.
    pub(super) fn take(self: &Arc<Self>, client: Option<IpAddr>) -> Result<Place, Full> {
        let client = client.map(client_prefix);
        let mut taken = self.taken();
        if taken.in_all >= self.in_all {
            return Err(Full::InAll);
        }
        if let Some(client) = client {
            if taken.by.get(&client).is_some_and(|&by| by >= self.per_address)
                || self.per_address == 0
            {
                return Err(Full::ForAddress);
            }
            *taken.by.entry(client).or_default() += 1;
        }
        taken.in_all += 1;
        drop(taken);
        Ok(Place { places: Arc::clone(self), client })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.in_all -= 1;
        let Some(client) = self.client else { return };
        if let Some(by) = taken.by.get_mut(&client) {
            *by -= 1;
            if *by == 0 {
                taken.by.remove(&client);
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
    fn a_place_given_back_is_free() {
        let places = Places::new(3, 2);
        let first = places.take(ip("192.0.2.1")).unwrap();
        let _second = places.take(ip("::ffff:192.0.2.1")).unwrap();
        assert_eq!(places.take(ip("192.0.2.1")).unwrap_err(), Full::ForAddress);
        let _third = places.take(ip("192.0.2.2")).unwrap();
        assert_eq!(places.take(ip("192.0.2.3")).unwrap_err(), Full::InAll);
        drop(first);
        let again = places.take(ip("192.0.2.1")).unwrap();
        drop(again);
        assert_eq!(places.taken().by.len(), 2);
        assert_eq!(places.taken().in_all, 2);
    }

    #[test]
    fn an_ipv6_client_is_its_64_bits() {
        let places = Places::new(9, 1);
        let _first = places.take(ip("2001:db8:0:1::1")).unwrap();
        assert_eq!(places.take(ip("2001:db8:0:1:ffff::9")).unwrap_err(), Full::ForAddress);
        let _other = places.take(ip("2001:db8:0:2::1")).unwrap();
    }
}
