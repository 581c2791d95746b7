//! The command line of what sends, and of what is asked before it receives.

use std::path::PathBuf;

use clap::Args;
use xcher_core::{Nick, Size};

use super::args::switch;
use crate::files::{Links, OnConflict};

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The first of several arguments is a nick where no file is called so; --to NICK says it plainly, and
./NAME is always a file.

What comes on standard input (-) goes as it comes, to its end, and to one receiver alone: after a
break it cannot go on.")]
pub(super) struct SendArgs {
    /// Whom to offer them to; without, whoever is told the code that is shown
    #[arg(long, env = "XCHER_TO", value_name = "NICK")]
    pub(super) to: Option<Nick>,
    /// Files and folders, after a nick to offer them to, or none; - is standard input
    #[arg(required = true, value_name = "[NICK] PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// What standard input is called at the receiver [default: stdin]
    #[arg(long, env = "XCHER_NAME")]
    pub(super) name: Option<String>,
    /// What becomes of symbolic links in folders; a link that is named is followed
    #[arg(long, env = "XCHER_LINKS", value_name = "WHAT", default_value = "skip")]
    pub(super) links: Links,
    /// Show no QR code
    #[arg(long, env = "XCHER_NO_QR", value_parser = switch())]
    pub(super) no_qr: bool,
    /// The relay's page, for the link, where --relay does not tell it
    #[arg(long, env = "XCHER_PAGE_URL", value_name = "URL")]
    pub(super) page_url: Option<String>,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
With -o - the bytes of one file go to standard output as they come, and nothing else does. In a
private session each is known to be the other side's before it is written; that they were all is
known at the end: the exit code is 0.")]
pub(super) struct GetArgs {
    /// Who shares, or the code that they told; - or nothing to type the code
    #[arg(value_name = "NICK|CODE")]
    pub(super) peer: Option<String>,
    /// Files, or folders with all that is in them, as `ls` spells them; of a code, everything
    #[arg(value_name = "NAME", conflicts_with = "all")]
    pub(super) names: Vec<String>,
    /// Everything that is shared
    #[arg(long, env = "XCHER_ALL")]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) to: TargetArgs,
    /// With --all or --yes, also take files that land on a dot-name in the folder itself, such as .bashrc
    #[arg(long, env = "XCHER_HIDDEN", value_parser = switch())]
    pub(super) hidden: bool,
    /// By a code, fetch without asking
    #[arg(long, short, env = "XCHER_YES", value_parser = switch())]
    pub(super) yes: bool,
}

/// Where received files go.
#[derive(Clone, Debug, Args)]
pub(super) struct TargetArgs {
    /// The folder to put them into
    #[arg(long, short, env = "XCHER_OUTPUT", value_name = "DIR", default_value = ".")]
    pub(super) output: PathBuf,
    /// What to do where a file of that name is there already
    #[arg(long, env = "XCHER_ON_CONFLICT", value_name = "WHAT", default_value = "rename")]
    pub(super) on_conflict: OnConflict,
    /// Let programs be programs: files that may be executed there may be executed here
    #[arg(long, env = "XCHER_EXECUTABLE", value_parser = switch())]
    pub(super) executable: bool,
    /// The most bytes of a file of unknown size, such as 500mb [default: no limit; with --yes: 1gb]
    #[arg(long, env = "XCHER_MAX_SIZE", value_name = "SIZE", value_parser = size)]
    pub(super) max_size: Option<Size>,
}

#[derive(Clone, Debug, Args)]
pub(super) struct ReceiveArgs {
    /// With --yes, also take files that land on a dot-name in the folder itself, such as .bashrc
    #[arg(long, env = "XCHER_HIDDEN", value_parser = switch())]
    pub(super) hidden: bool,
    /// End after one session
    #[arg(long, env = "XCHER_ONCE", value_parser = switch())]
    pub(super) once: bool,
    #[command(flatten)]
    pub(super) offers: OffersArgs,
}

/// What to do with offers.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "What others offer")]
pub(super) struct OffersArgs {
    #[command(flatten)]
    pub(super) to: TargetArgs,
    /// Take all that anyone offers, without asking
    #[arg(long, short, env = "XCHER_YES", value_parser = switch())]
    pub(super) yes: bool,
}

/// Bytes, also as a round figure.
fn size(text: &str) -> Result<Size, String> {
    let size = Size::parse(text).filter(|size| !size.is_unknown());
    size.ok_or_else(|| "expected bytes, such as 1000000 or 500mb".to_owned())
}
