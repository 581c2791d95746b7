//! Whom this host knows: keys that were kept for this relay, and new ones to keep.

use xcher_core::Nick;
use xcher_core::secure::PublicKey;

use super::task_report::Happened;
use super::{Host, Told};
use crate::RelayAddress;
use crate::keys::{AddressBook, KeysError, KnownPeers, RelayId, RelayKey};

/// The keys of others, and what they are kept by now.
pub(super) struct Known {
    /// Where new ones are kept; not where nothing can be.
    pub(super) file: Option<KnownPeers>,
    pub(super) book: AddressBook,
    pub(super) relay: RelayId,
}

impl Known {
    pub(super) fn new(file: Option<KnownPeers>, book: AddressBook, relay: &RelayAddress) -> Self {
        Self { file, book, relay: relay.into() }
    }
}

impl Host {
    /// The relay has proved its key, or has none.
    pub(super) fn relay_proved(&mut self, key: Option<PublicKey>) {
        let Some(known) = &mut self.known else { return };
        known.relay = key.map_or_else(|| (&self.relay).into(), RelayId::Key);
        for (nick, key) in key.map_or(&[][..], |key| known.book.by(key)) {
            self.peer.pin_if_new(nick, *key);
        }
        match known.book.meet(key) {
            RelayKey::Same => {}
            RelayKey::Other { before } => {
                self.told.push_back(Told::OtherRelay { before, now: key })
            }
            RelayKey::First(key) => {
                let Some(file) = known.file.clone() else { return };
                let (relay, reporter) = (self.relay.clone(), self.reporter.clone());
                // Among what is waited for when the host stops.
                self.closing.spawn_blocking(move || {
                    if let Err(why) = file.remember(&relay, key) {
                        let _ = reporter.blocking_send(Happened::PinFailed { nick: None, why });
                    }
                });
            }
        }
    }

    /// Writes a key to the file, which may have to wait for the disk and for other processes.
    pub(super) fn pin(&mut self, nick: Nick, key: PublicKey) {
        let Some(Known { file: Some(file), relay, .. }) = &self.known else { return };
        let (file, relay, reporter) = (file.clone(), relay.clone(), self.reporter.clone());
        // Among what is waited for when the host stops.
        self.closing.spawn_blocking(move || {
            if let Err(why) = file.pin(&relay, &nick, key) {
                let _ = reporter.blocking_send(Happened::PinFailed { nick: Some(nick), why });
            }
        });
    }

    pub(super) fn pin_failed(&mut self, nick: Option<Nick>, why: KeysError) {
        self.told.push_back(Told::NotPinned { nick, why });
    }
}
