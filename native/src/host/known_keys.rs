//! The keys that this host knows at its relay, and new ones to store.

use xcher_core::Nick;
use xcher_core::secure::PublicKey;

use super::Host;
use super::event::HostEvent;
use super::task_report::TaskReport;
use crate::RelayAddress;
use crate::keys::{AddressBook, KnownPeers, RelayId, RelayKey};

/// The pinned keys of peers and relays, and what new ones are stored under.
pub(super) struct KnownKeys {
    /// The file for new keys; `None` if none are stored.
    pub(super) file: Option<KnownPeers>,
    pub(super) book: AddressBook,
    pub(super) relay: RelayId,
}

impl KnownKeys {
    pub(super) fn new(file: Option<KnownPeers>, book: AddressBook, relay: &RelayAddress) -> Self {
        Self { file, book, relay: relay.into() }
    }
}

impl Host {
    /// Handles the relay's proof of its key, or its lack of one.
    pub(super) fn relay_verified(&mut self, key: Option<PublicKey>) {
        // In the local network every host runs a relay, and none of them is known by a key.
        if self.relay.is_lan() {
            return;
        }
        let Some(known) = &mut self.known_keys else { return };
        known.relay = key.map_or_else(|| (&self.relay).into(), RelayId::Key);
        for (nick, key) in key.map_or(&[][..], |key| known.book.by(key)) {
            self.peer.pin_if_new(nick, *key);
        }
        match known.book.meet(key) {
            RelayKey::Same => {}
            RelayKey::Other { before } => {
                self.events.push_back(HostEvent::RelayKeyChanged { before, now: key });
            }
            RelayKey::First(key) => {
                let Some(file) = known.file.clone() else { return };
                let (relay, reporter) = (self.relay.clone(), self.reporter.clone());
                // A host that stops waits for this.
                self.closing.spawn_blocking(move || {
                    if let Err(why) = file.remember(&relay, key) {
                        let _ = reporter.blocking_send(TaskReport::PinFailed { nick: None, why });
                    }
                });
            }
        }
    }

    /// Stores a key, on a thread that may wait for the disk and for other processes.
    pub(super) fn pin(&mut self, nick: Nick, key: PublicKey) {
        let Some(KnownKeys { file: Some(file), relay, .. }) = &self.known_keys else { return };
        let (file, relay, reporter) = (file.clone(), relay.clone(), self.reporter.clone());
        // A host that stops waits for this.
        self.closing.spawn_blocking(move || {
            if let Err(why) = file.pin(&relay, &nick, key) {
                let _ = reporter.blocking_send(TaskReport::PinFailed { nick: Some(nick), why });
            }
        });
    }
}
