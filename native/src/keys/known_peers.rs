//! The file of pinned keys.

use std::path::{Path, PathBuf};

use time::Date;
use xcher_core::Nick;
use xcher_core::secure::PublicKey;

use super::address_book::AddressBook;
use super::error::KeysError;
use super::known_lines::{KnownLines, KnownPeer, KnownRelay, LIMIT, MAX_BYTES};
use super::relay_id::RelayId;
use super::{folder, lock, private_file};
use crate::RelayAddress;

/// The file's name in the folder of keys.
const FILE_NAME: &str = "known_peers";

/// Other users may read it, if the folder permits.
const BOUNDS: private_file::Bounds =
    private_file::Bounds { mode: 0o644, bytes: MAX_BYTES, limit: LIMIT };

/// The keys of peers, pinned per relay and nick, and those of relays, in a text file that the user can read and
/// edit.
///
/// It holds only the file's path: every call reads the current content. All calls block on the disk, and
/// those that write wait up to 10 s for another process that does. At most 100,000 lines and 16 MiB.
#[derive(Clone, Debug)]
pub struct KnownPeers {
    folder: PathBuf,
    path: PathBuf,
}

impl KnownPeers {
    /// Opens the file in `folder`, and reads it once to validate it. Creates nothing.
    ///
    /// # Errors
    ///
    /// [`KeysError`] if the folder or the file cannot be used as it is.
    pub fn open(folder: &Path) -> Result<Self, KeysError> {
        let known = Self { folder: folder.into(), path: folder.join(FILE_NAME) };
        known.read()?;
        Ok(known)
    }

    /// Returns the peers known at a relay.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn of(&self, relay: &RelayAddress) -> Result<AddressBook, KeysError> {
        Ok(AddressBook::of(&self.read()?, &relay.canonical()))
    }

    /// Returns what keys at this relay are pinned for, as far as known from its address.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn id_of(&self, relay: &RelayAddress) -> Result<RelayId, KeysError> {
        let address = relay.canonical();
        let key = self.read()?.relay_key(&address);
        Ok(key.map_or(RelayId::Address(address), RelayId::Key))
    }

    /// Returns the addresses of relays with keys, and the keys.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn addresses(&self) -> Result<Vec<(String, PublicKey)>, KeysError> {
        let lines = self.read()?;
        Ok(lines.relays().map(|relay| (relay.address.clone(), relay.key)).collect())
    }

    /// Returns the key that the relay at an address first had, and the day on which it was stored, in UTC.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn relay(&self, relay: &RelayAddress) -> Result<Option<(PublicKey, Date)>, KeysError> {
        let (lines, address) = (self.read()?, relay.canonical());
        let mut known = lines.relays().filter(|relay| relay.address == address);
        Ok(known.next().map(|relay| (relay.key, relay.since)))
    }

    /// Stores the key of the relay at an address, unless one is known.
    ///
    /// # Errors
    ///
    /// As [`pin`](Self::pin), except [`KeysError::OtherKey`].
    pub fn remember(&self, relay: &RelayAddress, key: PublicKey) -> Result<(), KeysError> {
        let address = relay.canonical();
        self.change(|lines| {
            let is_new = lines.relay_key(&address).is_none();
            if is_new {
                lines.put_relay(KnownRelay::today(address, key));
            }
            Ok(((), is_new))
        })
    }

    /// Returns all known peers, in the order of the file.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn list(&self) -> Result<Vec<KnownPeer>, KeysError> {
        Ok(self.read()?.peers().cloned().collect())
    }

    /// Pins a key that is seen for the first time. A pinned key stays unchanged.
    ///
    /// # Errors
    ///
    /// [`KeysError::OtherKey`] if another key is pinned, for example by another process meanwhile;
    /// [`KeysError::TooLarge`] if the file is full; otherwise as [`open`](Self::open), and the system's error
    /// of writing. The file is unchanged then.
    pub fn pin(
        &self,
        relay: &RelayId,
        nick: &Nick,
        key: PublicKey,
    ) -> Result<KnownPeer, KeysError> {
        self.change(|lines| match find(lines, relay, nick) {
            Some(known) if known.key == key => Ok((known.clone(), false)),
            Some(known) => Err(KeysError::OtherKey {
                nick: nick.clone(),
                relay: relay.to_string(),
                pinned: known.key,
            }),
            None => {
                let peer = KnownPeer::today(relay.clone(), nick.clone(), key);
                lines.put(peer.clone());
                Ok((peer, true))
            }
        })
    }

    /// Pins a key by the user's decision, even in place of another, which is returned too.
    ///
    /// # Errors
    ///
    /// As [`pin`](Self::pin), except [`KeysError::OtherKey`].
    pub fn replace(
        &self,
        relay: &RelayId,
        nick: &Nick,
        key: PublicKey,
    ) -> Result<(KnownPeer, Option<PublicKey>), KeysError> {
        self.change(|lines| match find(lines, relay, nick) {
            Some(known) if known.key == key => Ok(((known.clone(), None), false)),
            known => {
                let before = known.map(|known| known.key);
                let peer = KnownPeer::today(relay.clone(), nick.clone(), key);
                lines.put(peer.clone());
                Ok(((peer, before), true))
            }
        })
    }

    /// Removes the peers that `which` selects, and the keys of relays at the addresses that `at` selects.
    /// Returns the removed peers.
    ///
    /// # Errors
    ///
    /// As [`pin`](Self::pin), except [`KeysError::OtherKey`].
    pub fn forget(
        &self,
        which: impl Fn(&KnownPeer) -> bool,
        at: impl Fn(&str) -> bool,
    ) -> Result<Vec<KnownPeer>, KeysError> {
        let lines = self.read()?;
        // Without a match, no folder is created.
        if !lines.peers().any(&which) && !lines.relays().any(|relay| at(&relay.address)) {
            return Ok(Vec::new());
        }
        self.change(|lines| {
            let taken = lines.take(which);
            let changed = lines.take_relays(at) || !taken.is_empty();
            Ok((taken, changed))
        })
    }

    fn read(&self) -> Result<KnownLines, KeysError> {
        if !folder::check(&self.folder)? {
            return Ok(KnownLines::default());
        }
        let bytes = private_file::read(&self.path, &BOUNDS)?;
        bytes.map_or_else(
            || Ok(KnownLines::default()),
            |bytes| KnownLines::parse(&bytes, &self.path),
        )
    }

    /// Reads the file, changes it and, if `change` returns true, writes it. No other process writes meanwhile.
    fn change<R>(
        &self,
        change: impl FnOnce(&mut KnownLines) -> Result<(R, bool), KeysError>,
    ) -> Result<R, KeysError> {
        folder::create(&self.folder)?;
        let _lock = lock::lock(&self.folder.join(".known_peers.lock"))?;
        let mut lines = self.read()?;
        let (result, changed) = change(&mut lines)?;
        if changed {
            let full = || KeysError::TooLarge { path: self.path.clone(), limit: LIMIT };
            private_file::replace(&self.path, lines.encode().ok_or_else(full)?.as_bytes())?;
        }
        Ok(result)
    }
}

fn find<'a>(lines: &'a KnownLines, relay: &RelayId, nick: &Nick) -> Option<&'a KnownPeer> {
    lines.peers().find(|peer| peer.relay == *relay && peer.nick.eq_ignore_case(nick))
}

#[cfg(test)]
mod tests;
