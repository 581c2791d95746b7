//! Outcomes of the files that this host sends: applies the core's rules and reports each change.

use xcher_core::FileName;
use xcher_core::delivery::{CodeDelivery, Offer, Status};
use xcher_core::peer::{Event, SessionId};

use super::Environment;

/// The offers of this host, and the files that it serves by its code.
#[derive(Default)]
pub(super) struct Deliveries {
    last_id: u64,
    offers: Vec<OpenOffer>,
    by_code: Option<CodeDelivery>,
}

struct OpenOffer {
    id: u64,
    session: SessionId,
    offer: Offer,
    /// Set if something changed since the last report.
    changed: bool,
    settled: bool,
    session_ended: bool,
}

/// The progress of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferState {
    /// The outcome of some files is open.
    Pending,
    /// Every file has its outcome.
    Settled,
    /// The session ended, or does not allow offers, before every file had its outcome.
    Interrupted,
}

impl Deliveries {
    /// Starts to follow the files that this host serves by its code.
    pub(super) fn serve_by_code(&mut self) {
        self.by_code = Some(CodeDelivery::new());
    }

    /// Stops reports on those files.
    pub(super) fn stop(&mut self) {
        self.by_code = None;
    }

    /// Follows a new offer and returns its number.
    pub(super) fn offer(
        &mut self,
        session: SessionId,
        files: impl IntoIterator<Item = FileName>,
    ) -> u64 {
        self.last_id += 1;
        let (id, offer) = (self.last_id, Offer::new(session, files));
        self.offers.push(OpenOffer {
            id,
            session,
            offer,
            changed: false,
            settled: false,
            session_ended: false,
        });
        id
    }

    /// Forgets an offer that could not be made.
    pub(super) fn withdraw(&mut self, id: u64) {
        self.offers.retain(|open| open.id != id);
    }

    pub(super) fn event(&mut self, event: &Event) {
        if let Some(by_code) = &mut self.by_code {
            by_code.event(event);
        }
        for open in &mut self.offers {
            open.event(event);
        }
    }

    /// Returns true if an offer changed since the last report.
    pub(super) fn has_changes(&self) -> bool {
        self.offers.iter().any(|open| open.changed)
    }

    /// Reports every offer that changed.
    pub(super) fn report_changed(&mut self, environment: &impl Environment) {
        self.report(environment, |_| true);
    }

    /// Reports the offers that were settled since the last report, and the files served by the code.
    pub(super) fn report_settled(&mut self, busy: bool, environment: &impl Environment) {
        self.report(environment, |open| {
            open.session_ended || !open.settled && open.offer.is_settled()
        });
        while let Some(by_code) = &mut self.by_code {
            match by_code.status(busy) {
                Status::Pending => break,
                status => {
                    if !matches!(status, Status::Incomplete(_)) {
                        self.by_code = None;
                    }
                    environment.code_status(&status);
                }
            }
        }
    }

    fn report(&mut self, environment: &impl Environment, is_due: impl Fn(&OpenOffer) -> bool) {
        self.offers.retain_mut(|open| {
            if !(open.changed && is_due(open)) {
                return true;
            }
            open.changed = false;
            open.settled = open.offer.is_settled();
            let state = match open.offer.is_interrupted() {
                _ if !open.settled => OfferState::Pending,
                true => OfferState::Interrupted,
                false => OfferState::Settled,
            };
            let last = open.session_ended && open.settled;
            environment.offer_changed(open.id, state, last, &open.offer.outcome());
            !last
        });
    }
}

impl OpenOffer {
    fn event(&mut self, event: &Event) {
        self.offer.event(event);
        match event {
            Event::Delivered { session, .. } | Event::Declined { session, .. } => {
                self.changed |= *session == self.session;
            }
            Event::Ended { session, .. }
            | Event::OpenFailed { session, .. }
            | Event::NotOffered { session, .. }
                if *session == self.session =>
            {
                self.offer.end();
                self.session_ended = true;
                self.changed = true;
            }
            // Transfers under way outlive their session.
            Event::Finished { .. } | Event::Failed { .. } => self.changed |= self.session_ended,
            _ => {}
        }
    }
}
