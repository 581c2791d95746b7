//! Events of sessions, their listings and offers.

use std::collections::{HashMap, VecDeque};

use tokio::sync::watch;
use xcher_core::peer::{SessionCommand, SessionId};
use xcher_core::{SharedFile, peer};

use super::{Actor, Entry, Opening};
use crate::peer::event::Event;
use crate::peer::handle::SessionHandle;
use crate::peer::offer::Offer;
use crate::peer::session::Session;
use crate::peer::session_state::SessionState;

/// Files in one offer; those beyond are declined.
const MAX_OFFERED: usize = 100_000;

impl Actor {
    pub(super) fn session_event(&mut self, event: peer::Event) {
        match event {
            peer::Event::Opened {
                session,
                peer: address,
                nick,
                incoming,
                path,
                security,
                device,
                ..
            } => {
                let nick = nick.map(|nick| nick.as_str().to_owned());
                let (words, ended) = (None, None);
                let state =
                    SessionState { address, nick, incoming, path, security, device, words, ended };
                self.opened(session, state);
            }
            peer::Event::OpenFailed { session, error } => {
                if let Some(opening) = self.opening.remove(&session) {
                    let _ = opening.reply.send(Err(error.into()));
                } else if let Some(entry) = self.sessions.remove(&session) {
                    entry.end(Err(error.into()));
                }
            }
            peer::Event::SafetyWords { session, words } => {
                if let Some(entry) = self.sessions.get(&session) {
                    entry.state.send_modify(|state| state.words = Some(words.into()));
                }
            }
            peer::Event::Entry { session, name, size, stat } => {
                let file = SharedFile { name, size, stat };
                let writer = self.sessions.get(&session).and_then(|entry| entry.listings.front());
                if writer.is_some_and(|writer| writer.push(Ok(file))) {
                    self.host.hold(session, true);
                }
            }
            peer::Event::ListEnd { session, .. } => {
                let Some(entry) = self.sessions.get_mut(&session) else { return };
                if let Some(writer) = entry.listings.pop_front() {
                    writer.finish();
                }
                if !entry.listings.is_empty() {
                    self.start_listing(session);
                }
            }
            peer::Event::Checked { session, name, yes } => {
                let entry = self.sessions.get_mut(&session);
                if let Some(reply) = entry.and_then(|entry| entry.checks.remove(&name)) {
                    let _ = reply.send(Ok(yes));
                }
            }
            peer::Event::Offered { session, name, size, stat } => {
                match self.sessions.get_mut(&session) {
                    Some(entry) if entry.offered.len() < MAX_OFFERED => {
                        entry.offered.push(SharedFile { name, size, stat });
                    }
                    _ => _ = self.host.command(session, SessionCommand::Decline(name)),
                }
            }
            peer::Event::OfferEnd { session, .. } => {
                if let Some(entry) = self.sessions.get_mut(&session) {
                    let files = std::mem::take(&mut entry.offered);
                    let receiver = entry.state.subscribe();
                    let handle = SessionHandle::incoming(session, self.handle.clone());
                    let session = Session::new(handle, receiver);
                    // Declined when it is dropped, which is here if nobody listens.
                    self.report(Event::Offer(Offer::new(session, files)));
                }
            }
            peer::Event::Ended { session, error } => {
                if let Some(entry) = self.sessions.remove(&session) {
                    entry.end(error.map_or(Ok(()), |error| Err(error.into())));
                }
            }
            event => self.transfer_event(event),
        }
    }

    fn opened(&mut self, session: SessionId, state: SessionState) {
        if let Some(entry) = self.sessions.get(&session) {
            // The connection that was established first turned out to be a third party's.
            entry.state.send_replace(state);
            return;
        }
        let incoming = state.incoming;
        let (sender, receiver) = watch::channel(state);
        let opening = self.opening.remove(&session);
        let entry = Entry {
            request: opening.as_ref().map(|opening| opening.request),
            state: sender,
            listings: VecDeque::new(),
            checks: HashMap::new(),
            offered: Vec::new(),
        };
        self.sessions.insert(session, entry);
        match opening {
            // A future that was dropped withdraws it.
            Some(Opening { reply, .. }) => _ = reply.send(Ok((session, receiver))),
            None if incoming => {
                let handle = SessionHandle::incoming(session, self.handle.clone());
                self.report(Event::Session(Session::new(handle, receiver)));
            }
            None => {}
        }
    }
}
