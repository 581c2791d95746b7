//! What is shared: names and sizes. The bytes are JavaScript's.

use xcher_core::peer::SessionId;
use xcher_core::{FileName, Listed, Stat};

/// How many files of a list are given at a time.
const STEP: usize = 512;

/// The files that are shared, and how far they are listed to whom.
#[derive(Default)]
pub(super) struct Shares {
    /// In the order of their names.
    files: Vec<Listed>,
    /// The last name listed.
    walks: Vec<(SessionId, FileName)>,
}

impl Shares {
    /// False if the name is taken.
    pub(super) fn add(&mut self, name: FileName, size: u64, stat: Stat) -> bool {
        let Err(at) = self.position(name.as_str()) else { return false };
        self.files.insert(at, Listed { name, size, stat });
        true
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Ok(at) = self.position(name) {
            self.files.remove(at);
        }
    }

    pub(super) fn size(&self, name: &str) -> Option<u64> {
        self.position(name).ok().map(|at| self.files[at].size)
    }

    /// The next files for this session, and whether they are the last.
    pub(super) fn next(&mut self, session: SessionId) -> (Vec<Listed>, bool) {
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
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.files.binary_search_by(|shared| shared.name.as_str().cmp(name))
    }
}
