//! The files left out of what is sent, counted for the end of the command.

use std::collections::{BTreeMap, BTreeSet};

use xcher_core::LeftOutReason;

use crate::files::{NotShared, NotSharedReason};

/// The most lines that are remembered, so that none is printed twice.
const MAX_LINES: usize = 10_000;

/// Describes a file that is not shared, with the option that changes it.
pub(crate) fn describe(file: &NotShared) -> String {
    match file.why {
        NotSharedReason::Link => format!("{file}; see --links"),
        _ => file.to_string(),
    }
}

#[derive(Default)]
pub(super) struct LeftOutFiles {
    printed: BTreeSet<String>,
    /// Numbers by reason and by the word for it.
    counts: BTreeMap<(LeftOutReason, &'static str), u64>,
    has_errors: bool,
}

impl LeftOutFiles {
    /// Adds a file. Returns true if its line is new.
    pub(super) fn add(
        &mut self,
        line: &str,
        (why, word): (LeftOutReason, &'static str),
        is_error: bool,
    ) -> bool {
        if self.printed.contains(line) {
            return false;
        }
        if self.printed.len() < MAX_LINES {
            self.printed.insert(line.to_owned());
        }
        self.has_errors |= is_error;
        *self.counts.entry((why, word)).or_default() += 1;
        true
    }

    /// Returns true if a file should have been sent and could not be.
    pub(super) fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// Sums up in one line; `None` if no file was left out.
    pub(super) fn summary(&self) -> Option<String> {
        let all: u64 = self.counts.values().sum();
        let by_reason = self.counts.iter().map(|((_, word), count)| format!("{count} {word}"));
        let by_reason = by_reason.collect::<Vec<_>>().join(", ");
        match all {
            0 => None,
            1 => Some(format!("1 entry was left out ({by_reason})")),
            all => Some(format!("{all} entries were left out ({by_reason})")),
        }
    }
}
