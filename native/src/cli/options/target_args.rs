//! The options for storing received files.

use std::path::PathBuf;

use clap::Args;
use xcher_core::Size;

use super::values::{ConflictChoice, size, switch};

#[derive(Clone, Debug, Args)]
pub(crate) struct TargetArgs {
    /// Store files in this folder, and texts too instead of printing them [default: the current folder]
    #[arg(long, short, env = "XCHER_OUTPUT", value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Rename, overwrite, skip or fail if a file of that name exists
    #[arg(long, env = "XCHER_ON_CONFLICT", value_name = "ACTION", default_value = "rename")]
    pub(crate) on_conflict: ConflictChoice,
    /// Keep the executable bit of files
    #[arg(long, env = "XCHER_EXECUTABLE", value_parser = switch(), hide_short_help = true)]
    pub(crate) executable: bool,
    /// Limit a file of unknown size to this many bytes, such as 500mb [default: no limit; 1gb with --yes]
    #[arg(long, env = "XCHER_MAX_SIZE", value_name = "SIZE", value_parser = size)]
    #[arg(hide_short_help = true)]
    pub(crate) max_size: Option<Size>,
}
