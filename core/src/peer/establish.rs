//! Establishes sessions: handshake, keys and codes (sections 11 and 12).

use alloc::vec::Vec;

use super::call_path::NEAR;
use super::session_entry::SessionEntry;
use super::{
    Action, Encryption, Error, Event, KeyStatus, Path, Peer, Security, SessionId, Turn,
    WhyUnencrypted,
};
use crate::code::CodeError;
use crate::secure::{PublicKey, SecureError};
use crate::session::{Event as Heard, Extensions};
use crate::{Nick, ProtocolError};

impl Peer {
    /// Encrypts sessions, which [`new`](Self::new) alone does not.
    pub fn with_encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = Some(encryption);
        self
    }

    /// Accepts only this key of `nick` from now on; with `None`, whichever it shows next.
    pub fn set_pin(&mut self, nick: Nick, key: Option<PublicKey>) {
        if let Some(encryption) = &mut self.encryption {
            encryption.set_pin(&nick, key);
        }
    }

    /// Pins a key of `nick`, unless one is pinned already.
    pub fn pin_if_new(&mut self, nick: &Nick, key: PublicKey) {
        if let Some(encryption) = &mut self.encryption
            && !encryption.has_pin(nick)
        {
            encryption.set_pin(nick, Some(key));
        }
    }

    /// This host's own key, if it encrypts sessions.
    pub fn key(&self) -> Option<PublicKey> {
        self.encryption.as_ref().map(|encryption| encryption.own_identity().public())
    }

    /// The handshake is complete, or not to be had: both sides know what they can do.
    pub(super) fn agreed(&mut self, id: SessionId, key: Option<PublicKey>, turn: &mut Turn<'_>) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        entry.auth.agreed(key);
        let mut out = Vec::new();
        entry.session.proceed(&mut out);
        entry.write(out, turn);
        if !entry.session.is_authenticating() {
            self.established(id, turn);
        }
    }

    /// Both sides proved to know the code. The host that made it says who it is, which guessers do not
    /// learn.
    pub(super) fn authenticated(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        if let (Some(entry), Some(encryption)) = (self.sessions.get_mut(&id), &self.encryption)
            && entry.call.is_incoming()
        {
            let mut out = Vec::new();
            entry.session.send_own_key(encryption.own_identity(), &mut out);
            entry.write(out, turn);
        }
        self.established(id, turn);
    }

    /// The user's packets can go both ways: reports the session, and sends the commands given so far.
    fn established(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        entry.auth.established();
        entry.heard = turn.now;
        let security = security(entry, self.encryption.as_mut(), turn);
        let is_first = !core::mem::replace(&mut entry.is_reported, true);
        let mut told = None;
        if let Some(live) = entry.connection() {
            let uses_bridge = entry.session.extensions().has(Extensions::BRIDGE);
            let path = if uses_bridge { Path::Bridge } else { live.path };
            if is_first && !entry.call.is_incoming() {
                told = Some(if live.is_near { NEAR } else { path.as_str() });
            }
            turn.notify(Event::Opened {
                session: id,
                peer: live.remote,
                nick: entry.call.nick().cloned(),
                incoming: entry.call.is_incoming(),
                near: live.is_near,
                path,
                security,
                device: entry.session.peer_device(),
            });
        }
        if let Some(words) = entry.auth.take_words() {
            turn.notify(Event::SafetyWords { session: id, words });
        }
        if let Some(path) = told {
            self.tell_path(path, turn);
        }
        self.may_link(id, turn);
        self.send_commands(id, turn);
    }

    /// The peer shows its long-term key, beside the key of its code.
    pub(super) fn own_key_came(
        &mut self,
        id: SessionId,
        key: PublicKey,
        proof: &[u8; 32],
        turn: &mut Turn<'_>,
    ) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        // Without a code the handshake itself showed it.
        let Some(shown) = entry.auth.shown().filter(|_| !entry.call.is_incoming()) else { return };
        match entry.session.verify_own_key(key, proof, shown) {
            true => entry.auth.proved_own_key(key),
            false => {
                let error = Error::Protocol(ProtocolError::Secure(SecureError::HandshakeMismatch));
                self.session_failed(id, error, turn);
            }
        }
    }

    /// Stops waiting for a caller of the base protocol to say something.
    pub(super) fn stop_probing(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        match entry.session.stop_probing() {
            Ok(Heard::Agreed { key }) => self.agreed(id, key, turn),
            Ok(_) => {}
            Err(error) => self.session_failed(id, Error::Protocol(error), turn),
        }
    }

    /// Returns true if this host's code admits no caller any more.
    pub(super) fn is_code_exhausted(&self) -> bool {
        self.encryption.as_ref().is_some_and(Encryption::is_code_exhausted)
    }

    /// Counts a session that failed for a wrong guess of this host's code.
    pub(super) fn count_wrong_code(&mut self, id: SessionId, error: &Error, turn: &mut Turn<'_>) {
        let Error::Protocol(ProtocolError::Code(CodeError::Wrong)) = error else { return };
        if !self.sessions.get(&id).is_some_and(|entry| entry.call.is_incoming()) {
            return;
        }
        if !self.encryption.as_mut().is_some_and(Encryption::count_wrong_code) {
            return;
        }
        turn.notify(Event::CodeExhausted);
        // Callers that are trying at the same time have no more tries.
        let tries = |entry: &SessionEntry| entry.call.is_incoming() && !entry.auth.is_established();
        let others = self.sessions.iter().filter(|(other, entry)| **other != id && tries(entry));
        for other in others.map(|(other, _)| *other).collect::<Vec<_>>() {
            self.open_failed(other, Error::Declined, turn);
        }
    }
}

/// Returns the security of an established session; pins the first key of a nick that this host called.
fn security(
    entry: &SessionEntry,
    encryption: Option<&mut Encryption>,
    turn: &mut Turn<'_>,
) -> Security {
    let Some(encryption) = encryption else {
        return Security::Unencrypted(WhyUnencrypted::Disabled);
    };
    let Some(key) = entry.auth.key() else {
        return Security::Unencrypted(WhyUnencrypted::PeerUnsupported);
    };
    let incoming = entry.call.is_incoming();
    let by_code = entry.call.code().is_some() || incoming && encryption.has_code();
    let status = match entry.call.nick() {
        _ if by_code => KeyStatus::ByCode,
        Some(nick) if encryption.has_pin(nick) => KeyStatus::Pinned,
        // A caller chooses its own nick.
        Some(nick) if !incoming && !nick.is_one_time() => {
            encryption.set_pin(nick, Some(key));
            turn.act(Action::Pin { nick: nick.clone(), key });
            KeyStatus::FirstSeen
        }
        _ => KeyStatus::Unpinned,
    };
    Security::Encrypted { key, status }
}
