//! What became of the files that a host sends, and when that is settled (section 19).
//!
//! A terminal, a page and a program all ask here, so that none of them reports more than the other side
//! confirmed. Give each [`Event`] of the host to an [`Offer`] or a [`CodeDelivery`], and ask it whether it is
//! settled.

mod code_delivery;
mod offer;

use litemap::LiteMap;

pub use code_delivery::{CodeDelivery, Status};
pub use offer::Offer;

use crate::FileName;
use crate::peer::{Delivery, Event};

/// Files that are named where they did not arrive; more are counted.
const MAX_NAMED: usize = 10_000;

/// What became of files, as far as the other side confirmed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Files that the other side reported as stored under their names.
    pub stored: u64,
    /// Files that were sent whole to a peer that reports nothing.
    pub handed_over: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Files that the other side had already.
    pub already_present: u64,
    /// Files that the other side did not want.
    pub declined: u64,
    /// Files that were requested, or announced as wanted, and never came to an end that is known: whoever
    /// wanted them stopped before, and may not have known how many they were.
    pub not_requested: u64,
    missing: LiteMap<FileName, Delivery>,
    unnamed: u64,
}

impl Outcome {
    /// The files that the other side wanted and, as far as is known, does not have; and why.
    pub fn missing(&self) -> impl ExactSizeIterator<Item = (&FileName, &Delivery)> {
        self.missing.iter()
    }

    /// How many those are, with the ones that are not named.
    pub fn missing_count(&self) -> u64 {
        self.missing.len() as u64 + self.unnamed + self.not_requested
    }

    /// Whether a file is known not to have arrived.
    fn is_missing(&self, name: &FileName) -> bool {
        self.missing.contains_key(name)
    }

    /// Whether the other side has nothing, and wanted nothing.
    pub fn is_empty(&self) -> bool {
        self.delivered() + self.already_present + self.missing_count() == 0
    }

    /// Files that arrived.
    pub fn delivered(&self) -> u64 {
        self.stored + self.handed_over
    }

    /// Whether the other side has everything it wanted.
    pub fn is_complete(&self) -> bool {
        self.missing_count() == 0
    }

    /// Counts a file of any session.
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

    /// Forgets what is missing, because the other side is about to request it again.
    fn retry(&mut self) {
        self.missing.clear();
        self.unnamed = 0;
        self.not_requested = 0;
    }
}
