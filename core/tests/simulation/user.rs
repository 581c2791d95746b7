//! Who sits before a simulated host: calls others, fetches some of what they have, and keeps books.

use std::collections::{BTreeMap, BTreeSet};

use xcher_core::peer::{Delivery, Direction, Event, Security, SessionId, TransferId};
use xcher_core::{FileName, Size};

use crate::host::host_of;

pub struct User {
    /// Hosts to call.
    pub calls: Vec<usize>,
    /// Calls to answer.
    pub asked: Vec<SessionId>,
    /// Sessions this user opened: whom, and what it was told.
    pub sessions: BTreeMap<SessionId, Book>,
    /// Sessions that others opened and that are not over.
    pub visitors: BTreeSet<SessionId>,
    /// Who is at the other end of each session there was, and how it was opened.
    pub whom: BTreeMap<SessionId, (usize, Security)>,
    /// What visitors offered.
    pub offers: Vec<(SessionId, FileName, Size)>,
    /// Transfers asked for: of which session, which file, and how they ended.
    pub transfers: BTreeMap<TransferId, Wanted>,
    /// Transfers that began and did not end: files that leave this host.
    pub serving: BTreeSet<TransferId>,
    /// Files of those whose fate is not known yet.
    pub fates: BTreeMap<TransferId, u64>,
    /// Files that others reported as stored.
    pub confirmed: Vec<FileName>,
}

#[derive(Default)]
pub struct Book {
    pub with: usize,
    pub open: bool,
    pub failed: bool,
    pub ended: bool,
    pub listing: bool,
    pub listed: Vec<(FileName, Size)>,
    pub list_ended: bool,
    pub checks: BTreeMap<String, Option<bool>>,
    /// Ended by this user.
    pub left: bool,
    /// Files that were asked for once more.
    pub retries: u8,
    /// What was offered.
    pub offered: BTreeSet<String>,
}

pub struct Wanted {
    pub session: SessionId,
    pub name: FileName,
    pub exists: bool,
    /// As it was listed.
    pub size: Size,
    /// Its first byte can move.
    pub started: bool,
    pub end: Option<Result<FileName, String>>,
    pub cancelled: bool,
}

impl User {
    pub fn new(index: usize, hosts: usize, rng: &mut fastrand::Rng) -> Self {
        let calls = (0..rng.usize(0..4))
            .map(|_| rng.usize(0..hosts))
            .filter(|other| *other != index)
            .collect();
        Self {
            calls,
            asked: Vec::new(),
            sessions: BTreeMap::new(),
            visitors: BTreeSet::new(),
            whom: BTreeMap::new(),
            offers: Vec::new(),
            transfers: BTreeMap::new(),
            serving: BTreeSet::new(),
            fates: BTreeMap::new(),
            confirmed: Vec::new(),
        }
    }

    pub fn told(&mut self, event: &Event) {
        if let Event::Opened { session, nick: Some(nick), security, .. } = event {
            self.whom.insert(*session, (host_of(nick), *security));
        }
        if let Event::Ended { session, .. } = event {
            self.offers.retain(|(of, ..)| of != session);
        }
        match event {
            Event::Call { session, .. } => self.asked.push(*session),
            Event::Opened { session, incoming: true, .. } => {
                assert!(self.visitors.insert(*session), "a visit opened twice");
            }
            Event::Opened { session, .. } => {
                let book = self.sessions.get_mut(session).expect("a session of ours");
                assert!(!book.failed && !book.ended, "opened after it was over");
                // Again, where a stranger came by first.
                book.open = true;
            }
            Event::OpenFailed { session, .. } => {
                self.asked.retain(|asked| asked != session);
                if let Some(book) = self.sessions.get_mut(session) {
                    assert!(!book.open && !book.failed, "failed once, and not after it opened");
                    book.failed = true;
                }
            }
            Event::Ended { session, .. } => match self.sessions.get_mut(session) {
                Some(book) => {
                    assert!(book.open && !book.ended, "ended once, after it opened");
                    book.ended = true;
                }
                None => assert!(self.visitors.remove(session), "a visit ended twice"),
            },
            Event::Entry { session, name, size, .. } => {
                let book = self.sessions.get_mut(session).expect("a session of ours");
                assert!(book.listing && !book.list_ended, "an entry of a list under way");
                book.listed.push((name.clone(), *size));
            }
            Event::ListEnd { session, entries } => {
                let book = self.sessions.get_mut(session).expect("a session of ours");
                assert_eq!(*entries, book.listed.len() as u64);
                book.list_ended = true;
            }
            Event::Checked { session, name, yes } => {
                let book = self.sessions.get_mut(session).expect("a session of ours");
                let answer = book.checks.get_mut(&**name).expect("a name we asked about");
                assert_eq!(answer.replace(*yes), None, "one answer a question");
            }
            Event::Offered { session, name, size, .. } => {
                assert!(self.visitors.contains(session), "callers offer");
                // A relay may not have been asked yet to say who calls.
                if self.whom.contains_key(session) {
                    self.offers.push((*session, name.clone(), *size));
                }
            }
            Event::Declined { session, name } => {
                let book = self.sessions.get_mut(session).expect("a session of ours");
                assert!(book.offered.remove(&**name), "what was offered is declined once");
            }
            Event::Started { transfer, direction: Direction::Receive, .. } => {
                let wanted = self.transfers.get_mut(transfer).expect("a file that was asked for");
                assert!(!std::mem::replace(&mut wanted.started, true), "started once");
            }
            Event::Started { transfer, more, .. } if !self.transfers.contains_key(transfer) => {
                assert!(self.serving.insert(*transfer), "started once");
                self.fates.insert(*transfer, 1 + more);
            }
            Event::Delivered { transfer, name, delivery, .. } => {
                if let Some(left) = transfer.and_then(|transfer| self.fates.get_mut(&transfer)) {
                    assert!(*left > 0, "{name} met two fates");
                    *left -= 1;
                }
                match delivery {
                    Delivery::Stored => self.confirmed.push(name.clone()),
                    Delivery::Unsent(why) => assert!(!why.to_string().is_empty()),
                    _ => {}
                }
            }
            Event::Finished { transfer, name, .. } => self.over(*transfer, Ok(name.clone())),
            Event::Failed { transfer, error, .. } => self.over(*transfer, Err(error.to_string())),
            _ => {}
        }
    }

    fn over(&mut self, transfer: TransferId, end: Result<FileName, String>) {
        match self.transfers.get_mut(&transfer) {
            Some(wanted) => {
                assert!(wanted.end.is_none(), "a transfer ends once");
                // What was left of it is gone on with.
                if let (true, Err(_), Some(book)) =
                    (wanted.exists, &end, self.sessions.get_mut(&wanted.session))
                    && book.retries < 3
                {
                    book.retries += 1;
                    book.listed.push((wanted.name.clone(), wanted.size));
                }
                wanted.end = Some(end);
            }
            // One that never started fails without having been told of.
            None => _ = self.serving.remove(&transfer),
        }
    }

    /// Whether everything this user began has come to an end.
    pub fn is_done(&self) -> bool {
        self.calls.is_empty()
            && self.sessions.values().all(|book| book.failed || book.ended)
            && self.transfers.values().all(|wanted| wanted.end.is_some())
    }
}
