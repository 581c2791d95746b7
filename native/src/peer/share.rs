//! Files and folders that a peer shares.

use super::command::Command;
use super::handle::Handle;

/// A shared file or folder. It stays shared after this value is dropped; [`stop`](Self::stop) withdraws it.
#[derive(Clone, Debug)]
pub struct Share {
    pub(super) name: Box<str>,
    pub(super) handle: Handle,
}

impl Share {
    /// Returns the name under which peers see it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Stops sharing it. Transfers in progress continue.
    pub fn stop(self) {
        self.handle.send(Command::Unshare(self.name));
    }
}
