//! The states of one side of a control connection (section 3.1).
//!
//! Both sides use the same table. It does not depend on which side sent X_INIT, asks or answers.
//!
//! ```
//! use xcher_core::state::{State, Step};
//!
//! let open = State::Silent.after(Step::Packet).expect("a first packet");
//! let ended = open.after(Step::End).expect("X_END");
//! assert_eq!(ended.after(Step::Packet), None, "nothing follows X_END");
//! ```

/// The state of one side of a control connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum State {
    /// It has sent nothing yet.
    #[default]
    Silent,
    /// It has sent a packet and may send more.
    Open,
    /// It has sent X_END and closes next.
    Ended,
    /// It has closed.
    Closed,
}

/// A step of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Sends a packet other than X_END.
    Packet,
    /// Sends X_END.
    End,
    /// Closes or loses the connection.
    Close,
}

/// The state after Packet, End and Close, for each [`State`] in its order.
#[rustfmt::skip]
const TABLE: [[Option<State>; 3]; 4] = {
    use State::{Closed, Ended, Open};
    [
        /* Silent */ [Some(Open), Some(Ended), Some(Closed)],
        /* Open   */ [Some(Open), Some(Ended), Some(Closed)],
        /* Ended  */ [None,       None,        Some(Closed)],
        /* Closed */ [None,       None,        None        ],
    ]
};

impl State {
    /// Returns the state after `step`, or `None` if the step is not allowed.
    pub fn after(self, step: Step) -> Option<State> {
        TABLE[self as usize][step as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_close_follows_the_end() {
        let ended = State::Silent.after(Step::Packet).and_then(|s| s.after(Step::End));
        assert_eq!(ended, Some(State::Ended));
        assert_eq!(State::Ended.after(Step::Packet), None);
        assert_eq!(State::Ended.after(Step::Close), Some(State::Closed));
        for step in [Step::Packet, Step::End, Step::Close] {
            assert_eq!(State::Closed.after(step), None);
        }
    }
}
