//! `xcher receive`: waits for offers.

use crate::cli::exit::CliError;
use crate::cli::incoming_offers::IncomingOffers;
use crate::cli::options::{Common, ReceiveArgs};
use crate::cli::serve::{self, Serving};
use crate::files::Shares;

/// Waits for offers until stopped.
pub(crate) async fn run(common: &Common, args: &ReceiveArgs) -> Result<(), CliError> {
    let (mut offers, inbox) = IncomingOffers::new(&args.offers)?;
    offers.accept_hidden(args.hidden);
    let Some(inbox) = inbox else {
        return Err(CliError::usage(
            "no terminal to ask on; accept every offer with --yes, or run this in a terminal",
        ));
    };
    inbox.check_writable().map_err(CliError::local)?;
    let serving = Serving { ask: false, once: args.once, offers, inbox: Some(inbox), watch: None };
    serve::serve_all(common, Shares::nothing(), serving, |_| {}).await
}
