//! What became of the datagrams at a port for STUN.

use xcher_core::stun;

use crate::tally::Tally;

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StunOutcome {
    /// Its sender was told its address.
    Answered,
    /// It demands what the server does not do.
    UnknownAttribute,
    /// It is not a Binding request.
    NotARequest,
    /// Its address asks too often.
    Rate,
    /// The operator banned its address, or the lists do not allow it.
    NotAdmitted,
    /// The system did not take the answer.
    Unsent,
}

impl StunOutcome {
    /// All values, each at its index.
    pub(crate) const ALL: [Self; 6] = [
        Self::Answered,
        Self::UnknownAttribute,
        Self::NotARequest,
        Self::Rate,
        Self::NotAdmitted,
        Self::Unsent,
    ];

    /// Returns the name of the outcome for programs.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::UnknownAttribute => "unknown_attribute",
            Self::NotARequest => "not_a_request",
            Self::Rate => "rate",
            Self::NotAdmitted => "not_admitted",
            Self::Unsent => "unsent",
        }
    }
}

impl From<stun::StunOutcome> for StunOutcome {
    fn from(outcome: stun::StunOutcome) -> Self {
        match outcome {
            stun::StunOutcome::Answered => Self::Answered,
            stun::StunOutcome::UnknownAttribute => Self::UnknownAttribute,
            stun::StunOutcome::NotARequest => Self::NotARequest,
            stun::StunOutcome::Rate => Self::Rate,
        }
    }
}

/// What has happened since the server started.
#[derive(Debug, Default)]
pub(super) struct Counts(Tally<{ StunOutcome::ALL.len() }>);

impl Counts {
    pub(super) fn add(&self, outcome: StunOutcome) {
        self.0.add(outcome as usize);
    }

    pub(super) fn all(&self) -> [u64; StunOutcome::ALL.len()] {
        self.0.all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_at_its_index() {
        for (at, outcome) in StunOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, at, "{outcome:?}");
        }
    }
}
