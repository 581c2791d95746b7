//! The proofs of a session's peer (sections 11 and 12).

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::secure::{Identity, PublicKey};

/// The progress of a handshake, and the keys that it proved.
#[derive(Default)]
pub(crate) struct Authentication {
    /// Set once the handshake and the proof of a code are complete: both sides know what they can do.
    established: bool,
    /// The key that the peer proved to hold.
    key: Option<PublicKey>,
    /// Its long-term key, where the first one is a code's (section 12.3).
    own_key: Option<PublicKey>,
    /// The identity that this host showed, where that is a code's.
    shown: Option<Arc<Identity>>,
    /// Safety words that came before the session was reported as open.
    words: Option<Box<str>>,
}

impl Authentication {
    /// A handshake begins, in which this host shows `shown`, or its own identity.
    pub(crate) fn begun(shown: Option<Arc<Identity>>) -> Self {
        Self { shown, ..Self::default() }
    }

    /// The handshake proved this key, or agreed on no encryption.
    pub(crate) fn agreed(&mut self, key: Option<PublicKey>) {
        self.key = key;
    }

    pub(crate) fn established(&mut self) {
        self.established = true;
    }

    pub(crate) fn is_established(&self) -> bool {
        self.established
    }

    pub(crate) fn key(&self) -> Option<PublicKey> {
        self.key
    }

    /// The key by which the peer is known again.
    pub(crate) fn long_term_key(&self) -> Option<PublicKey> {
        self.own_key.or(self.key)
    }

    pub(crate) fn proved_own_key(&mut self, key: PublicKey) {
        self.own_key = Some(key);
    }

    pub(crate) fn shown(&self) -> Option<&Identity> {
        self.shown.as_deref()
    }

    pub(crate) fn keep_words(&mut self, words: Box<str>) {
        self.words = Some(words);
    }

    pub(crate) fn take_words(&mut self) -> Option<Box<str>> {
        self.words.take()
    }

    /// Asserts that nothing is proved without a connection, and no long-term key beside no key.
    pub(crate) fn check(&self, is_connected: bool) {
        let proved = self.established || self.key.is_some() || self.words.is_some();
        assert!(is_connected || !proved, "the peer proved itself, not connected");
        assert!(self.own_key.is_none() || self.key.is_some(), "a long-term key of no peer");
    }
}
