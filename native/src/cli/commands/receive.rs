//! `xcher receive`: waits for offers.

use crate::cli::exit::CliError;
use crate::cli::incoming_offers::Offers;
use crate::cli::options::{Common, ReceiveArgs};
use crate::cli::serve::{self, Serving};
use crate::files::Shares;

/// Waits for offers until stopped.
pub(crate) async fn run(common: &Common, args: &ReceiveArgs) -> Result<(), CliError> {
    let (mut offers, inbox) = Offers::new(&args.offers)?;
    offers.take_hidden(args.hidden);
    if let Some(inbox) = &inbox {
        inbox.check_writable().map_err(CliError::local)?;
    }
    if inbox.is_none() {
        return Err(CliError::usage(
            "expected a terminal to ask on, or --yes to take what comes, got neither",
        ));
    }
    let serving = Serving { ask: false, once: args.once, offers, inbox };
    serve::serve_all(common, Shares::nothing(), serving, |_| {}).await
}
