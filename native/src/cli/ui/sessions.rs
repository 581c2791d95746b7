//! The open sessions, and whether the user has read about their security.

use std::collections::HashMap;
use std::net::SocketAddr;

use xcher_core::Nick;
use xcher_core::peer::{KeyStatus, Path, Security};

use super::session_security::SessionSecurity;

#[derive(Default)]
pub(super) struct Sessions(HashMap<u64, Session>);

struct Session {
    peer: String,
    /// The peer's nick, or its IP address.
    name: String,
    incoming: bool,
    path: Path,
    near: bool,
    /// Set until the user has read it: the safety words are still to come.
    unread: Option<Security>,
}

impl Sessions {
    /// Adds a session. Returns the line about it, unless it must wait for the safety words.
    pub(super) fn opened(
        &mut self,
        session: u64,
        peer: SocketAddr,
        nick: Option<&Nick>,
        incoming: bool,
        (path, near, security): (Path, bool, Security),
    ) -> Option<String> {
        let ip = peer.ip().to_canonical();
        let name = nick.map_or_else(|| ip.to_string(), Nick::to_string);
        let peer = nick.map_or_else(|| ip.to_string(), |nick| format!("{nick} ({ip})"));
        let unread = Some(security);
        self.0.insert(session, Session { peer, name, incoming, path, near, unread });
        match security {
            Security::Unencrypted(_) | Security::Encrypted { status: KeyStatus::ByCode, .. } => {
                self.announce(session, None)
            }
            Security::Encrypted { .. } => None,
        }
    }

    /// Returns the line about a session, once: with its safety words, or without them when another event
    /// shows that they will not come.
    pub(super) fn announce(&mut self, session: u64, words: Option<&str>) -> Option<String> {
        let Session { peer, path, near, unread, .. } = self.0.get_mut(&session)?;
        let security = unread.take()?;
        let place = if *near { ", in the same network" } else { "" };
        Some(format!("{peer} is connected {path}{place}; {}", SessionSecurity { security, words }))
    }

    /// Removes a session. Returns its peer, and true if the peer was the caller.
    pub(super) fn ended(&mut self, session: u64) -> Option<(String, bool)> {
        self.0.remove(&session).map(|Session { peer, incoming, .. }| (peer, incoming))
    }

    /// Returns the peer of a session: its nick and address.
    pub(super) fn peer(&self, session: u64) -> &str {
        self.0.get(&session).map_or("a peer", |session| &session.peer)
    }

    /// Returns the peer of a session: its nick, or its address.
    pub(super) fn name(&self, session: u64) -> &str {
        self.0.get(&session).map_or("a peer", |session| &session.name)
    }

    /// Returns the path of a session that is open.
    pub(super) fn path(&self, session: u64) -> Option<Path> {
        self.0.get(&session).map(|session| session.path)
    }

    /// Returns true if the line about a session waits for its safety words.
    pub(super) fn awaits_words(&self, session: u64) -> bool {
        self.0.get(&session).is_some_and(|session| session.unread.is_some())
    }
}
