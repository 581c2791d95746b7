//! The writing end of a listing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;
use xcher_core::SharedFile;

use super::error::Error;

/// Entries that wait for a reader before the peer is slowed down.
const MAX_WAITING: usize = 1024;
/// Entries that may wait when the peer is read again.
const FEW_WAITING: usize = 256;

/// An item of a listing: `None` ends a complete one.
type Item = Option<Result<SharedFile, Error>>;

/// Writes the entries of a listing.
#[derive(Debug)]
pub(super) struct ListingWriter {
    items: mpsc::UnboundedSender<Item>,
    waiting: Arc<AtomicUsize>,
}

/// The entries of a listing, as they arrive.
#[derive(Debug)]
pub(super) struct ListingItems {
    pub(super) items: mpsc::UnboundedReceiver<Item>,
    waiting: Arc<AtomicUsize>,
}

pub(super) fn listing() -> (ListingWriter, ListingItems) {
    let (sender, items) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    (ListingWriter { items: sender, waiting: waiting.clone() }, ListingItems { items, waiting })
}

impl ListingWriter {
    /// Hands an item to the reader. Returns true if the reader lags behind.
    pub(super) fn push(&self, item: Result<SharedFile, Error>) -> bool {
        // Counted first, since the reader may be faster than this thread.
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        self.items.send(Some(item)).is_ok() && waiting >= MAX_WAITING
    }

    /// The listing is complete.
    pub(super) fn finish(self) {
        let _ = self.items.send(None);
    }

    /// The listing ends with an error.
    pub(super) fn fail(self, error: Error) {
        self.push(Err(error));
        self.finish();
    }
}

impl ListingItems {
    /// Counts an item as read. Returns true if the peer may be read again after it lagged behind.
    pub(super) fn take_one(&self) -> bool {
        self.waiting.fetch_sub(1, Ordering::Relaxed) == FEW_WAITING
    }
}
