//! Files that were sent in a session, until the peer reports their ends (section 19).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::peer::event::Delivered;
use crate::peer::{Delivery, Error, TransferId};
use crate::session::Receipt;
use crate::{FileName, NotStored};

/// Bytes of names that are kept; beyond that, receipts of the oldest request are no longer awaited.
const MAX_NAME_BYTES: usize = 8 << 20;
/// The cost of a name in addition to its bytes.
const NAME_COST: usize = 32;

/// The peer's requests of which receipts are missing.
#[derive(Default)]
pub(crate) struct AwaitedReceipts {
    requests: VecDeque<Request>,
    /// Bytes of their names, with the cost of each.
    names: usize,
}

struct Request {
    number: u64,
    transfer: TransferId,
    /// `None` for a file whose end is known.
    files: Vec<Option<(FileName, u64)>>,
    /// Files whose end is unknown.
    left: usize,
    /// The reason why this host did not send all of it: it says more than a receipt that it did not arrive.
    failed: Option<Error>,
}

impl AwaitedReceipts {
    /// Awaits the receipts of a request; returns the files that are given up for it.
    pub(crate) fn expect(
        &mut self,
        number: u64,
        transfer: TransferId,
        files: Vec<(FileName, u64)>,
    ) -> Vec<Delivered> {
        let left = files.len();
        self.names += files.iter().map(cost).sum::<usize>();
        let files = files.into_iter().map(Some).collect();
        self.requests.push_back(Request { number, transfer, files, left, failed: None });
        let mut given_up = Vec::new();
        while self.names > MAX_NAME_BYTES && self.requests.len() > 1 {
            if let Some(oldest) = self.requests.pop_front() {
                given_up.extend(self.unconfirmed(oldest));
            }
        }
        given_up
    }

    /// Takes a receipt; returns the files whose end it reports. One that is not awaited changes nothing.
    pub(crate) fn receipt(&mut self, receipt: &Receipt) -> Vec<Delivered> {
        let Receipt { number, at, count, not_stored } = *receipt;
        self.settle(number, at..at.saturating_add(count), |request| {
            match (not_stored, &request.failed) {
                (None, _) => Delivery::Stored,
                (Some(NotStored::Incomplete), Some(error)) => Delivery::Unsent(error.clone()),
                (Some(why), _) => Delivery::NotStored(why),
            }
        })
    }

    /// Updates the size of a file of unknown size.
    pub(crate) fn moved(&mut self, number: u64, bytes: u64) {
        let request = self.requests.iter_mut().find(|request| request.number == number);
        if let Some(Some((_, size))) = request.and_then(|request| request.files.first_mut()) {
            *size = bytes;
        }
    }

    /// One file of a request, by its index, was not sent.
    pub(crate) fn unsent(&mut self, number: u64, at: u64, error: Error) -> Vec<Delivered> {
        self.settle(number, at..at.saturating_add(1), |_| Delivery::Unsent(error.clone()))
    }

    /// A request was not sent to its end; the peer still reports the files that arrived.
    pub(crate) fn failed(&mut self, number: u64, error: Error) {
        if let Some(request) = self.requests.iter_mut().find(|request| request.number == number) {
            request.failed = Some(error);
        }
    }

    /// The session has ended: no receipt comes any more.
    pub(crate) fn end(&mut self) -> Vec<Delivered> {
        let mut delivered = Vec::new();
        while let Some(request) = self.requests.pop_front() {
            delivered.extend(self.unconfirmed(request));
        }
        delivered
    }

    /// Asserts that its counts are those of the files that it waits for.
    pub(crate) fn check(&self) {
        let mut names = 0;
        for request in &self.requests {
            let files = request.files.iter().flatten();
            names += files.clone().map(cost).sum::<usize>();
            assert_eq!(request.left, files.count(), "files awaited of {}", request.number);
            assert!(request.left > 0, "nothing is awaited of {}", request.number);
        }
        assert_eq!(self.names, names, "bytes of awaited names");
    }

