//! Who this host is, whom it knows, and what a session is to be (sections 9 and 11).

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use litemap::LiteMap;

use super::session_entry::Slot;
use super::{Action, Error, Event, Path, Peer, SessionId, Turn};
use crate::code::{Code, CodeError, MAX_TRIES};
use crate::secure::{Entropy, Identity, PublicKey, SecureError, Side, relay_key};
use crate::session::{Event as Heard, Extensions, Terms};
use crate::{Limits, MisuseError, Nick, ProtocolError, Session};

/// What a host needs for private sessions.
#[derive(Debug)]
pub struct Encryption {
    identity: Arc<Identity>,
    entropy: Entropy,
    extensions: Extensions,
    required: bool,
    /// By the nick in lower case.
    pins: LiteMap<Box<str>, PublicKey>,
    /// What whoever calls this host is to know, the key of that code, and how many did not know it.
    code: Option<(Code, Arc<Identity>)>,
    wrong: u32,
}

impl Encryption {
    /// Of this host's key, and 32 bytes of the system's randomness.
    pub fn new(identity: Identity, seed: [u8; 32]) -> Self {
        Self {
            identity: Arc::new(identity),
            entropy: Entropy::new(seed),
            extensions: Extensions::SECURE
                .with(Extensions::VERIFY)
                .with(Extensions::CODE)
                .with(Extensions::PASSIVE)
                .with(Extensions::OFFER)
                .with(Extensions::RECEIPT),
            required: false,
            pins: LiteMap::new(),
            code: None,
            wrong: 0,
        }
    }

    /// Every session is private, or there is none.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// This host's processor does AES.
    #[must_use]
    pub fn with_aes(mut self) -> Self {
        self.extensions = self.extensions.with(Extensions::AES);
        self
    }

    /// This host sends and takes many small files together.
    #[must_use]
    pub fn with_batch(mut self) -> Self {
        self.extensions = self.extensions.with(Extensions::BATCH);
        self
    }

    /// This host knows of its files' times and modes, and gives them to those that come; and names what
    /// it cannot send.
    #[must_use]
    pub fn with_stat(mut self) -> Self {
        self.extensions = self.extensions.with(Extensions::STAT).with(Extensions::LEFT);
        self
    }

    /// This host looks for what an earlier try left of a file.
    #[must_use]
    pub fn with_resume(mut self) -> Self {
        self.extensions = self.extensions.with(Extensions::RESUME);
        self
    }

    /// Nobody is let in who does not prove to know this code. This host is to go by its nick, and
    /// shows callers a key that is of this code alone.
    #[must_use]
    pub fn with_code(mut self, code: Code) -> Self {
        let identity = self.key_for_once();
        self.code = Some((code, Arc::new(identity)));
        self
    }

    /// Nobody is taken for `nick` who does not hold this key.
    pub fn pin(&mut self, nick: Nick, key: PublicKey) {
        self.pins.insert(nick.lower(), key);
    }

    /// A key that is used once.
    pub(super) fn key_for_once(&mut self) -> Identity {
        Identity::new(self.entropy.bytes())
    }

    /// The key that this host has at a relay: of the code, where there is one, as callers are shown.
    pub(super) fn key_at(&self, relay: PublicKey) -> Identity {
        let identity = self.code.as_ref().map_or(&self.identity, |(_, identity)| identity);
        relay_key::host_key(identity, relay)
    }

    /// The key that callers are shown: that of the code, where there is one.
    pub fn shown_key(&self) -> PublicKey {
        self.code.as_ref().map_or(&self.identity, |(_, identity)| identity).public()
    }

