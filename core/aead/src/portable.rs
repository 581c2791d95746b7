//! ChaCha20-Poly1305 in portable Rust.

use chacha20poly1305::{AeadInPlace as _, ChaCha20Poly1305, KeyInit as _};

use crate::{Cipher, KEY_LEN, NONCE_LEN, TAG_LEN};

pub(crate) struct Key(ChaCha20Poly1305);

impl Key {
    pub(crate) fn new(key: &[u8; KEY_LEN], cipher: Cipher) -> Option<Self> {
        match cipher {
            Cipher::ChaCha20Poly1305 => Some(Self(ChaCha20Poly1305::new(key.into()))),
            Cipher::Aes256Gcm => None,
        }
    }

    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
    ) -> [u8; TAG_LEN] {
        let tag = self.0.encrypt_in_place_detached(&nonce.into(), aad, text);
        tag.expect("the text is short enough").into()
    }

    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
        tag: [u8; TAG_LEN],
    ) -> bool {
        self.0.decrypt_in_place_detached(&nonce.into(), aad, text, &tag.into()).is_ok()
    }
}
