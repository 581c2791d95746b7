//! Where received files are stored.

use std::path::{Path, PathBuf};

use xcher_core::{FileName, Size};

use crate::cli::exit::CliError;
use crate::cli::options::TargetArgs;
use crate::files::{Inbox, Taking};

/// Where files are put, and what to do where something is there.
#[derive(Clone)]
pub(crate) struct Target {
    /// `-` is no folder: it stands for standard output.
    pub(crate) folder: PathBuf,
    pub(crate) taking: Taking,
    /// Whether what lands on a dot-name in the folder itself is taken without being asked about.
    pub(crate) hidden: bool,
}

/// The most bytes of a file of unknown size that `--yes` takes, where nothing else is said: 1 GiB.
const MAX_UNKNOWN: u64 = 1 << 30;

impl Target {
    /// `yes`: nobody is asked.
    pub(crate) fn new(args: &TargetArgs, yes: bool) -> Self {
        let max_size = args.max_size.map(Size::bytes);
        let taking = Taking {
            on_conflict: args.on_conflict.into(),
            executable: args.executable,
            max_unknown: max_size.or(yes.then_some(MAX_UNKNOWN)),
        };
        Self { folder: args.output.clone(), taking, hidden: false }
    }

    /// Whether a file is not taken without being asked about, because it would land on a dot-name in the
    /// folder itself.
    pub(crate) fn is_wary_of(&self, name: &FileName) -> bool {
        !self.hidden && is_dotted(name)
    }

    /// Opens it for receiving.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be had, and a usage failure for standard output, which only one file
    /// can go to.
    pub(crate) fn open(&self) -> Result<Inbox, CliError> {
        if self.is_stdout() {
            return Err(CliError::usage(
                "expected a folder, got - for standard output, which `xcher get` alone writes to",
            ));
        }
        Inbox::open(&self.folder, self.taking).map_err(CliError::local)
    }

    /// Whether the bytes of one file go to standard output.
    pub(crate) fn is_stdout(&self) -> bool {
        self.folder == Path::new("-")
    }

    /// Where a file of this name is, for events.
    pub(crate) fn path(&self, name: &FileName) -> String {
        self.shown(name).display().to_string()
    }

    /// Where a file of this name is.
    pub(crate) fn shown(&self, name: &FileName) -> PathBuf {
        if self.folder == Path::new(".") {
            name.as_str().into()
        } else {
            self.folder.join(name.as_str())
        }
    }
}

/// Whether a file lands on a dot-name in the receiving folder itself, where programs look for settings.
pub(crate) fn is_dotted(name: &FileName) -> bool {
    name.as_str().starts_with('.')
}