    /// Begins to speak with whoever is at the other end.
    pub(super) fn begin_session(
        &mut self,
        slot: &mut Slot,
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> Session {
        let (side, path, nick) = (slot.side(), slot.path, slot.nick.as_ref());
        let by_code = match side {
            Side::Callee => self.code.clone(),
            // Neither does the caller show guessers who it is.
            Side::Caller => slot.code.clone().map(|code| (code, Arc::new(self.key_for_once()))),
        };
        // The words of a code prove more than a pin.
        let pin = nick.filter(|_| by_code.is_none()).and_then(|nick| self.pins.get(&nick.lower()));
        let expected = pin.copied();
        let (code, identity) = by_code.unzip();
        slot.shown.clone_from(&identity);
        let terms = Terms {
            side,
            callee_nick: slot.called_as().cloned(),
            code,
            identity: identity.unwrap_or_else(|| self.identity.clone()),
            entropy: Entropy::new(self.entropy.bytes()),
            extensions: match path {
                Path::Direct => self.extensions,
                Path::Bridge => self.extensions.with(Extensions::BRIDGE),
            },
            require_encryption: self.required,
            expected_key: expected,
        };
        Session::negotiate(limits, terms, out)
    }
}

/// A session's confidentiality: encrypted to a key, or readable on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Only the peer can read it.
    Encrypted {
        /// The key that the peer proved to hold.
        key: PublicKey,
        /// How far this host knows that key.
        status: KeyStatus,
    },
    /// Anyone who can watch the network can read it.
    Unencrypted(WhyUnencrypted),
}

/// How far this host knows the peer's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// The key that this nick had before.
    Pinned,
    /// The first key seen of this nick, pinned from now on.
    FirstSeen,
    /// The peer proved to know the code.
    ByCode,
    /// Not pinned: the peer called this host, or its nick is a code's.
    Unpinned,
}

/// Why a session is not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyUnencrypted {
    /// Encryption is disabled on this host.
    Disabled,
    /// The peer knows the base protocol alone.
    PeerUnsupported,
}

impl Peer {
    /// As [`new`](Self::new), for private sessions.
    pub fn with_encryption(mut self, trust: Encryption) -> Self {
        self.encryption = Some(trust);
        self
    }

    /// From now on nobody is taken for `nick` who does not hold this key; with none, whoever holds
    /// the next one.
    pub fn set_pin(&mut self, nick: Nick, key: Option<PublicKey>) {
        let Some(trust) = &mut self.encryption else { return };
        match key {
            Some(key) => trust.pins.insert(nick.lower(), key),
            None => trust.pins.remove(&nick.lower()),
        };
    }

    /// As [`know`](Self::know), but where another key is known of `nick`, that one stays.
    pub fn pin_if_new(&mut self, nick: &Nick, key: PublicKey) {
        if let Some(trust) = &mut self.encryption
            && !trust.pins.contains_key(&nick.lower())
        {
            trust.pins.insert(nick.lower(), key);
        }
    }

    /// This host's own key, where it speaks in private.
    pub fn key(&self) -> Option<PublicKey> {
        self.encryption.as_ref().map(|trust| trust.identity.public())
    }

    /// Both sides know what they can do: what was asked so far is sent.
    pub(super) fn agreed(&mut self, id: SessionId, key: Option<PublicKey>, turn: &mut Turn<'_>) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        slot.key = key;
        let mut out = Vec::new();
        slot.session.proceed(&mut out);
        slot.write(out, turn);
        if !slot.session.is_authenticating() {
            self.established(id, turn);
        }
    }

