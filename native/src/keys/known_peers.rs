//! Whom this host knows.

use std::path::{Path, PathBuf};

use xcher_core::Nick;
use xcher_core::secure::PublicKey;

use super::address_book::AddressBook;
use super::error::KeysError;
use super::known_lines::{KnownLines, KnownPeer, KnownRelay, LIMIT, MAX_BYTES};
use super::relay_id::RelayId;
use super::{folder, lock, private_file};
use crate::RelayAddress;

/// The file in the folder of the keys.
const FILE: &str = "known_peers";

/// Others may read it, as far as the folder lets them.
const BOUNDS: private_file::Bounds =
    private_file::Bounds { mode: 0o644, bytes: MAX_BYTES, limit: LIMIT };

/// The keys of others, pinned per relay and nick, and those of relays, in a text file that its user can read and edit.
///
/// It holds no more than the file's place: every call reads what is there by then. All of them block
/// on the disk, and those that write wait up to 10 s for another process that does. At most 100,000
/// lines and 16 MiB.
#[derive(Clone, Debug)]
pub struct KnownPeers {
    folder: PathBuf,
    path: PathBuf,
}

impl KnownPeers {
    /// The file in `folder`, read once to see that it is good. Nothing is created.
    ///
    /// # Errors
    ///
    /// [`KeysError`]: where the folder or the file cannot be used as it is.
    pub fn open(folder: &Path) -> Result<Self, KeysError> {
        let known = Self { folder: folder.into(), path: folder.join(FILE) };
        known.read()?;
        Ok(known)
    }

    /// Who is known at a relay.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn of(&self, relay: &RelayAddress) -> Result<AddressBook, KeysError> {
        Ok(AddressBook::of(&self.read()?, &relay.canonical()))
    }

    /// What the keys of those at this relay are kept by, as far as its address tells.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn id_of(&self, relay: &RelayAddress) -> Result<RelayId, KeysError> {
        let address = relay.canonical();
        let key = self.read()?.relay_key(&address);
        Ok(key.map_or(RelayId::Address(address), RelayId::Key))
    }

    /// The addresses at which this host met relays with keys.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn addresses(&self) -> Result<Vec<(String, PublicKey)>, KeysError> {
        let lines = self.read()?;
        Ok(lines.relays().map(|relay| (relay.address.clone(), relay.key)).collect())
    }

    /// Keeps the key of the relay at an address where none is known yet.
    ///
    /// # Errors
    ///
    /// As [`pin`](Self::pin), but for [`KeysError::OtherKey`].
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

    /// Everyone who is known, in the order of the file.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn list(&self) -> Result<Vec<KnownPeer>, KeysError> {
        Ok(self.read()?.peers().cloned().collect())
    }

    /// Pins a key that is seen for the first time. One that is pinned already stays as it is.
    ///
    /// # Errors
    ///
    /// [`KeysError::OtherKey`] where another key is pinned, by another process meanwhile for example;
    /// [`KeysError::TooLarge`] where the file is full; otherwise as [`open`](Self::open), and what
    /// the system says of the writing. Nothing has changed then.
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

    /// Pins a key because the user says so, also in place of another; that one is returned too.
    ///
    /// # Errors
    ///
    /// As [`pin`](Self::pin), but for [`KeysError::OtherKey`].
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

    /// Forgets those that `which` says, and the keys of the relays at the addresses that `at` says; those
    /// who are forgotten are returned.
    ///
    /// # Errors
    ///
    /// As [`pin`](Self::pin), but for [`KeysError::OtherKey`].
    pub fn forget(
        &self,
        which: impl Fn(&KnownPeer) -> bool,
        at: impl Fn(&str) -> bool,
    ) -> Result<Vec<KnownPeer>, KeysError> {
        let lines = self.read()?;
        // There is nothing to forget, and no reason to make a folder.
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

    /// Reads, changes and, where `change` says that it did, writes: nobody else does meanwhile.
    fn change<R>(
        &self,
        change: impl FnOnce(&mut KnownLines) -> Result<(R, bool), KeysError>,
    ) -> Result<R, KeysError> {
        folder::make(&self.folder)?;
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
