//! The options of `xcher receive`, and of other commands that accept offers.

use clap::Args;

use super::retry_args::RetryArgs;
use super::target_args::TargetArgs;
use super::values::switch;

#[derive(Clone, Debug, Args)]
pub(crate) struct ReceiveArgs {
    /// With --yes, also store hidden files at the top level of the folder, such as .bashrc
    #[arg(long, env = "XCHER_HIDDEN", value_parser = switch(), hide_short_help = true)]
    pub(crate) hidden: bool,
    /// Stop after one session
    #[arg(long, env = "XCHER_ONCE", value_parser = switch())]
    pub(crate) once: bool,
    #[command(flatten)]
    pub(crate) offers: OffersArgs,
}

/// Options for incoming offers.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Incoming offers")]
pub(crate) struct OffersArgs {
    #[command(flatten)]
    pub(crate) to: TargetArgs,
    /// Accept every offer from anyone, without asking
    #[arg(long, short, env = "XCHER_YES", value_parser = switch())]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) retry: RetryArgs,
}
