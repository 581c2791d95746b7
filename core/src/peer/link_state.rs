//! The state of a session's link (section 24).

use core::time::Duration;

use super::LinkPolicy;
use crate::secure::Side;

/// Time for each step of a link's setup.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);
/// Time over which the rate of a transfer is measured.
const WINDOW: Duration = Duration::from_secs(5);
/// Bytes per second below which a bridge is slow: about half of what a link carries.
const SLOW_BRIDGE: u64 = 4 << 20;

/// The link of a session. It outlives the session, until nothing moves on it.
pub(crate) struct Link {
    /// This host's side.
    pub(crate) side: Side,
    policy: LinkPolicy,
    pub(crate) stage: LinkStage,
    deadline: Option<Duration>,
    /// Bytes per second through the bridge, as measured before the link was offered.
    bridge_rate: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkStage {
    /// Not begun.
    Idle,
    /// The driver describes this end.
    Describing,
    /// The peer has the description, and its own is awaited.
    Offered,
    /// Both descriptions are exchanged.
    Opening,
    Up,
    /// Open, but slower than the bridge: no new transfer uses it.
    Retired,
    /// Failed or closed: a session has one.
    Over,
}

/// What a transfer's progress means for the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Offer,
    Retire,
}

impl Link {
    pub(crate) fn new(side: Side, policy: LinkPolicy) -> Self {
        Self { side, policy, stage: LinkStage::Idle, deadline: None, bridge_rate: 0 }
    }

    pub(crate) fn policy(&self) -> LinkPolicy {
        self.policy
    }

    /// Enters a stage of the setup, which has a limited time.
    pub(crate) fn begin(&mut self, stage: LinkStage, now: Duration) {
        self.stage = stage;
        self.deadline = Some(now.saturating_add(STEP_TIMEOUT));
    }

    pub(crate) fn opened(&mut self) {
        self.stage = LinkStage::Up;
        self.deadline = None;
    }

    pub(crate) fn over(&mut self) {
        self.stage = LinkStage::Over;
        self.deadline = None;
    }

    /// Returns true if the driver has a connection for it.
    pub(crate) fn is_held_by_driver(&self) -> bool {
        !matches!(self.stage, LinkStage::Idle | LinkStage::Over)
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.stage, LinkStage::Up | LinkStage::Retired)
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Judges the bytes per second that all transfers of the session moved together, if each is as fast as
    /// one that was measured. Only the caller judges: it offers the link, and chooses when it is used.
    pub(crate) fn judge(&mut self, rate: u64, on_link: bool) -> Option<Verdict> {
        if self.side != Side::Caller || self.policy != LinkPolicy::Auto {
            return None;
        }
        match self.stage {
            LinkStage::Idle if !on_link && rate < SLOW_BRIDGE => {
                self.bridge_rate = rate;
                Some(Verdict::Offer)
            }
            LinkStage::Up if on_link && rate < self.bridge_rate => {
                self.stage = LinkStage::Retired;
                Some(Verdict::Retire)
            }
            _ => None,
        }
    }
}

/// Measures a transfer, from its first progress on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace(Option<(Duration, u64)>);

impl Pace {
    /// Returns bytes per second whenever they were measured for long enough.
    pub(crate) fn moved(&mut self, bytes: u64, now: Duration) -> Option<u64> {
        let (since, before) = *self.0.get_or_insert((now, bytes));
        let took = now.saturating_sub(since);
        if took < WINDOW {
            return None;
        }
        self.0 = Some((now, bytes));
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Some(bytes.saturating_sub(before).saturating_mul(1000) / milliseconds)
    }

    /// Forgets what was measured: this host's own reader was slow.
    pub(crate) fn restart(&mut self) {
        self.0 = None;
    }
}
