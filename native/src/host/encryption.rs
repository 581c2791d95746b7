//! The encryption of a host's sessions: its own key, and the keys pinned for peers.

use std::path::Path;

use xcher_core::Device;
use xcher_core::code::Code;
use xcher_core::peer::Encryption;
use xcher_core::secure::Identity;
use zeroize::Zeroizing;

use super::known_keys::KnownKeys;
use crate::RelayAddress;
use crate::keys::identity::{self, KeyOwner};
use crate::keys::{AddressBook, KeysError, KnownPeers};

/// The needs of a host for encrypted sessions: its key and its known peers.
pub struct EncryptionSetup {
    pub(super) encryption: Encryption,
    pub(super) known_keys: KnownKeys,
    has_code: bool,
}

impl EncryptionSetup {
    /// Loads the keys in `folder`, for `relay`. Creates this host's key at first use. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// [`KeysError`] if a file cannot be used as it is, or the system provides no random bytes.
    pub fn load(folder: &Path, relay: &RelayAddress) -> Result<Self, KeysError> {
        let secret = identity::load_or_create(folder, KeyOwner::Host)?;
        let known = KnownPeers::open(folder)?;
        let book = known.of(relay)?;
        Self::new(Identity::new(*secret), KnownKeys::new(Some(known), book, relay))
    }

    /// Creates a key that is forgotten when the process ends. Keys pinned in `folder` apply all the same;
    /// no new ones are stored.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn for_this_run(folder: Option<&Path>, relay: &RelayAddress) -> Result<Self, KeysError> {
        let mut secret = Zeroizing::new([0; identity::SECRET_LEN]);
        let random = getrandom::fill(secret.as_mut_slice());
        random.map_err(|source| KeysError::NoRandomness { source })?;
        let book = match folder.map(KnownPeers::open) {
            Some(Ok(known)) => known.of(relay)?,
            // The folder does not exist, and none is created.
            Some(Err(KeysError::System { .. })) | None => AddressBook::default(),
            Some(Err(error)) => return Err(error),
        };
        Self::new(Identity::new(*secret), KnownKeys::new(None, book, relay))
    }

    fn new(identity: Identity, known_keys: KnownKeys) -> Result<Self, KeysError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|source| KeysError::NoRandomness { source })?;
        let mut encryption =
            Encryption::new(identity, seed).with_resume().with_stat().with_texts().with_batch();
        if has_aes_instructions() {
            encryption = encryption.with_aes();
        }
        for (nick, key) in known_keys.book.here().iter().rev() {
            // Reversed: of two keys for one nick the first counts, and `pin` keeps the last.
            encryption.pin(nick.clone(), *key);
        }
        Ok(Self { encryption, known_keys, has_code: false })
    }

    /// Requires every session to be encrypted.
    #[must_use]
    pub fn required(self) -> Self {
        Self { encryption: self.encryption.required(), ..self }
    }

    /// Tells peers which device this is (PROTOCOL.md, section 9.3).
    #[must_use]
    pub fn with_device(self, device: Device) -> Self {
        Self { encryption: self.encryption.with_device(device), ..self }
    }

    /// Accepts only callers that prove to know this code. The host must register the code's nick.
    #[must_use]
    pub fn with_code(self, code: Code) -> Self {
        Self { encryption: self.encryption.with_code(code), has_code: true, ..self }
    }

    pub(super) fn has_code(&self) -> bool {
        self.has_code
    }
}

/// True if this processor makes AES the faster cipher.
fn has_aes_instructions() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("aes") && is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes")
        && std::arch::is_aarch64_feature_detected!("pmull");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}
