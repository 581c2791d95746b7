//! `xcher get`: lists the files of a peer, asks which are wanted, and fetches them.

mod callee;
mod choose;
mod fetch;

use std::io::{self, IsTerminal as _};

use xcher_core::NotStored;
use xcher_core::peer::SessionCommand;
use xcher_core::session::Want;

use crate::cli::callee::Callee;
use crate::cli::dup_stdio::dup;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::filter::Filter;
use crate::cli::link;
use crate::cli::listing_spool::ListingSpool;
use crate::cli::options::{Common, GetArgs};
use crate::cli::outgoing_session::OutgoingSession;
use crate::cli::reconnect::{MAX_IDLE_SESSIONS, announce_resume};
use crate::cli::requested::Requested;
use crate::cli::target::Target;
use crate::cli::ui::consent::Consent;
use crate::cli::ui::hidden_files::report_hidden;
use crate::cli::unfetched_files::report_unfetched;
use crate::files::Shares;
use crate::host::Sink;
pub(crate) use callee::join_words;

use callee::Source;
use fetch::Fetch;

/// The way out after a cut.
const HOW_TO_RESUME: &str = "run the same command again to resume";

pub(crate) async fn run(common: &Common, args: &GetArgs) -> Result<(), CliError> {
    let Source { callee, relay, names } = callee::read(common, args)?;
    let common = &*link::with_relay(common, relay.as_ref())?;
    let mut requested = Requested::parse(args.all, names, &callee)?;
    let mut filter = Filter::default();
    for (pattern, excludes) in &args.filter.0 {
        filter.add(pattern, *excludes)?;
    }
    // Fails before the peer can notice anything.
    let mut consent = match &callee {
        Callee::Code(_) => Some(Consent::new(args.yes)?),
        Callee::Nick(_) => None,
    };
    // Files that are named are wanted even if they are hidden; `NamePattern` selects none unnamed.
    let hidden = args.hidden || !names.is_empty();
    let to = Target { hidden, ..Target::new(&args.to, args.yes) };
    let sink = match to.is_stdout() {
        true => stdout(common)?,
        false => {
            let inbox = to.open()?;
            inbox.check_writable().map_err(CliError::local)?;
            Sink::Folder(inbox)
        }
    };
    let again = sink.try_clone().map_err(CliError::local)?;
    let fetch = Fetch { common, callee: &callee, to: &to, sink: again, retry: args.retry.retry };
    let mut call =
        OutgoingSession::open_with(common, callee.clone(), Shares::nothing(), sink).await?;
    if !to.is_stdout() {
        call.online.output.receives_into(to.clone(), HOW_TO_RESUME);
    }
    let mut cuts = 0;
    let (spool, rest) = loop {
        if fetch.resumes() {
            call.online.output.needs_no_relay();
        }
        match choose(&mut call, &fetch, &mut requested, &filter, consent.as_mut()).await {
            Ok(chosen) => break chosen,
            Err(error) => {
                // The user is asked again: the peer may share other files by now.
                let why = call.why_cut().map(str::to_owned);
                let (Some(why), true) = (why, fetch.resumes() && cuts < MAX_IDLE_SESSIONS) else {
                    return call.end(Err(error)).await;
                };
                cuts += 1;
                announce_resume(&call.online.output, &callee, &why, fetch.retry);
                call.end(Ok(())).await?;
                call = fetch.reconnect().await?;
                requested = Requested::parse(args.all, names, &callee)?;
            }
        }
    };
    fetch.run(call, spool, requested.error()).await?;
    match (requested.has_unreadable(), rest) {
        (true, _) => Err(CliError::reported(ExitCode::Incomplete)),
        (false, Rest::Refused) => Err(CliError::reported(ExitCode::Policy)),
        (false, Rest::None) => Ok(()),
    }
}

/// The files that policy left out.
enum Rest {
    None,
    Refused,
}

/// Lists what the peer shares, and decides which of it to fetch.
async fn choose(
    call: &mut OutgoingSession<'_>,
    fetch: &Fetch<'_>,
    requested: &mut Requested,
    filter: &Filter,
    consent: Option<&mut Consent>,
) -> Result<(ListingSpool, Rest), CliError> {
    let Fetch { callee, to, .. } = fetch;
    // The files that are wanted but cannot be fetched now, reported so that the peer keeps a code valid for
    // another try. At least one until the listing is complete; `None` once the peer knows about each.
    let mut unreported = Some(Want { files: 1, ..Want::default() });
    let chosen = async {
        let mut spool = choose::list(call, requested, filter, to).await?;
        requested.report_missing(call, callee);
        let all = Want { files: spool.count(), bytes: spool.bytes(), already_stored: 0 };
        // A file that is not shared will not be there for another try either: piped input, for example.
        unreported = Some(all).filter(|all| all.files > 0);
        if to.is_stdout() {
            require_one(requested, &spool)?;
        }
        let mut rest = None;
        if consent.is_some() || !to.is_stdout() {
            let agreed = choose::agree(call, consent, spool, to, &mut unreported).await?;
            let chosen = agreed.ok_or_else(nothing_fetched)?;
            (spool, rest) = (chosen.wanted, Some(chosen.rest).filter(|rest| rest.count() > 0));
        }
        unreported = None;
        let Some(rest) = &mut rest else { return Ok((spool, Rest::None)) };
        // Policy left these out, not the user.
        report_hidden(&call.online.output, call.session, rest)?;
        report_unfetched(&mut call.online, call.session, rest, NotStored::Name)?;
        Ok((spool, Rest::Refused))
    }
    .await;
    if let Some(want) = unreported {
        // A session that has ended takes no reports.
        let _ = call.online.host.command(call.session, SessionCommand::Want(want));
    }
    chosen
}

fn nothing_fetched() -> CliError {
    CliError::new(ExitCode::Incomplete, "nothing was fetched")
}

/// Opens standard output for the bytes of one file.
fn stdout(common: &Common) -> Result<Sink, CliError> {
    if common.json {
        return Err(CliError::usage("-o - and --json both use standard output; leave one out"));
    }
    if io::stdout().is_terminal() {
        return Err(CliError::usage(
            "refusing to write file data to a terminal; pipe or redirect it (`| cat` shows it anyway)",
        ));
    }
    let stdout = dup(&io::stdout())
        .map_err(|error| CliError::usage(format!("cannot write to standard output: {error}")))?;
    Ok(Sink::Stream(stdout))
}

/// Fails unless exactly one file is wanted.
fn require_one(requested: &Requested, spool: &ListingSpool) -> Result<(), CliError> {
    match (spool.count(), requested.error()) {
        (1, None) => Ok(()),
        // Missing files were reported.
        (0, Some(code)) => Err(CliError::reported(code)),
        (0, None) => Err(CliError::new(ExitCode::Incomplete, "there is nothing to fetch")),
        (count, _) => Err(CliError::usage(format!(
            "standard output takes one file, not {count}; name it: `xcher get … NAME -o -`"
        ))),
    }
}