    fn settle(
        &mut self,
        number: u64,
        files: core::ops::Range<u64>,
        fate: impl Fn(&Request) -> Delivery,
    ) -> Vec<Delivered> {
        let Some(at) = self.requests.iter().position(|request| request.number == number) else {
            return Vec::new();
        };
        let request = &mut self.requests[at];
        let (delivery, transfer) = (fate(request), request.transfer);
        let mut delivered = Vec::new();
        for index in files.start..files.end.min(request.files.len() as u64) {
            let Some(file) = request.files.get_mut(index as usize).and_then(Option::take) else {
                continue;
            };
            request.left -= 1;
            self.names -= cost(&file);
            delivered.push((transfer, file, delivery.clone()));
        }
        if request.left == 0 {
            self.requests.remove(at);
        }
        delivered
    }

    fn unconfirmed(&mut self, request: Request) -> Vec<Delivered> {
        let Request { transfer, files, failed, .. } = request;
        let files: Vec<_> = files.into_iter().flatten().collect();
        self.names -= files.iter().map(cost).sum::<usize>();
        let fate = failed.map_or(Delivery::Unconfirmed, Delivery::Unsent);
        files.into_iter().map(|file| (transfer, file, fate.clone())).collect()
    }
}

fn cost((name, _): &(FileName, u64)) -> usize {
    name.as_str().len() + NAME_COST
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn names(texts: &[&str]) -> Vec<(FileName, u64)> {
        texts.iter().map(|text| (FileName::new(text).expect("a name"), 1)).collect()
    }

    fn told(delivered: Vec<Delivered>) -> Vec<(alloc::string::String, Delivery)> {
        delivered.into_iter().map(|(_, (name, _), fate)| (name.as_str().into(), fate)).collect()
    }

    fn stored(number: u64, at: u64, count: u64) -> Receipt {
        Receipt { number, at, count, not_stored: None }
    }

    #[test]
    fn each_file_is_delivered_once() {
        let mut awaited = AwaitedReceipts::default();
        assert!(awaited.expect(4, TransferId(1), names(&["a", "b", "c", "d"])).is_empty());
        assert_eq!(told(awaited.receipt(&stored(3, 0, 4))), []);
        assert_eq!(told(awaited.receipt(&stored(4, 1, 1))), [("b".into(), Delivery::Stored)]);
        assert_eq!(told(awaited.receipt(&stored(4, 1, 1))), []);
        let space = Receipt { not_stored: Some(NotStored::Space), ..stored(4, 0, 2) };
        let full = Delivery::NotStored(NotStored::Space);
        assert_eq!(told(awaited.receipt(&space)), [("a".into(), full)]);
        let gone = Error::Unsent("gone".into());
        assert_eq!(
            told(awaited.unsent(4, 2, gone.clone())),
            [("c".into(), Delivery::Unsent(gone))]
        );
        assert_eq!(
            told(awaited.receipt(&stored(4, 3, u64::MAX))),
            [("d".into(), Delivery::Stored)]
        );
        assert!(awaited.requests.is_empty());
        assert_eq!(awaited.names, 0);
    }

    #[test]
    fn own_failure_outranks_an_incomplete_receipt() {
        let mut awaited = AwaitedReceipts::default();
        awaited.expect(0, TransferId(1), names(&["a", "b"]));
        let broken = Error::Unsent("the disk broke".into());
        awaited.failed(0, broken.clone());
        let incomplete = Receipt { not_stored: Some(NotStored::Incomplete), ..stored(0, 1, 1) };
        assert_eq!(told(awaited.receipt(&stored(0, 0, 1))), [("a".into(), Delivery::Stored)]);
        let unsent = Delivery::Unsent(broken);
        assert_eq!(told(awaited.receipt(&incomplete)), [("b".into(), unsent)]);
    }

    #[test]
    fn bounds_the_names_kept_for_a_silent_peer() {
        let mut awaited = AwaitedReceipts::default();
        let mut given_up = 0;
        for number in 0..100 {
            let batch = (0..1024).map(|file| format!("{}{file}", "n".repeat(1000)));
            let batch = batch.map(|name| name.replace("nnnnnnnnnn", "nnnnnnnnn/"));
            let batch = batch.map(|name| (FileName::new(&name).expect("a name"), 1));
            given_up += awaited.expect(number, TransferId(number), batch.collect()).len();
            assert!(awaited.names <= MAX_NAME_BYTES);
        }
        let left = told(awaited.end());
        assert_eq!(given_up + left.len(), 100 * 1024);
        assert!(left.iter().all(|(_, fate)| *fate == Delivery::Unconfirmed));
        assert_eq!(awaited.names, 0);
    }
}
