//! Whom this host knows at the relay that an address leads to.

use std::collections::HashMap;

use xcher_core::Nick;
use xcher_core::secure::PublicKey;

use super::known_lines::{KnownLines, KnownPeer};
use super::relay_id::RelayId;

/// The keys of others, as they were when the file was read. Whatever key a relay shows, nobody whom
/// this host knows at its address becomes unknown by it: who changes that key on the way would
/// otherwise be taken for anyone.
#[derive(Clone, Debug, Default)]
pub struct AddressBook {
    /// The key that the relay at this address had first.
    relay: Option<PublicKey>,
    /// Kept by this address, and by that key.
    here: Vec<(Nick, PublicKey)>,
    by_key: HashMap<PublicKey, Vec<(Nick, PublicKey)>>,
}

/// What a relay's key says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelayKey {
    /// It is the one that this address had before, or there was none and is none.
    Same,
    /// It is the first at this address.
    First(PublicKey),
    /// This address had another before; this one proves none, or that.
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
        // Behind those of the address, which a user may have pinned before the relay had a key.
        let by_relay = relay.and_then(|relay| book.by_key.get(&relay)).cloned();
        book.here.extend(by_relay.into_iter().flatten());
        book
    }

    /// Whom this host knows before the relay has proved a key; of two for one nick the first counts.
    pub(crate) fn here(&self) -> &[(Nick, PublicKey)] {
        &self.here
    }

    /// Whom it knows beside those, where the relay proves this key.
    pub(crate) fn by(&self, relay: PublicKey) -> &[(Nick, PublicKey)] {
        self.by_key.get(&relay).map_or(&[], Vec::as_slice)
    }

    /// Takes the key that the relay proves, if it proves one.
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
