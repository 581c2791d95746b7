//! Names and sizes of shared files. JavaScript has their bytes.

use xcher_core::peer::SessionId;
use xcher_core::{FileName, Kind, SharedFile, Size, Stat};

/// Entries of a listing that are handed to the core at a time.
const LISTING_STEP: usize = 512;

/// The shared files, and the progress of each listing.
#[derive(Default)]
pub(super) struct Shares {
    /// Sorted by name.
    files: Vec<SharedFile>,
    /// The last name listed to each session that has more to come.
    cursors: Vec<(SessionId, FileName)>,
    /// Files that are shared with one session because they were offered in it.
    offered: Vec<(SessionId, Vec<SharedFile>)>,
}

impl Shares {
    /// Returns false if the name is taken.
    pub(super) fn add(&mut self, name: FileName, size: u64, stat: Stat) -> bool {
        let Err(at) = self.position(name.as_str()) else { return false };
        let size = Size::Exact(size);
        self.files.insert(at, SharedFile { name, size, stat });
        true
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Ok(at) = self.position(name) {
            self.files.remove(at);
        }
    }

    /// Returns size and kind of a file that this session may request. A file that was offered in it hides a
    /// shared one of the same name.
    pub(super) fn find(&self, session: SessionId, name: &str) -> Option<(Size, Kind)> {
        let offers = self.offered.iter().rev().filter(|(whose, _)| *whose == session);
        let offered = offers.flat_map(|(_, files)| files).find(|file| file.name.as_str() == name);
        let shared = || self.position(name).ok().map(|at| &self.files[at]);
        offered.or_else(shared).map(|file| (file.size, file.stat.kind))
    }

    /// Shares these files with one session until it ends.
    pub(super) fn offer(&mut self, session: SessionId, files: Vec<SharedFile>) {
        self.offered.push((session, files));
    }

    /// Returns the next entries of a session's listing, and true if they are the last.
    pub(super) fn next(&mut self, session: SessionId) -> (Vec<SharedFile>, bool) {
        let from = match self.cursors.iter().position(|(whose, _)| *whose == session) {
            Some(cursor) => {
                let (_, last) = self.cursors.swap_remove(cursor);
                self.position(last.as_str()).map_or_else(|at| at, |at| at + 1)
            }
            None => 0,
        };
        let entries: Vec<_> = self.files[from..].iter().take(LISTING_STEP).cloned().collect();
        let done = from + entries.len() == self.files.len();
        if let (false, Some(last)) = (done, entries.last()) {
            self.cursors.push((session, last.name.clone()));
        }
        (entries, done)
    }

    /// Forgets a session that has ended.
    pub(super) fn forget(&mut self, session: SessionId) {
        self.cursors.retain(|(whose, _)| *whose != session);
        self.offered.retain(|(whose, _)| *whose != session);
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.files.binary_search_by(|shared| shared.name.as_str().cmp(name))
    }
}
