//! The outcome of sending files, and when it is settled (section 19).
//!
//! A terminal, a page and a program all use it, so that none of them reports more than the peer confirmed.
//! Pass each [`Event`] of the host to an [`Offer`], a [`CodeDelivery`] or [`Receivers`], and query it for the
//! result.

mod code_delivery;
mod offer;
mod receivers;

use litemap::LiteMap;

pub use code_delivery::{CodeDelivery, Status};
pub use offer::Offer;
pub use receivers::{Progress, Receivers};

use crate::FileName;
use crate::peer::{Delivery, Event};

/// Missing files that are kept by name; more are only counted.
const MAX_NAMED: usize = 10_000;

/// The fate of sent files, as far as the peer confirmed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Files that the peer reported as stored under their names.
    pub stored: u64,
    /// Files that were sent completely to a peer that sends no receipts.
    pub handed_over: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Files that the peer already had.
    pub already_present: u64,
    /// Files that the peer declined.
    pub declined: u64,
    /// Files that the peer announced or requested and whose end is unknown: the requester stopped before, and
    /// may not have known how many they were.
    pub not_requested: u64,
    missing: LiteMap<FileName, Delivery>,
    unnamed: u64,
}

impl Outcome {
    /// Returns the files that the peer wanted and, as far as is known, does not have; and why.
    pub fn missing(&self) -> impl ExactSizeIterator<Item = (&FileName, &Delivery)> {
        self.missing.iter()
    }

    /// Returns the number of missing files, including those without a name.
    pub fn missing_count(&self) -> u64 {
        self.missing.len() as u64 + self.unnamed + self.not_requested
    }

    /// Returns true if a file is known not to have arrived.
    fn is_missing(&self, name: &FileName) -> bool {
        self.missing.contains_key(name)
    }

    /// Returns true if the peer has nothing, and wanted nothing.
    pub fn is_empty(&self) -> bool {
        self.delivered() + self.already_present + self.missing_count() == 0
    }

    /// Returns the number of files that arrived.
    pub fn delivered(&self) -> u64 {
        self.stored + self.handed_over
    }

    /// Returns true if the peer has every file it wanted.
    pub fn is_complete(&self) -> bool {
        self.missing_count() == 0
    }

    /// Counts a delivered or declined file, of any session.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Delivered { name, bytes, delivery, .. } => self.count(name, *bytes, delivery),
            Event::Declined { .. } => self.declined += 1,
            _ => {}
        }
    }

    fn count(&mut self, name: &FileName, bytes: u64, delivery: &Delivery) {
        match delivery {
            Delivery::Stored => self.stored += 1,
            Delivery::HandedOver => self.handed_over += 1,
            _ if self.missing.len() < MAX_NAMED || self.missing.contains_key(name) => {
                self.missing.insert(name.clone(), delivery.clone());
                return;
            }
            _ => {
                self.unnamed += 1;
                return;
            }
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.missing.remove(name);
    }

    /// Forgets a missing file, because it is offered again.
    fn forget(&mut self, name: &FileName) {
        self.missing.remove(name);
    }

    /// Forgets the missing files, because the peer is about to request them again.
    fn retry(&mut self) {
        self.missing.clear();
        self.unnamed = 0;
        self.not_requested = 0;
    }
}
