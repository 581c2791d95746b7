//! Lists what the peer shares, and asks the user which of it to fetch.

use xcher_core::peer::{Event, SessionCommand};
use xcher_core::session::Want;
use xcher_core::{FileName, Kind, NotStored};

use crate::cli::exit::CliError;
use crate::cli::filter::Filter;
use crate::cli::listing_spool::{ListingSpool, spool_error};
use crate::cli::outgoing_session::OutgoingSession;
use crate::cli::requested::Requested;
use crate::cli::target::Target;
use crate::cli::ui::consent::{Answer, Consent, Question};
use crate::cli::ui::manifest::Chosen;
use crate::cli::ui::skipped::WhySkipped;
use crate::cli::unfetched_files::report_unfetched;
use crate::files::Case;

/// Reads the peer's listing and keeps the entries that are requested.
pub(super) async fn list(
    call: &mut OutgoingSession<'_>,
    requested: &mut Requested,
    filter: &Filter,
    to: &Target,
) -> Result<ListingSpool, CliError> {
    let mut spool = ListingSpool::new().map_err(spool_error)?;
    let session = call.session;
    call.online.host.command(session, SessionCommand::List).map_err(CliError::misuse)?;
    // Names of a peer differ by case, whatever this host's folders do.
    let excludes = |name: &FileName, is_folder| {
        filter.excludes(name.as_str().as_ref(), is_folder, Case::Sensitive)
    };
    loop {
        match call.next().await? {
            // A folder cannot go to standard output.
            Event::Entry { name, size, stat, .. }
                if requested.includes(&name)
                    && !excludes(&name, stat.kind == Kind::Folder)
                    && !(to.is_stdout() && stat.kind == Kind::Folder) =>
            {
                spool.push(&name, size, stat).map_err(spool_error)?;
            }
            // It may be a file or a folder.
            Event::LeftOut { left, .. }
                if left.reason.is_error()
                    && !excludes(&left.name, false)
                    && !excludes(&left.name, true) =>
            {
                requested.found_unreadable(&left.name);
            }
            Event::InvalidEntry { .. } => requested.found_invalid(),
            Event::ListEnd { .. } => return requested.narrow(spool),
            _ => {}
        }
    }
}

/// Shows the files and asks which of them are wanted; `None` if none are. Without `consent`, only checks
/// the free space. The rest of the result holds what policy does not accept without asking.
pub(super) async fn agree(
    call: &mut OutgoingSession<'_>,
    consent: Option<&mut Consent>,
    spool: ListingSpool,
    to: &Target,
    unreported: &mut Option<Want>,
) -> Result<Option<Chosen>, CliError> {
    match (spool.count(), &consent) {
        (0, Some(_)) => {
            call.online.output.note(format_args!("there is nothing to fetch"));
            return Ok(None);
        }
        (0, None) => {
            let rest = ListingSpool::new().map_err(spool_error)?;
            return Ok(Some(Chosen { wanted: spool, rest }));
        }
        _ => {}
    }
    let inbox = call.online.host.inbox().cloned();
    let at = to.clone();
    // Comparing a long listing with the disk takes a while.
    let compare = tokio::task::spawn_blocking(move || Question::new(spool, inbox, &at));
    let mut question = call.meanwhile(compare).await?.map_err(CliError::local)??;
    let agreed = decide(call, consent, &mut question).await;
    *unreported = None;
    if let Err(error) = &agreed {
        let why = match error.stopped {
            true => NotStored::Cancelled,
            false if question.lacks_room() => NotStored::Space,
            false => NotStored::Other,
        };
        report_unfetched(&mut call.online, call.session, &mut question.missing()?, why)?;
    }
    agreed
}

/// Asks until the user has decided, or decides by policy.
async fn decide(
    call: &mut OutgoingSession<'_>,
    consent: Option<&mut Consent>,
    question: &mut Question,
) -> Result<Option<Chosen>, CliError> {
    if consent.is_some() {
        question.show(&call.online.output)?;
    }
    let answers = match consent {
        Some(Consent::Ask(answers)) if !question.is_idle() => answers,
        _ => return question.accept_all().map(Some),
    };
    loop {
        question.ask(&call.online.output, " ");
        let line = call.meanwhile(answers.next()).await?;
        match question.answer(line.as_deref(), &call.online.output)? {
            Answer::AskAgain => {}
            // Files that a user leaves out are not wanted.
            Answer::Accept(Chosen { wanted, rest }) => {
                let mut declined = rest.read().map_err(spool_error)?;
                while let Some((name, ..)) = declined.next().map_err(spool_error)? {
                    let (output, why) = (&call.online.output, WhySkipped::Declined);
                    output.skip(call.session, name.as_str(), None, &why);
                }
                let rest = ListingSpool::new().map_err(spool_error)?;
                return Ok(Some(Chosen { wanted, rest }));
            }
            Answer::Decline => return Ok(None),
        }
    }
}
