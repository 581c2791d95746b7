//! Actions of the users of the hosts.

use xcher_core::{FileName, SharedFile, Size, Stat, peer};

use crate::host::{RIGHT, WRONG, nick};
use crate::user::{Book, User, Wanted};
use crate::world::{Weather, World};

impl World {
    pub(crate) fn all_are_online(&self) -> bool {
        self.hosts.iter().all(|host| host.online)
    }

    pub(crate) fn user_has_something(&self, index: usize) -> bool {
        let host = &self.hosts[index];
        let user = &host.user;
        let may_call = host.online && (self.weather == Weather::Rough || self.all_are_online());
        (may_call && !user.calls.is_empty())
            || !user.asked.is_empty()
            || !user.offers.is_empty()
            || user.sessions.iter().any(|(id, book)| {
                book.open
                    && !book.ended
                    && !book.left
                    && (!book.listing
                        || (book.list_ended
                            && (!book.listed.is_empty() || self.is_idle(index, *id))))
            })
    }

    /// Returns true if no question and no transfer of a session is pending.
    pub(crate) fn is_idle(&self, host: usize, session: peer::SessionId) -> bool {
        let user = &self.hosts[host].user;
        user.transfers.values().filter(|w| w.session == session).all(|w| w.end.is_some())
            && user.sessions[&session].checks.values().all(Option::is_some)
    }

    pub(crate) fn user_acts(&mut self, host: usize) {
        let rough = self.weather == Weather::Rough;
        if let Some(session) = self.hosts[host].user.asked.pop() {
            let yes = !rough || self.rng.u8(..) < 200;
            // The call may have timed out.
            let _ = self.with(host, |peer, now, actions| match yes {
                true => peer.accept(session, now, actions),
                false => peer.reject(session, now, actions),
            });
            return;
        }
        if let Some((session, name, size)) = self.hosts[host].user.offers.pop() {
            return self.answer_offer(host, session, name, size);
        }
        if self.hosts[host].online
            && let Some(with) = self.hosts[host].user.calls.pop()
        {
            // The record must exist before the first event.
            let mut actions = Vec::new();
            let now = self.now;
            let opened = match (&self.hosts[with].code, self.hosts[host].key) {
                // A call without encryption would fail.
                (Some(_), None) => return,
                (Some(_), Some(_)) => {
                    let code = if rough && self.rng.u8(0..4) == 0 { WRONG } else { RIGHT };
                    self.hosts[host].peer.open_code(code.parse().unwrap(), now, &mut actions)
                }
                (None, _) => self.hosts[host].peer.open(nick(with), now, &mut actions),
            };
            if let Ok(session) = opened {
                let book = Book { with, called_at: now, ..Book::default() };
                self.hosts[host].user.sessions.insert(session, book);
            }
            for action in actions {
                self.act(host, action);
            }
            return;
        }
        let open: Vec<_> = self.hosts[host]
            .user
            .sessions
            .iter()
            .filter(|(_, book)| book.open && !book.ended && !book.left)
            .map(|(id, _)| *id)
            .collect();
        if open.is_empty() {
            return;
        }
        let session = open[self.rng.usize(..open.len())];
        self.act_in_session(host, session, rough);
    }

    pub(crate) fn act_in_session(&mut self, host: usize, session: peer::SessionId, rough: bool) {
        let idle = self.is_idle(host, session);
        let early = rough && self.rng.u8(..) < 2;
        let book = self.hosts[host].user.sessions.get_mut(&session).unwrap();
        if !book.listing && !early {
            book.listing = true;
            self.with(host, |peer, now, actions| peer.list(session, now, actions)).unwrap();
        } else if book.list_ended && !book.listed.is_empty() && !early {
            let (name, size) = book.listed.pop().unwrap();
            match self.rng.u8(0..5) {
                0 => {}
                4 => {
                    list_again(&mut self.hosts[host].user, session, name, size);
                    self.offer(host, session);
                }
                1 => self.ask(host, session, name),
                _ => self.fetch(host, session, name, size),
            }
        } else if early || (book.list_ended && idle) {
            book.left = true;
            let _ = self.with(host, |peer, now, actions| peer.end(session, now, actions));
        }
        if self.rng.u8(..) < if rough { 4 } else { 20 } {
            let user = &mut self.hosts[host].user;
            // On a calm network only transfers that have started, which cannot look refused.
            let running = user
                .transfers
                .iter_mut()
                .find(|(_, wanted)| wanted.end.is_none() && (rough || wanted.started));
            if let Some((transfer, wanted)) = running {
                wanted.cancelled = true;
                let transfer = *transfer;
                let _ = self.with(host, |peer, now, actions| peer.cancel(transfer, now, actions));
            }
        }
    }

    pub(crate) fn ask(&mut self, host: usize, session: peer::SessionId, name: FileName) {
        let text = if self.rng.bool() { name.as_str().to_owned() } else { format!("{name} NO") };
        let name = FileName::new(&text).unwrap();
        let asked = self.with(host, |peer, now, actions| peer.check(session, name, now, actions));
        if asked.is_ok() {
            let user = &mut self.hosts[host].user;
            user.sessions.get_mut(&session).unwrap().checks.insert(text, None);
        }
    }

    pub(crate) fn fetch(
        &mut self,
        host: usize,
        session: peer::SessionId,
        name: FileName,
        size: Size,
    ) {
        // Now and then a wrong size, which the provider must refuse.
        let (wrong, listed) = (self.rng.u8(..) < 20, size);
        let size = if wrong { Size::Exact(size.bytes() + 1) } else { size };
        let mut actions = Vec::new();
        let now = self.now;
        let got = self.hosts[host].peer.get(
            session,
            name.clone(),
            size,
            Stat::default(),
            now,
            &mut actions,
        );
        if let Ok(transfer) = got {
            let exists = !wrong;
            let wanted = Wanted {
                session,
                name,
                exists,
                size: listed,
                started: false,
                end: None,
                cancelled: false,
            };
            self.hosts[host].user.transfers.insert(transfer, wanted);
        }
        for action in actions {
            self.act(host, action);
        }
    }

    /// Offers this host's own files, once per session.
    fn offer(&mut self, host: usize, session: peer::SessionId) {
        let user = &self.hosts[host].user;
        if !user.sessions[&session].offered.is_empty() {
            return;
        }
        let files: Vec<_> = (self.hosts[host].files.iter())
            .filter(|(name, _)| name.starts_with("offer"))
            .map(|(name, bytes)| SharedFile {
                name: FileName::new(name).unwrap(),
                size: Size::Exact(bytes.len() as u64),
                stat: Stat::default(),
            })
            .collect();
        let names = files.iter().map(|file| file.name.as_str().to_owned()).collect();
        self.hosts[host].user.sessions.get_mut(&session).unwrap().offered = names;
        let _ = self.with(host, |peer, now, actions| peer.offer(session, files, now, actions));
    }

    /// Answers the offer of a caller.
    fn answer_offer(&mut self, host: usize, session: peer::SessionId, name: FileName, size: Size) {
        match self.rng.u8(0..4) {
            0 => {}
            1 => {
                let decline = |peer: &mut xcher_core::Peer, now, actions: &mut Vec<_>| {
                    peer.decline(session, &name, now, actions)
                };
                let _ = self.with(host, decline);
            }
            _ => self.fetch(host, session, name, size),
        }
    }
}

/// Puts a file back, so that something else is done first.
fn list_again(user: &mut User, session: peer::SessionId, name: FileName, size: Size) {
    user.sessions.get_mut(&session).unwrap().listed.push((name, size));
}
