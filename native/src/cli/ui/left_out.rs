//! What is left out of what is sent, for the end of the command.

use std::collections::{BTreeMap, BTreeSet};

use xcher_core::LeftOutReason;

/// Things that are remembered, so that none is told twice.
const MOST: usize = 10_000;

/// What was left out so far.
#[derive(Default)]
pub(crate) struct LeftOutFiles {
    told: BTreeSet<String>,
    /// Why, the word for it, and how many.
    counts: BTreeMap<(LeftOutReason, &'static str), u64>,
    has_errors: bool,
}

impl LeftOutFiles {
    /// Takes one, the word for why, and whether something is lost by it; whether it is new.
    pub(crate) fn add(
        &mut self,
        line: &str,
        (why, word): (LeftOutReason, &'static str),
        is_error: bool,
    ) -> bool {
        if self.told.contains(line) {
            return false;
        }
        if self.told.len() < MOST {
            self.told.insert(line.to_owned());
        }
        self.has_errors |= is_error;
        *self.counts.entry((why, word)).or_default() += 1;
        true
    }

    /// Whether something is lost.
    pub(crate) fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// All of it in a line; nothing where nothing was left out.
    pub(crate) fn summary(&self) -> Option<String> {
        let all: u64 = self.counts.values().sum();
        let by_why = self.counts.iter().map(|((_, word), count)| format!("{count} {word}"));
        let by_why = by_why.collect::<Vec<_>>().join(", ");
        match all {
            0 => None,
            1 => Some(format!("1 thing was left out ({by_why})")),
            all => Some(format!("{all} things were left out ({by_why})")),
        }
    }
}
