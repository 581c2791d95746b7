//! A listing sorted by name on disk, so that a million entries take no memory.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use xcher_core::{FileName, Size, Stat};

use crate::cli::exit::CliError;
use crate::cli::listing_spool::{ListingReader, ListingSpool, spool_error};

/// Bytes of entries that are sorted in memory at a time.
const MAX_HELD: usize = 16 << 20;
/// The cost of an entry in addition to its name.
const ENTRY_COST: usize = 96;

/// A listing in the order of its folders: each is followed by all that is in it.
pub(crate) struct SortedListing {
    /// Sorted parts.
    runs: Vec<ListingReader>,
    /// The next entry of each run.
    heads: BinaryHeap<Reverse<Head>>,
}

struct Head {
    name: FileName,
    size: Size,
    stat: Stat,
    run: usize,
}

impl SortedListing {
    /// Sorts a listing.
    pub(crate) fn of(spool: ListingSpool) -> Result<Self, CliError> {
        Self::in_runs(spool, MAX_HELD)
    }

    fn in_runs(spool: ListingSpool, max_held: usize) -> Result<Self, CliError> {
        let mut listing = spool.read().map_err(spool_error)?;
        let mut runs = Vec::new();
        loop {
            let (mut entries, mut held) = (Vec::new(), 0);
            while held < max_held
                && let Some(entry) = listing.next().map_err(spool_error)?
            {
                held += entry.0.as_str().len() + ENTRY_COST;
                entries.push(entry);
            }
            if entries.is_empty() {
                break;
            }
            entries.sort_by(|(a, ..), (b, ..)| in_folders(a, b));
            let mut run = ListingSpool::new().map_err(spool_error)?;
            for (name, size, stat) in &entries {
                run.push(name, *size, *stat).map_err(spool_error)?;
            }
            runs.push(run.read().map_err(spool_error)?);
        }
        let mut sorted = Self { runs, heads: BinaryHeap::new() };
        sorted.rewind()?;
        Ok(sorted)
    }

    /// Goes back to the first entry.
    pub(crate) fn rewind(&mut self) -> Result<(), CliError> {
        self.heads.clear();
        for run in 0..self.runs.len() {
            self.runs[run].rewind().map_err(spool_error)?;
            self.fill(run)?;
        }
        Ok(())
    }

    /// Returns the next entry.
    pub(crate) fn next(&mut self) -> Result<Option<(FileName, Size, Stat)>, CliError> {
        let Some(Reverse(Head { name, size, stat, run })) = self.heads.pop() else {
            return Ok(None);
        };
        self.fill(run)?;
        Ok(Some((name, size, stat)))
    }

    fn fill(&mut self, run: usize) -> Result<(), CliError> {
        if let Some((name, size, stat)) = self.runs[run].next().map_err(spool_error)? {
            self.heads.push(Reverse(Head { name, size, stat, run }));
        }
        Ok(())
    }
}

/// Compares names part by part: `a/b` comes right after `a`, before `a.txt`.
fn in_folders(a: &FileName, b: &FileName) -> Ordering {
    a.parts().cmp(b.parts())
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        in_folders(&self.name, &other.name).then(self.run.cmp(&other.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn runs_merge_into_the_order_of_folders() {
        let names = ["b", "a.txt", "a/c", "a", "a/b/z", "a/b", "a-", "ä", "a/c"];
        for max_held in [1, 250, MAX_HELD] {
            let mut spool = ListingSpool::new().unwrap();
            for name in names {
                let name = FileName::new(name).unwrap();
                spool.push(&name, Size::parse("1").unwrap(), Stat::default()).unwrap();
            }
            let mut sorted = SortedListing::in_runs(spool, max_held).ok().unwrap();
            assert_eq!(sorted.runs.len() > 1, max_held < MAX_HELD);
            for _ in 0..2 {
                let mut read = Vec::new();
                while let Some((name, ..)) = sorted.next().ok().unwrap() {
                    read.push(name.as_str().to_owned());
                }
                let expected = ["a", "a/b", "a/b/z", "a/c", "a/c", "a-", "a.txt", "b", "ä"];
                assert_eq!(read, expected, "{max_held}");
                sorted.rewind().ok().unwrap();
            }
        }
    }
}
