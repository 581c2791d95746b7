//! What a relay counts for its operator. The hub's lock guards the counts, so they need no atomics.

use xcher_core::registry::{Asked, CallPath, CloseReason, Outcome, Rule};

/// What has happened since the relay started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Connections opened, refused ones included.
    pub(crate) opened: u64,
    /// Connections that the relay closed, by the index of the reason.
    closed: [u64; CloseReason::ALL.len()],
    /// Connections that the client closed, or that failed.
    pub(crate) closed_by_client: u64,
    /// Bytes received from clients.
    pub(crate) received: u64,
    /// Bytes sent to clients.
    pub(crate) sent: u64,
    /// X_INITs forwarded.
    pub(crate) called: u64,
    /// Calls whose callers told the path, by its index.
    connected: [u64; CallPath::ALL.len()],
    /// X_MEETs by which two hosts were invited.
    pub(crate) invited: u64,
    /// Pairs of hosts that were shown each other's address.
    pub(crate) introduced: u64,
    /// Nicks given.
    pub(crate) registered: u64,
    /// Packets refused, by the indexes of what they asked and of the rule.
    refused: Refusals,
}

#[derive(Clone, Debug)]
struct Refusals([[u64; Rule::ALL.len()]; Asked::ALL.len()]);

impl Default for Refusals {
    fn default() -> Self {
        // Arrays of this length derive none.
        Self([[0; Rule::ALL.len()]; Asked::ALL.len()])
    }
}

impl Counts {
    pub(super) fn close(&mut self, reason: CloseReason) {
        self.closed[reason as usize] += 1;
    }

    pub(super) fn record(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Called { .. } => self.called += 1,
            Outcome::Connected { path } => self.connected[path as usize] += 1,
            Outcome::Invited { .. } => self.invited += 1,
            Outcome::Introduced { .. } => self.introduced += 1,
            Outcome::Registered => self.registered += 1,
            Outcome::Refused { asked, rule } => self.refused.0[asked as usize][rule as usize] += 1,
            _ => {}
        }
    }

    /// Returns how many connections the relay closed for this reason.
    #[cfg(feature = "cli")]
    pub(crate) fn closed(&self, reason: CloseReason) -> u64 {
        self.closed[reason as usize]
    }

    /// Returns how many calls went this path, as their callers tell.
    #[cfg(feature = "cli")]
    pub(crate) fn connected(&self, path: CallPath) -> u64 {
        self.connected[path as usize]
    }

    /// Returns how many packets of this kind were refused by this rule.
    #[cfg(feature = "cli")]
    pub(crate) fn refused(&self, asked: Asked, rule: Rule) -> u64 {
        self.refused.0[asked as usize][rule as usize]
    }
}
