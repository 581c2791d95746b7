//! Answers X_WHO in chunks, so that no client makes the relay hold a complete list.

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use super::budgets::spend;
use super::connections::append_to;
use super::refusal::Refusal;
use super::{Action, CloseReason, ConnId, Registry, Rule};
use crate::{MAX_NICK_CHARS, RelayPacket};

/// Bytes of a list that may wait for one client.
const LIST_CHUNK_LEN: usize = 16 << 10;
/// Nicks of a page.
pub(super) const MAX_PAGE: usize = 1000;
/// Bytes that a page costs for each nick that it may have, whether it has so many or not: other relays look for
/// them, too.
const PAGED_NICK_LEN: usize = 32;

/// A client's wish for a part of the list.
#[derive(Clone, Copy)]
pub(super) struct PageRequest<'a> {
    /// Nicks wanted.
    pub(super) count: usize,
    /// What they begin with.
    pub(super) prefix: &'a str,
    /// What they come after.
    pub(super) after: &'a str,
}

impl<'a> PageRequest<'a> {
    /// Checks the fields of an X_WHO; `/` stands for no prefix.
    pub(super) fn check(
        count: Option<u64>,
        prefix: &'a str,
        after: Option<&'a str>,
    ) -> Result<Self, Refusal> {
        let (prefix, after) = (if prefix == "/" { "" } else { prefix }, after.unwrap_or_default());
        let count = count.and_then(|count| usize::try_from(count).ok());
        match count.filter(|count| (1..=MAX_PAGE).contains(count)) {
            _ if prefix.len().max(after.len()) > MAX_NICK_CHARS * 4 => {
                let reason = "expected X_WHO count prefix nick, got a longer field";
                Err(Refusal::Error(Rule::Syntax, reason.into()))
            }
            Some(count) => Ok(Self { count, prefix, after }),
            None => {
                let reason = format!("expected X_WHO with a count from 1 to {MAX_PAGE}");
                Err(Refusal::Error(Rule::Syntax, reason))
            }
        }
    }
}

impl Registry {
    /// Answers with a page of the nicks of all relays of the cluster, or of this one. It is written as a whole,
    /// so a list that the client has not read must not be under way.
    pub(super) fn list_page(
        &mut self,
        conn: ConnId,
        request: &PageRequest<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Some(client) = self.clients.get_mut(&conn) else { return Ok(()) };
        spend(client, &self.limits, now)?;
        let lists = client.lists;
        self.check_may_list(conn)?;
        if lists > 0 {
            let reason = "the list before it is not sent yet: read that first";
            return Err(Refusal::Declined(Rule::NotDue, reason.into()));
        }
        self.spend_answer(conn, request.count * PAGED_NICK_LEN, now)?;
        if !self.gather_page(conn, request, now, actions) {
            // Collected, because a write may close this very client.
            let nicks = self.nicks.page(request.prefix, request.after).take(request.count);
            let nicks: Vec<_> = nicks.cloned().collect();
            self.write_page(conn, nicks.iter().map(crate::Nick::as_str), actions);
        }
        Ok(())
    }

    pub(super) fn write_page<'a>(
        &mut self,
        conn: ConnId,
        nicks: impl Iterator<Item = &'a str>,
        actions: &mut Vec<Action>,
    ) {
        self.write_with(conn, actions, |out| {
            nicks.for_each(|nick| RelayPacket::WhoNick(nick).encode(out));
            RelayPacket::WhoEnd.encode(out);
        });
    }

    /// Writes the next chunk of the lists that `conn` asked for, unless enough bytes are unsent.
    ///
    /// A list is not a snapshot: a nick that comes or goes meanwhile may be listed or not.
    pub(super) fn list_nicks(&mut self, conn: ConnId, actions: &mut Vec<Action>) {
        let chunk_len = LIST_CHUNK_LEN.min(self.limits.unsent / 2);
        let Some(client) = self.clients.get_mut(&conn) else { return };
        while client.lists > 0 && client.unsent <= chunk_len / 2 {
            let room = (chunk_len - client.unsent).max(1);
            let listed = client.listed.take();
            let mut nicks = self.nicks.after(listed.as_ref());
            let mut last = None;
            let mut ended = false;
            client.unsent += append_to(client, conn, actions, |out| {
                let full = out.len() + room;
                while out.len() < full && !ended {
                    if let Some(nick) = nicks.next() {
                        last = Some(nick);
                        if nick.is_one_time() {
                            continue;
                        }
                        RelayPacket::WhoNick(nick.as_str()).encode(out);
                    } else {
                        RelayPacket::WhoEnd.encode(out);
                        ended = true;
                    }
                }
            });
            if ended {
                client.lists -= 1;
            } else {
                client.listed = last.cloned();
            }
        }
        if client.unsent > self.limits.unsent {
            self.close(conn, CloseReason::NotReading, actions);
        }
    }
}
