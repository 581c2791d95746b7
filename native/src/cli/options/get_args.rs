//! The options of `xcher get`.

use clap::Args;

use super::filter_args::FilterArgs;
use super::retry_args::RetryArgs;
use super::target_args::TargetArgs;
use super::values::switch;

#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
With -o - the bytes of one file go to standard output as they arrive, and nothing else does. In an
encrypted session each byte is authenticated before it is written; exit code 0 confirms that the file
is complete.")]
pub(crate) struct GetArgs {
    /// Nick of the peer, or the code or link it gave you; - or nothing to type the code
    ///
    /// A code may be typed with spaces for dashes. A link also names the relay.
    #[arg(value_name = "NICK|CODE|LINK")]
    pub(crate) peer: Option<String>,
    /// Files, or folders with everything in them, as `ls` lists them; or patterns such as 'photos/*.jpg'
    /// [default with a code: all]
    ///
    /// In a pattern * and ? stay within a folder, ** does not, and hidden names in the receiving folder
    /// itself need a pattern that begins with a dot. A file or folder of exactly this name wins.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Fetch everything the peer shares
    #[arg(long, env = "XCHER_ALL")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) to: TargetArgs,
    /// With --all or --yes, also store hidden files at the top level of the folder, such as .bashrc
    #[arg(long, env = "XCHER_HIDDEN", value_parser = switch(), hide_short_help = true)]
    pub(crate) hidden: bool,
    /// With a code, fetch without asking
    #[arg(long, short, env = "XCHER_YES", value_parser = switch())]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) retry: RetryArgs,
}
