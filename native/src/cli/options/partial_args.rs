//! The options of `xcher partial`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Clone, Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct PartialArgs {
    #[command(subcommand)]
    pub(crate) command: Option<PartialCommand>,
    /// Look in this folder, the one the files were to be stored in
    #[arg(long, short, global = true, env = "XCHER_OUTPUT", value_name = "DIR")]
    #[arg(default_value = ".")]
    pub(crate) output: PathBuf,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum PartialCommand {
    /// List incomplete downloads: BYTES, SIZE, FROM, AGE, NAME, separated by tabs [default]
    List,
    /// Remove all incomplete downloads, or only those named, unless a transfer uses them
    Clear {
        /// Files, or folders with everything in them, as `list` prints them
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}
