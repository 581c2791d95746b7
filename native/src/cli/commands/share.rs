//! `xcher share`: shares files until stopped.

use std::path::PathBuf;

use crate::cli::exit::CliError;
use crate::cli::incoming_offers::Offers;
use crate::cli::online_host::OnlineHost;
use crate::cli::open_shares;
use crate::cli::options::{Common, ShareArgs};
use crate::cli::serve::{self, Serving};
use crate::cli::ui::output::Output;

/// Shares until stopped, but not the file `secret`; `online` is told the nick once.
pub(crate) async fn run(
    common: &Common,
    args: &ShareArgs,
    secret: Option<&PathBuf>,
    online: impl FnMut(&OnlineHost),
) -> Result<(), CliError> {
    let rules = open_shares::rules(common, args.links.into(), args.hidden, secret);
    let shares = open_shares::open_beside_questions(&args.paths, args.name.as_deref(), &rules)?;
    for path in args.paths.iter().filter(|path| open_shares::is_sweeping(path)) {
        let path = path.display();
        let text = format_args!("WARNING: all of {path} is shared with everyone at the relay");
        Output::new(common).error(text);
    }
    let (offers, inbox) = Offers::new(&args.offers)?;
    // Nobody says yes later, who could be told then.
    if let (true, Some(inbox)) = (args.offers.yes, &inbox) {
        inbox.check_writable().map_err(CliError::local)?;
    }
    let serving = Serving { ask: args.ask, once: args.once, offers, inbox };
    serve::serve_all(common, shares, serving, online).await
}
