//! The options of `xcher share`.

use std::path::PathBuf;

use clap::Args;

use super::exclude_args::ExcludeArgs;
use super::receive_args::OffersArgs;
use super::values::{LinksChoice, switch};

#[derive(Clone, Debug, Args)]
pub(crate) struct ShareArgs {
    /// Files and folders to share; - is standard input, which can be fetched once
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Give standard input this name [default: stdin]
    #[arg(long, env = "XCHER_NAME", hide_short_help = true)]
    pub(crate) name: Option<String>,
    /// Skip, follow or keep symbolic links in folders; a link named as PATH is followed
    #[arg(long, env = "XCHER_LINKS", value_name = "ACTION", default_value = "skip")]
    #[arg(hide_short_help = true)]
    pub(crate) links: LinksChoice,
    /// Share hidden files, too: those whose names begin with a dot
    #[arg(long, env = "XCHER_HIDDEN", value_parser = switch())]
    pub(crate) hidden: bool,
    #[command(flatten)]
    pub(crate) exclude: ExcludeArgs,
    /// Report new and changed files in shared folders; listings always have them
    #[arg(long, env = "XCHER_WATCH", value_parser = switch(), hide_short_help = true)]
    pub(crate) watch: bool,
    /// Ask before accepting each session
    #[arg(long, env = "XCHER_ASK", value_parser = switch())]
    pub(crate) ask: bool,
    /// Stop after one session
    #[arg(long, env = "XCHER_ONCE", value_parser = switch())]
    pub(crate) once: bool,
    #[command(flatten)]
    pub(crate) offers: OffersArgs,
}
