//! The options of `xcher send`.

use std::path::PathBuf;

use clap::Args;
use xcher_core::Nick;

use super::exclude_args::ExcludeArgs;
use super::retry_args::RetryArgs;
use super::values::{LinksChoice, switch};

#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
The first of several arguments is a nick unless a file of that name exists. To be explicit, write
--to NICK for a nick and ./NAME for a file.

A text is shown at the receiver instead of being stored; a receiver of an earlier version stores it as
message.txt.

Standard input (-) is sent as it arrives, to its end, and to one peer only: it cannot be resumed after
a disconnect.")]
pub(crate) struct SendArgs {
    /// Offer the files to this nick instead of printing a code
    #[arg(long, env = "XCHER_TO", value_name = "NICK")]
    pub(crate) to: Option<Nick>,
    /// Files and folders, optionally after the nick to offer them to; - is standard input
    #[arg(required_unless_present = "text", value_name = "[NICK] PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Send this text, which the receiver reads on the screen; - reads it from standard input
    #[arg(long, env = "XCHER_TEXT", value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// Give standard input this name at the receiver [default: stdin]
    #[arg(long, env = "XCHER_NAME")]
    pub(crate) name: Option<String>,
    /// Skip, follow or keep symbolic links in folders; a link named as PATH is followed
    #[arg(long, env = "XCHER_LINKS", value_name = "ACTION", default_value = "skip")]
    #[arg(hide_short_help = true)]
    pub(crate) links: LinksChoice,
    #[command(flatten)]
    pub(crate) exclude: ExcludeArgs,
    /// Let this many receivers use the code, at the same time or one after another; 0 for any number, until
    /// stopped [default: 1]
    #[arg(long, env = "XCHER_TO_MANY", value_name = "N")]
    pub(crate) to_many: Option<u32>,
    /// Print no QR code
    #[arg(long, env = "XCHER_NO_QR", value_parser = switch())]
    pub(crate) no_qr: bool,
    /// Link to this page if --relay does not name the bridge's URL
    #[arg(long, env = "XCHER_PAGE_URL", value_name = "URL", hide_short_help = true)]
    pub(crate) page_url: Option<String>,
    #[command(flatten)]
    pub(crate) retry: RetryArgs,
}
