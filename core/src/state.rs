//! What each side of a control connection may do next (section 3.1).
//!
//! One table for both sides: it does not know who sent X_INIT, who asks and who answers.

/// Where one side of a control connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum State {
    /// It has sent nothing yet.
    #[default]
    Silent,
    /// It has sent a packet and may send more.
    Open,
    /// It has sent X_END: it closes next.
    Ended,
    /// It has closed.
    Closed,
}

/// What one side does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Sends a packet other than X_END.
    Packet,
    /// Sends X_END.
    End,
    /// Closes the connection, or loses it.
    Close,
}

/// For each state in the order of [`State`], what Packet, End and Close lead to.
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
    /// The state after `step`, or `None` where the side may not do that.
    pub fn after(self, step: Step) -> Option<State> {
        TABLE[self as usize][step as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_closing_follows_the_end() {
        let ended = State::Silent.after(Step::Packet).and_then(|s| s.after(Step::End));
        assert_eq!(ended, Some(State::Ended));
        assert_eq!(State::Ended.after(Step::Packet), None);
        assert_eq!(State::Ended.after(Step::Close), Some(State::Closed));
        for step in [Step::Packet, Step::End, Step::Close] {
            assert_eq!(State::Closed.after(step), None);
        }
    }
}
