//! A message for the subjects of a nick, of which the next is asked if nobody is at one, and all once more if nobody is
//! at any.

use alloc::vec::Vec;

use super::{Subject, subjects};
use crate::Nick;

const ROUNDS: usize = 2;

pub(super) struct InTurn {
    bytes: Vec<u8>,
    subjects: Vec<Subject>,
    /// Requests so far, of all rounds.
    asked: usize,
}

impl InTurn {
    pub(super) fn new(nick: &Nick, bytes: Vec<u8>) -> Self {
        Self { bytes, subjects: subjects(nick), asked: 0 }
    }

    /// Returns the next request, or `None` after the last round.
    pub(super) fn next(&mut self) -> Option<(Subject, Vec<u8>)> {
        if self.asked == ROUNDS * self.subjects.len() {
            return None;
        }
        let to = self.subjects[self.asked % self.subjects.len()].clone();
        self.asked += 1;
        Some((to, self.bytes.clone()))
    }

    /// Returns true if the next request begins another round.
    pub(super) fn is_between_rounds(&self) -> bool {
        self.asked == self.subjects.len()
    }
}
