//! What is shared: names and sizes. The bytes are JavaScript's.

use xcher_core::peer::SessionId;
use xcher_core::{FileName, SharedFile, Size, Stat};

/// How many files of a list are given at a time.
const STEP: usize = 512;

/// The files that are shared, and how far they are listed to whom.
#[derive(Default)]
pub(super) struct Shares {
    /// In the order of their names.
    files: Vec<SharedFile>,
    /// The last name listed.
    walks: Vec<(SessionId, FileName)>,
    /// What is shared with one session alone, because it was offered there.
    offered: Vec<(SessionId, Vec<SharedFile>)>,
}

impl Shares {
    /// False if the name is taken.
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

    /// The size of a file that this session may have; what was offered to it goes before.
    pub(super) fn size(&self, session: SessionId, name: &str) -> Option<Size> {
        let offers = self.offered.iter().rev().filter(|(whose, _)| *whose == session);
        let offered = offers.flat_map(|(_, files)| files).find(|file| file.name.as_str() == name);
        let shared = || self.position(name).ok().map(|at| &self.files[at]);
        offered.or_else(shared).map(|file| file.size)
    }

    /// Shares these with this session, until it is over.
    pub(super) fn offer(&mut self, session: SessionId, files: Vec<SharedFile>) {
        self.offered.push((session, files));
    }

    /// The next files for this session, and whether they are the last.
    pub(super) fn next(&mut self, session: SessionId) -> (Vec<SharedFile>, bool) {
        let from = match self.walks.iter().position(|(whose, _)| *whose == session) {
            Some(walk) => {
                let (_, last) = self.walks.swap_remove(walk);
                self.position(last.as_str()).map_or_else(|at| at, |at| at + 1)
            }
            None => 0,
        };
        let entries: Vec<_> = self.files[from..].iter().take(STEP).cloned().collect();
        let done = from + entries.len() == self.files.len();
        if let (false, Some(last)) = (done, entries.last()) {
            self.walks.push((session, last.name.clone()));
        }
        (entries, done)
    }

    /// The session is over.
    pub(super) fn forget(&mut self, session: SessionId) {
        self.walks.retain(|(whose, _)| *whose != session);
        self.offered.retain(|(whose, _)| *whose != session);
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.files.binary_search_by(|shared| shared.name.as_str().cmp(name))
    }
}
