//! The options that leave files out of what is shared or sent.

use std::path::PathBuf;

use clap::Args;

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ExcludeArgs {
    /// Leave out files and folders that match this pattern, such as '*.tmp' or '/photos/raw'; repeatable
    ///
    /// The syntax is that of .gitignore, and names are as `ls` shows them. What is excluded is neither
    /// listed nor sent. In XCHER_EXCLUDE each pattern has a line of its own.
    #[arg(long, env = "XCHER_EXCLUDE", value_name = "PATTERN", value_delimiter = '\n')]
    #[arg(allow_hyphen_values = true)]
    pub(crate) exclude: Vec<String>,
    /// Leave out what the .gitignore rules in this file exclude, in each shared folder; repeatable
    #[arg(long, env = "XCHER_IGNORE_FILE", value_name = "FILE", value_delimiter = '\n')]
    #[arg(hide_short_help = true)]
    pub(crate) ignore_file: Vec<PathBuf>,
}
