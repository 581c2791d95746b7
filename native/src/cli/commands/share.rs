//! `xcher share`: shares files until stopped.

use std::path::PathBuf;

use crate::cli::exit::CliError;
use crate::cli::incoming_offers::IncomingOffers;
use crate::cli::online_host::OnlineHost;
use crate::cli::open_shares::{self, is_stdin};
use crate::cli::options::{Common, ShareArgs};
use crate::cli::serve::{self, Serving};
use crate::cli::ui::output::Output;
use crate::cli::watch::Watch;

/// Shares until stopped, but never the files in `secrets`; `announce` is called once the host is online.
pub(crate) async fn run(
    common: &Common,
    args: &ShareArgs,
    secrets: &[PathBuf],
    announce: impl FnMut(&OnlineHost),
) -> Result<(), CliError> {
    if common.relay.irc_channel().is_some() && args.paths.iter().any(|path| is_stdin(path)) {
        return Err(CliError::usage(
            "in a channel you are asked about each caller, so standard input (-) cannot be shared; send it \
             by code: xcher send -",
        ));
    }
    let rules = open_shares::rules(common, args.links.into(), args.hidden, secrets, &args.exclude)?;
    let shares = open_shares::open_beside_questions(&args.paths, args.name.as_deref(), &rules)?;
    for path in args.paths.iter().filter(|path| open_shares::is_sweeping(path)) {
        let path = path.display();
        let text = format_args!("WARNING: sharing all of {path} with everyone at the relay");
        Output::new(common).error(text);
    }
    let (offers, inbox) = IncomingOffers::new(&args.offers)?;
    // With --yes the user will not be there to read of an unwritable folder.
    if let (true, Some(inbox)) = (args.offers.yes, &inbox) {
        inbox.check_writable().map_err(CliError::local)?;
    }
    let watch = args.watch.then(|| Watch::start(shares.clone()));
    let serving = Serving { ask: args.ask, once: args.once, offers, inbox, watch };
    serve::serve_all(common, shares, serving, announce).await
}
