//! The user of a simulated host, who calls other hosts, fetches some of their files and records what happens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use xcher_core::peer::{Delivery, Direction, Event, Path, Security, SessionId, TransferId};
use xcher_core::{FileName, Size};

use crate::host::host_of;

pub struct User {
    /// Hosts to call.
    pub calls: Vec<usize>,
    /// Calls to answer.
    pub asked: Vec<SessionId>,
    /// Sessions that this user opened.
    pub sessions: BTreeMap<SessionId, Book>,
    /// Incoming sessions that are open.
    pub visitors: BTreeSet<SessionId>,
    /// The peer and the security of each session.
    pub peers: BTreeMap<SessionId, (usize, Security)>,
    /// Offers of callers.
    pub offers: Vec<(SessionId, FileName, Size)>,
    /// Requested transfers.
    pub transfers: BTreeMap<TransferId, Wanted>,
    /// Transfers to other hosts that began and have not ended.
    pub serving: BTreeSet<TransferId>,
    /// Number of files of each such transfer without a report.
    pub unreported: BTreeMap<TransferId, u64>,
    /// Files that peers reported as stored.
    pub confirmed: Vec<FileName>,
    pub was_online: bool,
}

#[derive(Default)]
pub struct Book {
    pub with: usize,
    pub called_at: Duration,
    /// Time from the call to the session.
    pub took: Option<Duration>,
    pub path: Option<Path>,
    pub open: bool,
    /// True if it stays behind the NAT of both hosts.
    pub near: bool,
    pub failed: bool,
    pub ended: bool,
    pub listing: bool,
    pub listed: Vec<(FileName, Size)>,
    pub list_ended: bool,
    pub checks: BTreeMap<String, Option<bool>>,
    /// Ended by this user.
    pub left: bool,
    /// Files that were requested again.
    pub retries: u8,
    /// Names of offered files.
    pub offered: BTreeSet<String>,
}

pub struct Wanted {
    pub session: SessionId,
    pub name: FileName,
    pub exists: bool,
    /// The listed size.
    pub size: Size,
    /// Set once its transfer started.
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
            peers: BTreeMap::new(),
            offers: Vec::new(),
            transfers: BTreeMap::new(),
            serving: BTreeSet::new(),
            unreported: BTreeMap::new(),
            confirmed: Vec::new(),
            was_online: false,
        }
    }

    pub fn notify(&mut self, event: &Event) {
        if let Event::Opened { session, nick: Some(nick), security, .. } = event {
            self.peers.insert(*session, (host_of(nick), *security));
        }
        if let Event::Ended { session, .. } = event {
            self.offers.retain(|(of, ..)| of != session);
        }
        match event {
            Event::Call { session, .. } => self.asked.push(*session),
            Event::Opened { session, incoming: true, .. } => {
                assert!(self.visitors.insert(*session), "an incoming session opened twice");
            }
            Event::Opened { session, near, .. } => {
                let book = self.sessions.get_mut(session).expect("an own session");
                assert!(!book.failed && !book.ended, "a session opened after its end");
                // Reported again if an outsider connected first.
                book.open = true;
                book.near = *near;
            }
            Event::OpenFailed { session, .. } => {
                self.asked.retain(|asked| asked != session);
                if let Some(book) = self.sessions.get_mut(session) {
                    assert!(
                        !book.open && !book.failed,
                        "a session failed twice, or after it opened"
                    );
                    book.failed = true;
                }
            }
            Event::Ended { session, .. } => match self.sessions.get_mut(session) {
                Some(book) => {
                    assert!(book.open && !book.ended, "a session ended twice, or before it opened");
                    book.ended = true;
                }
                None => assert!(self.visitors.remove(session), "an incoming session ended twice"),
            },
            Event::Entry { session, name, size, .. } => {
                let book = self.sessions.get_mut(session).expect("an own session");
                assert!(book.listing && !book.list_ended, "an entry without a listing");
                book.listed.push((name.clone(), *size));
            }
            Event::ListEnd { session, entries } => {
                let book = self.sessions.get_mut(session).expect("an own session");
                assert_eq!(*entries, book.listed.len() as u64);
                book.list_ended = true;
            }
            Event::Checked { session, name, yes } => {
                let book = self.sessions.get_mut(session).expect("an own session");
                let answer = book.checks.get_mut(&**name).expect("a name that was asked about");
                assert_eq!(answer.replace(*yes), None, "two answers to a question");
            }
            Event::Offered { session, name, size, .. } => {
                assert!(self.visitors.contains(session), "a callee offered");
                // The relay may not have been asked yet to name callers.
                if self.peers.contains_key(session) {
                    self.offers.push((*session, name.clone(), *size));
                }
            }
            Event::Declined { session, name } => {
                let book = self.sessions.get_mut(session).expect("an own session");
                assert!(book.offered.remove(&**name), "declined twice, or not offered");
            }
            Event::Started { transfer, direction: Direction::Receive, .. } => {
                let wanted = self.transfers.get_mut(transfer).expect("a requested file");
                assert!(!std::mem::replace(&mut wanted.started, true), "a transfer started twice");
            }
            Event::Started { transfer, more, .. } if !self.transfers.contains_key(transfer) => {
                assert!(self.serving.insert(*transfer), "a transfer started twice");
                self.unreported.insert(*transfer, 1 + more);
            }
            Event::Delivered { transfer, name, delivery, .. } => {
                if let Some(left) = transfer.and_then(|transfer| self.unreported.get_mut(&transfer))
                {
                    assert!(*left > 0, "{name} was reported twice");
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
                assert!(wanted.end.is_none(), "a transfer ended twice");
                // Tries again, which resumes.
                if let (true, Err(_), Some(book)) =
                    (wanted.exists, &end, self.sessions.get_mut(&wanted.session))
                    && book.retries < 3
                {
                    book.retries += 1;
                    book.listed.push((wanted.name.clone(), wanted.size));
                }
                wanted.end = Some(end);
            }
            // A transfer that never started fails without a start event.
            None => _ = self.serving.remove(&transfer),
        }
    }

    /// Returns true if everything that this user began has ended.
    pub fn is_done(&self) -> bool {
        self.calls.is_empty()
            && self.sessions.values().all(|book| book.failed || book.ended)
            && self.transfers.values().all(|wanted| wanted.end.is_some())
    }
}
