//! A message for the subjects of a nick, of which the next is asked if nobody is at one.

use alloc::vec::{self, Vec};

use super::{Subject, subjects};
use crate::Nick;

pub(super) struct InTurn {
    /// Empty once the last subject is asked.
    bytes: Vec<u8>,
    left: vec::IntoIter<Subject>,
}

impl InTurn {
    pub(super) fn new(nick: &Nick, bytes: Vec<u8>) -> Self {
        Self { bytes, left: subjects(nick).into_iter() }
    }

    /// Returns the next request, or `None` after the last subject.
    pub(super) fn next(&mut self) -> Option<(Subject, Vec<u8>)> {
        let to = self.left.next()?;
        // Most nicks have one subject, and need no copy.
        let is_last = self.left.len() == 0;
        Some((to, if is_last { core::mem::take(&mut self.bytes) } else { self.bytes.clone() }))
    }
}
