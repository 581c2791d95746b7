//! The options of `xcher ls`.

use clap::Args;

use super::values::switch;
use crate::cli::link::NickOrLink;

#[derive(Clone, Debug, Args)]
pub(crate) struct LsArgs {
    /// Nick of the peer, or a link to it
    #[arg(value_name = "NICK|LINK")]
    pub(crate) peer: NickOrLink,
    /// Show only these files, folders with everything in them, or what matches patterns such as
    /// 'photos/*.jpg'
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Show also the time of the last change (UTC) and flags: x executable, p private, d folder, l link
    ///
    /// Where standard output is not a terminal, a line is SIZE, TIME, FLAGS and NAME, separated by tabs. A
    /// peer that does not tell them has - for TIME and FLAGS.
    #[arg(long, short, env = "XCHER_LONG", value_parser = switch())]
    pub(crate) long: bool,
    /// Show folders as a tree, sorted by name, with the size of all that is in each
    #[arg(long, env = "XCHER_TREE", value_parser = switch(), conflicts_with = "long")]
    pub(crate) tree: bool,
}
