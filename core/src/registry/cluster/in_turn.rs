//! A message for the subjects of a nick, of which the next is asked if nobody is at one.

use alloc::vec::Vec;

use super::{Subject, subjects};
use crate::Nick;

pub(super) struct InTurn {
    bytes: Vec<u8>,
    subjects: Vec<Subject>,
    /// The subjects that were asked in this round.
    asked: usize,
    is_second_round: bool,
}

impl InTurn {
    pub(super) fn new(nick: &Nick, bytes: Vec<u8>) -> Self {
        Self { bytes, subjects: subjects(nick), asked: 0, is_second_round: false }
    }

    /// Returns the next request, or `None` after the last subject of a round.
    pub(super) fn next(&mut self) -> Option<(Subject, Vec<u8>)> {
        let to = self.subjects.get(self.asked)?.clone();
        self.asked += 1;
        Some((to, self.bytes.clone()))
    }

    /// Begins a second round. Returns false if it was that.
    pub(super) fn begin_second_round(&mut self) -> bool {
        let was_first = !self.is_second_round;
        self.is_second_round = true;
        self.asked = 0;
        was_first
    }
}
