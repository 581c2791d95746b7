//! The X_REQUEST of a fetch, and the answers that it can still get.

use crate::stream::Seal;

/// The state of a fetch's latest request.
#[derive(Default)]
pub(crate) struct FetchRequest {
    /// The number of requests that this host sent before it in its session; `None` until it is sent.
    number: Option<u64>,
    /// The encryption of the bytes that answer it.
    seal: Option<Seal>,
    /// Set while the provider can refuse it.
    refusable: bool,
    /// Set while the provider waits for a receipt.
    reports: bool,
}

impl FetchRequest {
    /// X_REQUEST was sent.
    pub(crate) fn sent(&mut self, number: u64, seal: Option<Seal>) {
        *self = Self { number: Some(number), seal, refusable: true, reports: true };
    }

    /// The provider refused it. A file that already arrives is reported all the same.
    pub(crate) fn refused(&mut self, is_moving: bool) {
        self.refusable = false;
        self.reports = is_moving;
    }

    /// The number of a request that was sent, whatever became of it.
    pub(crate) fn number(&self) -> Option<u64> {
        self.number
    }

    /// Returns true if the provider can still refuse this request.
    pub(crate) fn is_refusable(&self) -> bool {
        self.refusable
    }

    /// The number to name in a receipt; `None` if the provider awaits none.
    pub(crate) fn awaits_receipt(&self) -> Option<u64> {
        self.number.filter(|_| self.reports)
    }

    pub(crate) fn take_seal(&mut self) -> Option<Seal> {
        self.seal.take()
    }

    /// Asserts that no answer is awaited to a request that was not sent.
    pub(crate) fn check(&self) {
        let answerable = self.refusable || self.reports || self.seal.is_some();
        assert!(self.number.is_some() || !answerable, "an unsent request awaits an answer");
    }
}
