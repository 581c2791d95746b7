//! Offers of files that a peer makes.

use std::sync::Arc;

use xcher_core::SharedFile;
use xcher_core::peer::SessionCommand;

use super::download::Download;
use super::handle::SessionHandle;
use super::listing::RemoteFile;
use super::session::Session;

/// Files that a peer offers to send. Nothing is transferred until [`accept`](Self::accept)ed downloads are awaited.
/// Cheap to clone; an offer whose last clone is dropped undecided is declined.
#[derive(Clone, Debug)]
pub struct Offer {
    session: Session,
    undecided: Arc<Undecided>,
}

#[derive(Debug)]
struct Undecided {
    session: SessionHandle,
    files: Vec<RemoteFile>,
    decided: std::sync::atomic::AtomicBool,
}

impl Offer {
    pub(super) fn new(session: Session, files: Vec<SharedFile>) -> Self {
        let files = files.into_iter().map(|listed| RemoteFile { listed }).collect();
        let undecided = Undecided { session: session.handle.clone(), files, decided: false.into() };
        Self { session, undecided: Arc::new(undecided) }
    }

    /// Returns the session over which they are offered.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the offered files.
    pub fn files(&self) -> &[RemoteFile] {
        &self.undecided.files
    }

    /// Accepts the files that `wanted` selects and declines the others. Returns nothing if the offer was decided
    /// before. A download that is dropped without being awaited leaves its file undecided.
    pub fn accept(&self, mut wanted: impl FnMut(&RemoteFile) -> bool) -> Vec<Download> {
        if !self.undecided.decide() {
            return Vec::new();
        }
        let (accepted, declined): (Vec<_>, Vec<_>) =
            self.undecided.files.iter().cloned().partition(|file| wanted(file));
        self.undecided.refuse(declined);
        accepted.into_iter().map(|file| self.session.get(file)).collect()
    }

    /// Declines every file, unless the offer was decided before.
    pub fn decline(&self) {
        if self.undecided.decide() {
            self.undecided.refuse(self.undecided.files.clone());
        }
    }
}

impl Undecided {
    /// Returns true the first time.
    fn decide(&self) -> bool {
        !self.decided.swap(true, std::sync::atomic::Ordering::Relaxed)
    }

    fn refuse(&self, files: Vec<RemoteFile>) {
        for file in files {
            self.session.command(SessionCommand::Decline(file.listed.name));
        }
    }
}

impl Drop for Undecided {
    fn drop(&mut self) {
        if self.decide() {
            self.refuse(self.files.clone());
        }
    }
}
