//! The bytes of each address in a month, of as many addresses as memory is given for.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;

/// The most addresses whose bytes are counted apart. When there are more, those that used least are forgotten,
/// but none that used half of its quota.
pub const MAX_QUOTA_ADDRESSES: usize = 1 << 16;
/// How many are forgotten at a time, so that not each new one costs a look at all.
const FORGOTTEN_AT_ONCE: usize = MAX_QUOTA_ADDRESSES / 16;

/// The bytes of one account in this month.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    /// Those in the record that the processes share, as last seen.
    pub(super) recorded: u64,
    /// Those that are being recorded.
    pub(super) in_flight: u64,
    /// Those of this process that are not recorded yet.
    pub(super) pending: u64,
    /// True if the record is to forget its own.
    pub(super) is_reset: bool,
    /// When there was use last, in seconds since 1970.
    pub(super) last: u64,
}

impl Used {
    pub(super) fn bytes(&self) -> u64 {
        self.recorded.saturating_add(self.in_flight).saturating_add(self.pending)
    }

    pub(super) fn add(&mut self, bytes: u64, now: u64) {
        self.pending = self.pending.saturating_add(bytes);
        self.last = self.last.max(now);
    }

    pub(super) fn reset(&mut self) {
        *self = Self { is_reset: true, ..Self::default() };
    }

    /// Returns the bytes to record, where `recorded` are recorded now.
    pub(super) fn begin(&mut self, recorded: u64) -> u64 {
        self.recorded = if self.is_reset { 0 } else { recorded };
        self.in_flight = self.in_flight.saturating_add(self.pending);
        self.pending = 0;
        self.bytes()
    }

    /// They are recorded.
    pub(super) fn end(&mut self) {
        self.recorded = self.recorded.saturating_add(self.in_flight);
        self.in_flight = 0;
        self.is_reset = false;
    }
}

/// Returns true if so much is used that it must not be forgotten.
fn is_near(bytes: u64, quota: Option<u64>) -> bool {
    quota.is_some_and(|quota| bytes >= quota / 2)
}

/// Makes room for one more address. Returns false if there is none: all are near their quota.
pub(super) fn make_room(addresses: &mut BTreeMap<IpAddr, Used>, quota: Option<u64>) -> bool {
    if addresses.len() >= MAX_QUOTA_ADDRESSES {
        let excess = addresses.len() - MAX_QUOTA_ADDRESSES;
        forget(addresses, quota, excess + FORGOTTEN_AT_ONCE);
    }
    addresses.len() < MAX_QUOTA_ADDRESSES
}

/// Forgets at most this many addresses: those that used least, of these the ones of long ago.
fn forget(addresses: &mut BTreeMap<IpAddr, Used>, quota: Option<u64>, count: usize) {
    let candidates = addresses.iter().filter(|(_, used)| !is_near(used.bytes(), quota));
    let mut least: Vec<_> = candidates.map(|(ip, used)| (used.bytes(), used.last, *ip)).collect();
    if count < least.len() {
        least.select_nth_unstable(count);
        least.truncate(count);
    }
    for (_, _, ip) in least {
        addresses.remove(&ip);
    }
}
