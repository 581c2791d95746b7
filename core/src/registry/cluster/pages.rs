//! Pages of the nicks of all relays (section 23.5).

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::message::{MAX_MESSAGE_LEN, Notice};
use super::{RelayId, Subject};
use crate::Nick;
use crate::registry::who::{MAX_PAGE, PageRequest};
use crate::registry::{Action, ConnId, Registry};

/// Time in which relays send their part of a page.
const PAGE_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes of the first line of a part, at most.
const PART_HEAD_LEN: usize = 64;

/// The pages that clients wait for.
#[derive(Default)]
pub(super) struct Pages {
    /// By number, which is also the order of their deadlines.
    all: BTreeMap<u64, Page>,
}

/// A page that waits for other relays.
struct Page {
    conn: ConnId,
    count: usize,
    /// The first `count` nicks of those that have come.
    nicks: BTreeSet<Box<str>>,
    /// The relays that have not sent all of theirs.
    waiting: BTreeSet<RelayId>,
    until: Duration,
}

impl Pages {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.all.first_key_value().map(|(_, page)| page.until)
    }

    /// Takes the page that is due first.
    fn pop_due(&mut self, now: Duration) -> Option<Page> {
        let page = self.all.first_entry().filter(|page| page.get().until <= now)?;
        Some(page.remove())
    }
}

impl Page {
    fn insert(&mut self, nick: &str) {
        self.nicks.insert(nick.into());
        if self.nicks.len() > self.count {
            self.nicks.pop_last();
        }
    }
}

impl Registry {
    /// Asks the other relays for their part of a page, and lets the client wait. Returns false if there is no
    /// other relay.
    pub(in crate::registry) fn gather_page(
        &mut self,
        conn: ConnId,
        request: &PageRequest<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> bool {
        let Some(cluster) = self.cluster.as_mut().filter(|cluster| cluster.is_connected) else {
            return false;
        };
        let waiting: BTreeSet<_> = cluster.members.present(now).collect();
        let Some(client) = self.clients.get_mut(&conn).filter(|_| !waiting.is_empty()) else {
            return false;
        };
        client.waits = true;
        let PageRequest { count, prefix, after } = *request;
        let own = self.nicks.page(prefix, after).take(count);
        let nicks = own.map(|nick| nick.as_str().into()).collect();
        let number = cluster.requests.number();
        let until = now.saturating_add(PAGE_TIMEOUT);
        cluster.pages.all.insert(number, Page { conn, count, nicks, waiting, until });
        let (relay, count) = (cluster.config.relay, count as u64);
        let bytes = Notice::Who { relay, request: number, count, prefix, after }.encode();
        actions.push(Action::Publish { to: Subject::All, bytes });
        true
    }

    /// Sends another relay this one's part of a page.
    pub(super) fn send_part(
        &mut self,
        to: RelayId,
        request: u64,
        wanted: &PageRequest<'_>,
        actions: &mut Vec<Action>,
    ) {
        let Some(cluster) = &self.cluster else { return };
        let relay = cluster.config.relay;
        let mut part = String::new();
        let mut publish = |nicks: &str, is_last| {
            let bytes = Notice::Nicks { relay, request, is_last, nicks }.encode();
            actions.push(Action::Publish { to: Subject::Relay(to), bytes });
        };
        for nick in self.nicks.page(wanted.prefix, wanted.after).take(wanted.count.min(MAX_PAGE)) {
            if part.len() + nick.as_str().len() + 1 > MAX_MESSAGE_LEN - PART_HEAD_LEN {
                publish(&part, false);
                part.clear();
            }
            if !part.is_empty() {
                part.push('\n');
            }
            part.push_str(nick.as_str());
        }
        publish(&part, true);
    }

    /// Adds another relay's nicks to a page, which the client gets once all are there.
    pub(super) fn part_came(
        &mut self,
        (relay, request): (RelayId, u64),
        nicks: &str,
        is_last: bool,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let pages = self.cluster.as_mut().map(|cluster| &mut cluster.pages.all);
        let Some((pages, page)) = pages.and_then(|pages| {
            let page = pages.remove(&request)?;
            Some((pages, page))
        }) else {
            return;
        };
        let mut page = page;
        // A relay that came meanwhile may answer, too.
        let is_listed = |nick: &Nick| !nick.is_one_time();
        for nick in nicks.split('\n').filter_map(|nick| Nick::parse(nick).ok()).filter(is_listed) {
            page.insert(nick.as_str());
        }
        if is_last {
            page.waiting.remove(&relay);
        }
        if page.waiting.is_empty() {
            self.end_page(page, now, actions);
        } else {
            pages.insert(request, page);
        }
    }

    /// Ends the pages that are due: relays that have not answered are left out.
    pub(super) fn end_due_pages(&mut self, now: Duration, actions: &mut Vec<Action>) {
        while let Some(page) = self.cluster.as_mut().and_then(|cluster| cluster.pages.pop_due(now))
        {
            self.end_page(page, now, actions);
        }
    }

    /// Ends all pages: the bus is lost.
    pub(super) fn end_pages(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let Some(cluster) = &mut self.cluster else { return };
        for page in core::mem::take(&mut cluster.pages.all).into_values() {
            self.end_page(page, now, actions);
        }
    }

    fn end_page(&mut self, page: Page, now: Duration, actions: &mut Vec<Action>) {
        self.write_page(page.conn, page.nicks.iter().map(|nick| &**nick), actions);
        self.resume(page.conn, now, actions);
    }
}
