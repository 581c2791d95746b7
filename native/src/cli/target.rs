//! The place for received files: a folder or standard output.

use std::path::{Path, PathBuf};

use xcher_core::{FileName, Size, Stat};

use crate::cli::exit::CliError;
use crate::cli::options::TargetArgs;
use crate::files::{Inbox, InboxOptions};

/// A place for received files, and the rules for storing them.
#[derive(Clone)]
pub(crate) struct Target {
    /// A folder, or `-` for standard output.
    pub(crate) folder: PathBuf,
    pub(crate) taking: InboxOptions,
    /// Stores hidden files at the top level of the folder without asking.
    pub(crate) hidden: bool,
    /// Prints texts instead of storing them.
    pub(crate) prints_texts: bool,
}

/// The most bytes of a file of unknown size with `--yes`, unless `--max-size` is set: 1 GiB.
const MAX_UNKNOWN_SIZE: u64 = 1 << 30;

impl Target {
    /// With `yes`, the user is not asked.
    pub(crate) fn new(args: &TargetArgs, yes: bool) -> Self {
        let max_size = args.max_size.map(Size::bytes);
        let taking = InboxOptions {
            on_conflict: args.on_conflict.into(),
            executable: args.executable,
            max_unknown: max_size.or(yes.then_some(MAX_UNKNOWN_SIZE)),
        };
        let folder = args.output.clone().unwrap_or_else(|| ".".into());
        Self { folder, taking, hidden: false, prints_texts: args.output.is_none() }
    }

    /// Returns true if an entry is a text that is printed instead of being stored.
    pub(crate) fn prints(&self, stat: Stat) -> bool {
        self.prints_texts && stat.text
    }

    /// Returns true if a file must not be stored without asking, because it is hidden at the top level.
    pub(crate) fn must_ask_for(&self, name: &FileName) -> bool {
        !self.hidden && is_hidden(name)
    }

    /// Opens the folder for receiving.
    ///
    /// # Errors
    ///
    /// If the folder cannot be opened; a usage error for standard output, which takes a single file.
    pub(crate) fn open(&self) -> Result<Inbox, CliError> {
        if self.is_stdout() {
            return Err(CliError::usage(
                "only `xcher get` can write to standard output (-o -); name a folder instead",
            ));
        }
        Inbox::open(&self.folder, self.taking).map_err(CliError::local)
    }

    pub(crate) fn is_stdout(&self) -> bool {
        self.folder == Path::new("-")
    }

    /// Returns the path of a file of this name.
    pub(crate) fn path(&self, name: &FileName) -> PathBuf {
        if self.folder == Path::new(".") {
            name.as_str().into()
        } else {
            self.folder.join(name.as_str())
        }
    }

    /// Returns the path of a file of this name, for events.
    pub(crate) fn path_text(&self, name: &FileName) -> String {
        self.path(name).display().to_string()
    }
}

/// Returns true if a file would be hidden at the top level of the folder, where programs look for settings.
pub(crate) fn is_hidden(name: &FileName) -> bool {
    name.as_str().starts_with('.')
}
