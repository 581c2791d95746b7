//! What a host needs for private sessions: its own key, and those that it has seen of others.

use std::path::Path;

use xcher_core::code::Code;
use xcher_core::peer::Encryption;
use xcher_core::secure::Identity;
use zeroize::Zeroizing;

use super::known::Known;
use crate::RelayAddress;
use crate::keys::identity::{self, Whose};
use crate::keys::{AddressBook, KeysError, KnownPeers};

/// This host's key and its known peers, in a folder.
pub struct Privacy {
    pub(super) encryption: Encryption,
    pub(super) known: Known,
}

impl Privacy {
    /// What is in `folder`, for `relay`. The key is made at first use. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// [`KeysError`]: where a file cannot be used as it is, and where there is no randomness.
    pub fn load(folder: &Path, relay: &RelayAddress) -> Result<Self, KeysError> {
        let secret = identity::load_or_create(folder, Whose::Host)?;
        let known = KnownPeers::open(folder)?;
        let book = known.of(relay)?;
        Self::of(Identity::new(*secret), Known::new(Some(known), book, relay))
    }

    /// With a key that is forgotten when the process ends. Those of others that are in `folder` hold all
    /// the same, and none is added.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn for_this_run(folder: Option<&Path>, relay: &RelayAddress) -> Result<Self, KeysError> {
        let mut secret = Zeroizing::new([0; identity::SECRET]);
        let random = getrandom::fill(secret.as_mut_slice());
        random.map_err(|source| KeysError::NoRandomness { source })?;
        let book = match folder.map(KnownPeers::open) {
            Some(Ok(known)) => known.of(relay)?,
            // There is none, and none is made.
            Some(Err(KeysError::System { .. })) | None => AddressBook::default(),
            Some(Err(error)) => return Err(error),
        };
        Self::of(Identity::new(*secret), Known::new(None, book, relay))
    }

    fn of(identity: Identity, known: Known) -> Result<Self, KeysError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|source| KeysError::NoRandomness { source })?;
        let mut encryption = Encryption::new(identity, seed).with_resume().with_stat().with_batch();
        if does_aes() {
            encryption = encryption.with_aes();
        }
        for (nick, key) in known.book.here().iter().rev() {
            // The first of two for one nick is the last to be put.
            encryption.pin(nick.clone(), *key);
        }
        Ok(Self { encryption, known })
    }

    /// Every session is private, or there is none.
    #[must_use]
    pub fn required(self) -> Self {
        Self { encryption: self.encryption.required(), ..self }
    }

    /// Nobody is let in who does not know this code. The host is to go by its nick.
    #[must_use]
    pub fn with_code(self, code: Code) -> Self {
        Self { encryption: self.encryption.with_code(code), ..self }
    }
}

/// Whether this processor makes AES the faster cipher.
fn does_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("aes") && is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes")
        && std::arch::is_aarch64_feature_detected!("pmull");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}
