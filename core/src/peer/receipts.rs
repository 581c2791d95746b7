//! Reports of wanted and of stored files (section 19), in both directions.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Action, Peer, SessionId, Turn};
use crate::session::{Extensions, Receipt, Want};
use crate::{FileName, MisuseError, NotStored, Session};

impl Peer {
    /// Reports how many files this host wants, so that the peer can distinguish a host that has all of
    /// them from one that lost some: [`Event::Wanted`](super::Event::Wanted) there. Reports add up. A peer
    /// that knows no receipts is sent nothing.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`], [`MisuseError::Closing`].
    pub fn want(
        &mut self,
        session: SessionId,
        want: Want,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.run(now, actions, |peer, turn| {
            peer.report_wanted(session, turn, |session, out| session.want(want, out))
        })
    }

    /// Reports a file that this host wants and does not request, and why, so that the peer can name it:
    /// [`Event::Delivered`](super::Event::Delivered) there. A peer that knows no receipts is sent nothing.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`], [`MisuseError::Closing`].
    pub fn skip(
        &mut self,
        session: SessionId,
        name: &FileName,
        why: NotStored,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.run(now, actions, |peer, turn| {
            let name = name.borrowed();
            peer.report_wanted(session, turn, |session, out| session.forgo(name, why, out))
        })
    }

    /// Reports a file that will not be requested. A session that has ended takes no reports.
    pub(super) fn report_skipped(
        &mut self,
        session: SessionId,
        name: &FileName,
        why: NotStored,
        turn: &mut Turn<'_>,
    ) {
        let name = name.borrowed();
        let _ = self.report_wanted(session, turn, |session, out| session.forgo(name, why, out));
    }

    fn report_wanted(
        &mut self,
        session: SessionId,
        turn: &mut Turn<'_>,
        report: impl FnOnce(&mut Session, &mut Vec<u8>) -> Result<(), MisuseError>,
    ) -> Result<(), MisuseError> {
        let entry = self.sessions.get_mut(&session).ok_or(MisuseError::NoSession)?;
        if !entry.session.extensions().has(Extensions::RECEIPT) {
            return Ok(());
        }
        let mut out = Vec::new();
        report(&mut entry.session, &mut out)?;
        entry.write(out, turn);
        Ok(())
    }

    pub(super) fn receipt_came(
        &mut self,
        session: SessionId,
        receipt: &Receipt,
        turn: &mut Turn<'_>,
    ) {
        if let Some(entry) = self.sessions.get_mut(&session) {
            turn.deliver(session, entry.receipts.receipt(receipt));
        }
    }

    /// Reports how files of one request ended, by their indices in it: one receipt for each run of files
    /// with the same end.
    pub(super) fn report_files(
        &mut self,
        session: SessionId,
        number: u64,
        ends: &[(u64, Option<NotStored>)],
        turn: &mut Turn<'_>,
    ) {
        let Some(entry) = self.sessions.get_mut(&session) else { return };
        if !entry.session.extensions().has(Extensions::RECEIPT) {
            return;
        }
        let mut out = Vec::new();
        let mut rest = ends;
        while let Some(&(at, not_stored)) = rest.first() {
            let is_alike =
                |(next, end): &(u64, (u64, Option<NotStored>))| *end == (at + next, not_stored);
            let count = (0..).zip(rest.iter().copied()).take_while(is_alike).count();
            rest = &rest[count..];
            let count = count as u64;
            // A session that has ended takes no reports.
            let _ = entry.session.receipt(Receipt { number, at, count, not_stored }, &mut out);
        }
        entry.write(out, turn);
    }
}