    /// Nothing stands between both sides and what they want of each other.
    pub(super) fn established(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        slot.agreed = true;
        slot.heard = turn.now;
        let (nick, incoming, key) = (slot.nick.clone(), slot.called, slot.key);
        let by_code = slot.code.is_some()
            || incoming && self.encryption.as_ref().is_some_and(|trust| trust.code.is_some());
        let security = match (key, &mut self.encryption) {
            (None, Some(_)) => Security::Unencrypted(WhyUnencrypted::PeerUnsupported),
            (None, None) => Security::Unencrypted(WhyUnencrypted::Disabled),
            (Some(key), trust) => {
                let status = match (&nick, trust) {
                    _ if by_code => KeyStatus::ByCode,
                    (Some(nick), Some(trust)) if trust.pins.contains_key(&nick.lower()) => {
                        KeyStatus::Pinned
                    }
                    // Who calls goes by a name of its own choice.
                    (Some(nick), Some(trust)) if !incoming && !nick.is_one_time() => {
                        trust.pins.insert(nick.lower(), key);
                        turn.act(Action::Pin { nick: nick.clone(), key });
                        KeyStatus::FirstSeen
                    }
                    _ => KeyStatus::Unpinned,
                };
                Security::Encrypted { key, status }
            }
        };
        slot.opened = true;
        if let Some(peer) = slot.remote {
            let lent = slot.session.extensions().has(Extensions::BRIDGE);
            let path = if lent { Path::Bridge } else { slot.path };
            turn.notify(Event::Opened { session: id, peer, nick, incoming, path, security });
        }
        if let Some(words) = slot.words.take() {
            turn.notify(Event::SafetyWords { session: id, words });
        }
        self.ask_again(id, turn);
    }

    /// Both sides know the code: who made it up says who it is, which guessers do not learn.
    pub(super) fn authenticated(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        if let (Some(slot), Some(trust)) = (self.sessions.get_mut(&id), &self.encryption)
            && slot.called
        {
            let mut out = Vec::new();
            slot.session.send_own_key(&trust.identity, &mut out);
            slot.write(out, turn);
        }
        self.established(id, turn);
    }

    /// The other side says who it is beyond the key of its code.
    pub(super) fn own_key_came(
        &mut self,
        id: SessionId,
        key: PublicKey,
        proof: &[u8; 32],
        turn: &mut Turn<'_>,
    ) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        // Where no code was proved, the handshake said it.
        let Some(shown) = slot.shown.as_ref().filter(|_| !slot.called) else { return };
        match slot.session.verify_own_key(key, proof, shown) {
            true => slot.own_key = Some(key),
            false => {
                let error = Error::Protocol(ProtocolError::Secure(SecureError::HandshakeMismatch));
                self.session_failed(id, error, turn);
            }
        }
    }

    /// Waits no longer for the other side to show whether it knows more than the six packets.
    pub(super) fn stop_probing(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        match slot.session.stop_probing() {
            Ok(Heard::Agreed { key }) => self.agreed(id, key, turn),
            Ok(_) => {}
            Err(error) => self.session_failed(id, Error::Protocol(error), turn),
        }
    }
}

impl Peer {
    /// Calls whoever made a code up, and proves to know it: as [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// As there; [`MisuseError::EncryptionDisabled`] for a host that speaks in the clear.
    pub fn open_code(
        &mut self,
        code: Code,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<SessionId, MisuseError> {
        if self.encryption.is_none() {
            return Err(MisuseError::EncryptionDisabled);
        }
        let session = self.open(code.nick().clone(), now, actions)?;
        if let Some(slot) = self.sessions.get_mut(&session) {
            slot.code = Some(code);
        }
        Ok(session)
    }

    /// Whether this host's code lets nobody in any more.
    pub(super) fn is_code_dead(&self) -> bool {
        self.encryption.as_ref().is_some_and(|trust| trust.wrong >= MAX_TRIES)
    }

    /// Where a session failed for a code that this host made up.
    pub(super) fn count_wrong_code(&mut self, id: SessionId, error: &Error, turn: &mut Turn<'_>) {
        let Error::Protocol(ProtocolError::Code(CodeError::Wrong)) = error else { return };
        if !self.sessions.get(&id).is_some_and(|slot| slot.called) {
            return;
        }
        let Some(trust) = &mut self.encryption else { return };
        trust.wrong += 1;
        if trust.wrong != MAX_TRIES {
            return;
        }
        turn.notify(Event::CodeExhausted);
        // Those who try at the same time have no more tries.
        let called = |slot: &Slot| slot.called && !slot.agreed;
        let others = self.sessions.iter().filter(|(other, slot)| **other != id && called(slot));
        for other in others.map(|(other, _)| *other).collect::<Vec<_>>() {
            self.open_failed(other, Error::Declined, turn);
        }
    }
}
