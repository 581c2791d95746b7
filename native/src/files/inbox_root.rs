//! The root of a receiving folder, shared by all files being received into it.

use std::path::PathBuf;

use cap_std::fs::Dir;

use super::{InboxOptions, PARTIAL_FOLDER};

#[derive(Debug)]
pub(super) struct InboxRoot {
    pub(super) root: Dir,
    /// The path as the user gave it, for messages.
    pub(super) path: PathBuf,
    pub(super) options: InboxOptions,
}

impl Drop for InboxRoot {
    fn drop(&mut self) {
        // Fails, as it should, unless the folder is empty.
        let _ = self.root.remove_dir(PARTIAL_FOLDER);
    }
}
