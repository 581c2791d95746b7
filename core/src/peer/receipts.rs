//! Reports of what became of each requested file (section 19), both ways.

use alloc::vec::Vec;

use super::awaited_receipts::Delivered;
use super::fetch::{Fetch, Stage};
use super::{Error, Event, Peer, SessionId, Turn};
use crate::session::{Extensions, Receipt, Want};
use crate::{FileName, MisuseError, NotStored, Session};

impl Peer {
    /// Reports to the other side how many files this host wants, so that it can tell a host that has
    /// everything from one that lost some: [`Event::Wanted`] there. Reports add up. Nothing is sent to
    /// a peer that knows no receipts.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`], [`MisuseError::Closing`].
    pub fn want(
        &mut self,
        session: SessionId,
        want: Want,
        now: core::time::Duration,
        actions: &mut Vec<super::Action>,
    ) -> Result<(), MisuseError> {
        let turn = &mut Turn { now, actions };
        self.report_wanted(session, turn, |session, out| session.want(want, out))
    }

    /// Reports to the other side a file that this host wants and does not request, and why, so that it can
    /// name it: [`Event::Delivered`] there. Nothing is sent to a peer that knows no receipts.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`], [`MisuseError::Closing`].
    pub fn skip(
        &mut self,
        session: SessionId,
        name: &FileName,
        why: NotStored,
        now: core::time::Duration,
        actions: &mut Vec<super::Action>,
    ) -> Result<(), MisuseError> {
        let turn = &mut Turn { now, actions };
        self.report_wanted(session, turn, |session, out| session.forgo(name.borrowed(), why, out))
    }

    /// Says something of what is wanted, to a peer that knows receipts.
    fn report_wanted(
        &mut self,
        session: SessionId,
        turn: &mut Turn<'_>,
        say: impl FnOnce(&mut Session, &mut Vec<u8>) -> Result<(), MisuseError>,
    ) -> Result<(), MisuseError> {
        let slot = self.sessions.get_mut(&session).ok_or(MisuseError::NoSession)?;
        if !slot.session.extensions().has(Extensions::RECEIPT) {
            return Ok(());
        }
        let mut out = Vec::new();
        say(&mut slot.session, &mut out)?;
        slot.write(out, turn);
        Ok(())
    }

    pub(super) fn receipt_came(
        &mut self,
        session: SessionId,
        receipt: &Receipt,
        turn: &mut Turn<'_>,
    ) {
        let Some(slot) = self.sessions.get_mut(&session) else { return };
        let delivered = slot.receipts.receipt(receipt);
        deliver(session, delivered, turn);
    }

    /// Reports how a file that is no part of a batch ended.
    pub(super) fn report(
        &mut self,
        fetch: &Fetch,
        not_stored: Option<NotStored>,
        turn: &mut Turn<'_>,
    ) {
        if fetch.reports {
            self.report_files(fetch.session, fetch.number, &[(0, not_stored)], turn);
        }
    }

    /// Reports how files of one request ended, by their place in it: files that follow each other and ended alike go
    /// together.
    pub(super) fn report_files(
        &mut self,
        session: SessionId,
        number: u64,
        ends: &[(u64, Option<NotStored>)],
        turn: &mut Turn<'_>,
    ) {
        let Some(slot) = self.sessions.get_mut(&session) else { return };
        if !slot.session.extensions().has(Extensions::RECEIPT) {
            return;
        }
        let mut out = Vec::new();
        let mut rest = ends;
        while let Some(&(at, not_stored)) = rest.first() {
            let alike =
                |(next, end): &(u64, (u64, Option<NotStored>))| *end == (at + next, not_stored);
            let count = (0..).zip(rest.iter().copied()).take_while(alike).count();
            rest = &rest[count..];
            let count = count as u64;
            // A session that is over takes no more reports.
            let _ = slot.session.receipt(Receipt { number, at, count, not_stored }, &mut out);
        }
        slot.write(out, turn);
    }
}

/// Tells the user what became of files.
pub(super) fn deliver(
    session: SessionId,
    delivered: impl IntoIterator<Item = Delivered>,
    turn: &mut Turn<'_>,
) {
    for (transfer, (name, bytes), delivery) in delivered {
        turn.notify(Event::Delivered { session, transfer: Some(transfer), name, bytes, delivery });
    }
}

/// What the other side is told of a file that was requested and is not stored.
pub(super) fn reason(error: &Error, stage: Stage) -> NotStored {
    match error {
        Error::NotStored { reason, .. } => *reason,
        Error::Altered | Error::Excess { .. } => NotStored::Altered,
        Error::Name(_) => NotStored::Name,
        Error::Incomplete { .. } => NotStored::Incomplete,
        Error::Cancelled | Error::Declined => NotStored::Cancelled,
        Error::Local(_) | Error::Policy(_) | Error::Busy(_) => NotStored::Other,
        _ if matches!(stage, Stage::Storing) => NotStored::Other,
        _ => NotStored::Incomplete,
    }
}
