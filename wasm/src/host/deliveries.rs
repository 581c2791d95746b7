//! What became of the files that are sent: the core's rule is asked, and the application told.

use xcher_core::FileName;
use xcher_core::delivery::{CodeDelivery, Offer, Status};
use xcher_core::peer::{Event, SessionId};

use super::Outside;

/// The offers of this host, and what it serves by its code.
#[derive(Default)]
pub(super) struct Deliveries {
    last: u64,
    offers: Vec<Offered>,
    by_code: Option<CodeDelivery>,
}

struct Offered {
    id: u64,
    session: SessionId,
    offer: Offer,
    /// Something changed since it was told.
    changed: bool,
    settled: bool,
    /// Its session is over.
    over: bool,
}

/// How it stands with an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferState {
    /// Some files have still no fate.
    Open = 0,
    /// Each file has its fate.
    Settled = 1,
    /// The session ended, or cannot be offered anything, before each file had its fate.
    Cut = 2,
}

impl Deliveries {
    /// This host serves by a code.
    pub(super) fn serve_by_code(&mut self) {
        self.by_code = Some(CodeDelivery::new());
    }

    /// It does so no longer, and nothing more is said of it.
    pub(super) fn stop(&mut self) {
        self.by_code = None;
    }

    /// Follows an offer; returns its number.
    pub(super) fn offer(
        &mut self,
        session: SessionId,
        files: impl IntoIterator<Item = FileName>,
    ) -> u64 {
        self.last += 1;
        let (id, offer) = (self.last, Offer::new(session, files));
        self.offers.push(Offered {
            id,
            session,
            offer,
            changed: false,
            settled: false,
            over: false,
        });
        id
    }

    /// An offer that did not come about.
    pub(super) fn withdraw(&mut self, id: u64) {
        self.offers.retain(|offered| offered.id != id);
    }

    pub(super) fn event(&mut self, event: &Event) {
        if let Some(by_code) = &mut self.by_code {
            by_code.event(event);
        }
        for offered in &mut self.offers {
            offered.event(event);
        }
    }

    /// Whether an offer changed since it was told.
    pub(super) fn is_untold(&self) -> bool {
        self.offers.iter().any(|offered| offered.changed)
    }

    /// Tells of every offer that changed.
    pub(super) fn tell_changed(&mut self, outside: &impl Outside) {
        self.tell(outside, |_| true);
    }

    /// Tells of the offers that are settled since, and how it stands with the code.
    pub(super) fn tell_settled(&mut self, busy: bool, outside: &impl Outside) {
        self.tell(outside, |offered| {
            offered.over || !offered.settled && offered.offer.is_settled()
        });
        while let Some(by_code) = &mut self.by_code {
            match by_code.status(busy) {
                Status::Pending => break,
                verdict => {
                    if !matches!(verdict, Status::Incomplete(_)) {
                        self.by_code = None;
                    }
                    outside.served(&verdict);
                }
            }
        }
    }

    fn tell(&mut self, outside: &impl Outside, which: impl Fn(&Offered) -> bool) {
        self.offers.retain_mut(|offered| {
            if !(offered.changed && which(offered)) {
                return true;
            }
            offered.changed = false;
            offered.settled = offered.offer.is_settled();
            let state = match offered.offer.is_interrupted() {
                _ if !offered.settled => OfferState::Open,
                true => OfferState::Cut,
                false => OfferState::Settled,
            };
            let last = offered.over && offered.settled;
            outside.offering(offered.id, state, last, &offered.offer.outcome());
            !last
        });
    }
}

impl Offered {
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
                self.over = true;
                self.changed = true;
            }
            // What is under way outlives its session.
            Event::Finished { .. } | Event::Failed { .. } => self.changed |= self.over,
            _ => {}
        }
    }
}
