//! The options of `xcher up`.

use clap::Args;

use super::relay_args::RelayArgs;
use super::server_args::StartArgs;
use super::share_args::ShareArgs;

#[derive(Clone, Debug, Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) share: ShareArgs,
    #[command(flatten, next_help_heading = "Relay and bridge")]
    pub(crate) relay: RelayArgs,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}
