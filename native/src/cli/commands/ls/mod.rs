//! `xcher ls`: lists what a peer shares.

mod line;
mod tree;

use std::io::{self, IsTerminal as _};

use xcher_core::peer::{Event, SessionCommand};

use crate::cli::callee::Callee;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::link;
use crate::cli::listing_spool::{ListingSpool, spool_error};
use crate::cli::options::{Common, LsArgs};
use crate::cli::outgoing_session::OutgoingSession;
use crate::cli::requested::Requested;
use crate::cli::sorted_listing::SortedListing;
use crate::cli::ui::json::JsonEvent;
use line::Style;

pub(crate) async fn run(common: &Common, args: &LsArgs) -> Result<(), CliError> {
    let requested = match args.names.is_empty() {
        true => None,
        false => Some(Requested::named(&args.names)?),
    };
    let common = link::with_relay(common, args.peer.relay.as_ref())?;
    let mut call = OutgoingSession::open(&common, &args.peer.nick, None).await?;
    call.online.output.hold_entries();
    let done = list(&mut call, args, requested).await;
    call.end(done).await
}

async fn list(
    call: &mut OutgoingSession<'_>,
    args: &LsArgs,
    mut requested: Option<Requested>,
) -> Result<(), CliError> {
    let style = Style::new(args.long, io::stdout().is_terminal());
    let draws_tree = args.tree && !call.online.output.is_json();
    let mut spool = match draws_tree {
        true => Some(ListingSpool::new().map_err(spool_error)?),
        false => None,
    };
    call.online.host.command(call.session, SessionCommand::List).map_err(CliError::misuse)?;
    let mut invalid = false;
    loop {
        match call.next().await? {
            Event::Entry { session, name, size, stat } => {
                if requested.as_mut().is_some_and(|requested| !requested.includes(&name)) {
                    continue;
                }
                if let Some(spool) = &mut spool {
                    spool.push(&name, size, stat).map_err(spool_error)?;
                    continue;
                }
                let output = &call.online.output;
                let printed = output
                    .result(format_args!("{}", style.line(&name, size, stat)))
                    .and_then(|()| output.json(&JsonEvent::entry(session, &name, size, stat)));
                printed.map_err(CliError::unwritten)?;
            }
            Event::InvalidEntry { .. } => invalid = true,
            Event::ListEnd { .. } => break,
            _ => {}
        }
    }
    if let Some(spool) = spool {
        // Sorting a long listing takes a while.
        let sort = tokio::task::spawn_blocking(move || SortedListing::of(spool));
        let sorted = call.meanwhile(sort).await?.map_err(CliError::local)??;
        tree::print(sorted, &call.online.output)?;
    }
    if let Some(requested) = &requested {
        requested.report_missing(call, &Callee::Nick(args.peer.nick.clone()));
    }
    match requested.and_then(|requested| requested.error()) {
        _ if invalid => Err(CliError::reported(ExitCode::Policy)),
        Some(code) => Err(CliError::reported(code)),
        None => Ok(()),
    }
}
