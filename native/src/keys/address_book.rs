//! The peers that this host knows at the relay of an address.

use std::collections::HashMap;

use xcher_core::Nick;
use xcher_core::secure::PublicKey;

use super::known_lines::{KnownLines, KnownPeer};
use super::relay_id::RelayId;

/// The keys of peers, as they were when the file was read. Whatever key a relay proves, the peers known at its
/// address stay known: otherwise an attacker on the path could change the relay's key and impersonate
/// them.
#[derive(Clone, Debug, Default)]
pub struct AddressBook {
    /// The key that the relay at this address first had.
    relay: Option<PublicKey>,
    /// The peers pinned for this address, and for that key.
    here: Vec<(Nick, PublicKey)>,
    by_key: HashMap<PublicKey, Vec<(Nick, PublicKey)>>,
}

/// A relay's key, compared with the one known for its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelayKey {
    /// The key that this address had before; or it had none and has none.
    Same,
    /// The first key at this address.
    First(PublicKey),
    /// This address had another key before. Now the relay proves this one or none.
    Other { before: PublicKey },
}

impl AddressBook {
    pub(super) fn of(lines: &KnownLines, address: &str) -> Self {
        let relay = lines.relay_key(address);
        let mut book = Self { relay, ..Self::default() };
        for KnownPeer { relay: id, nick, key, .. } in lines.peers() {
            match id {
                RelayId::Address(at) if at == address => book.here.push((nick.clone(), *key)),
                RelayId::Address(_) => {}
                RelayId::Key(id) => {
                    book.by_key.entry(*id).or_default().push((nick.clone(), *key));
                }
            }
        }
        // After those of the address, which the user may have pinned before the relay had a key.
        let by_relay = relay.and_then(|relay| book.by_key.get(&relay)).cloned();
        book.here.extend(by_relay.into_iter().flatten());
        book
    }

    /// Returns the peers known before the relay has proved a key. Of two keys for one nick the first counts.
    pub(crate) fn here(&self) -> &[(Nick, PublicKey)] {
        &self.here
    }

    /// Returns the peers that are known in addition if the relay proves this key.
    pub(crate) fn by(&self, relay: PublicKey) -> &[(Nick, PublicKey)] {
        self.by_key.get(&relay).map_or(&[], Vec::as_slice)
    }

    /// Compares the key that the relay proves, if any, and remembers the first.
    pub(crate) fn meet(&mut self, key: Option<PublicKey>) -> RelayKey {
        match (self.relay, key) {
            (None, Some(key)) => {
                self.relay = Some(key);
                RelayKey::First(key)
            }
            (Some(before), key) if key != Some(before) => RelayKey::Other { before },
            _ => RelayKey::Same,
        }
    }
}
