//! What a bridge counts for its operator, besides the bytes of its tunnels.

use xcher_core::tunnel::AllocationError;

use crate::tally::Tally;

/// What became of a stream, or of a visitor of an allocated port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamOutcome {
    /// The stream is linked to the relay.
    Relay,
    /// A port is allocated.
    Listening,
    /// The stream is connected to another tunnel or to a host elsewhere.
    Dialled,
    /// A visitor is connected to its stream.
    Visited,
    /// The address that was to be dialled did not answer.
    Unreachable,
    /// The first line is missing or wrong, or there are too many streams.
    BadRequest,
    /// No call or session permits it.
    NoCall,
    /// The port was not allocated.
    NotAllocated,
    /// The listener expects another visitor.
    NotExpected,
    /// The address must not be dialled.
    Address,
    /// A listener needs a nick.
    NoNick,
    /// There are as many listeners as the limits allow.
    TooManyListeners,
    /// The quota of its account, or of all tunnels, is used up.
    Quota,
    /// Another rule forbids it.
    OtherRule,
}

impl StreamOutcome {
    /// All values, each at its index.
    pub(crate) const ALL: [Self; 14] = [
        Self::Relay,
        Self::Listening,
        Self::Dialled,
        Self::Visited,
        Self::Unreachable,
        Self::BadRequest,
        Self::NoCall,
        Self::NotAllocated,
        Self::NotExpected,
        Self::Address,
        Self::NoNick,
        Self::TooManyListeners,
        Self::Quota,
        Self::OtherRule,
    ];

    /// Returns the name of the outcome for programs.
    #[cfg(feature = "cli")]
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Listening => "listening",
            Self::Dialled => "dialled",
            Self::Visited => "visited",
            Self::Unreachable => "unreachable",
            Self::BadRequest => "bad_request",
            Self::NoCall => "no_call",
            Self::NotAllocated => "not_allocated",
            Self::NotExpected => "not_expected",
            Self::Address => "address",
            Self::NoNick => "no_nick",
            Self::TooManyListeners => "too_many_listeners",
            Self::Quota => "quota",
            Self::OtherRule => "other_rule",
        }
    }
}

impl From<&AllocationError> for StreamOutcome {
    fn from(error: &AllocationError) -> Self {
        match error {
            AllocationError::NoCall(_) => Self::NoCall,
            AllocationError::NotAllocated(_) => Self::NotAllocated,
            AllocationError::NotExpected(_) => Self::NotExpected,
            AllocationError::Address(_) => Self::Address,
            AllocationError::NoNick => Self::NoNick,
            AllocationError::TooManyListeners => Self::TooManyListeners,
            _ => Self::OtherRule,
        }
    }
}

/// What has happened since the bridge started.
#[derive(Debug, Default)]
pub(super) struct Counts {
    streams: Tally<{ StreamOutcome::ALL.len() }>,
}

impl Counts {
    pub(super) fn add(&self, outcome: impl Into<StreamOutcome>) {
        self.streams.add(outcome.into() as usize);
    }

    /// Returns how many streams and visitors there were with each outcome, in the order of
    /// [`StreamOutcome::ALL`].
    #[cfg(feature = "cli")]
    pub(super) fn streams(&self) -> [u64; StreamOutcome::ALL.len()] {
        self.streams.all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_at_its_index() {
        for (at, outcome) in StreamOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, at, "{outcome:?}");
        }
    }
}
