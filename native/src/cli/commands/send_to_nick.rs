//! `xcher send NICK PATH…`: offers files to an online peer, and serves those it accepts.

use xcher_core::delivery::{Offer, Outcome};
use xcher_core::peer::{Event, Security, SessionCommand};
use xcher_core::{Kind, LeftOut, Nick, SharedFile};

use crate::cli::callee::Callee;
use crate::cli::exit::{CliError, ExitCode, code_of};
use crate::cli::options::Common;
use crate::cli::outgoing_session::OutgoingSession;
use crate::cli::ui::delivery_report;
use crate::cli::ui::output::Output;
use crate::cli::ui::selection::is_in;
use crate::files::{NotShared, Shares};
use crate::host::{Host, HostEvent};

/// The most files in one offer, which both hosts hold in memory.
const MAX_FILES: usize = 100_000;

pub(crate) async fn run(common: &Common, to: Nick, shares: Shares) -> Result<(), CliError> {
    if common.plain {
        return Err(CliError::usage("an offer needs an encrypted session; leave out --plain"));
    }
    let mut output = Output::new(common);
    let (files, left_out) = walk(&mut output, &shares).await?;
    let callee = Callee::Nick(to.clone());
    let mut call = OutgoingSession::open_with(common, callee, shares, None).await?;
    let session = call.session;
    // A peer that creates no folders still accepts the files in them.
    let expected =
        files.iter().enumerate().filter(|(at, file)| !is_filled_folder(file, files.get(at + 1)));
    let mut offer = Offer::new(session, expected.map(|(_, file)| file.name.clone()));
    let make_offer = |host: &mut Host| {
        if !left_out.is_empty() {
            host.command(session, SessionCommand::LeaveOut(left_out))?;
        }
        host.command(session, SessionCommand::Offer(files))
    };
    let done = match make_offer(&mut call.online.host) {
        Ok(()) => serve(&mut call, &to, &mut offer).await,
        Err(error) => Err(CliError::misuse(error)),
    };
    let done = call.end(done).await;
    output.summarise();
    done.and_then(|()| output.left_outcome())
}

/// Returns true for a private folder, which is listed right before its contents.
fn is_filled_folder(folder: &SharedFile, next: Option<&SharedFile>) -> bool {
    folder.stat.kind == Kind::Folder
        && next.is_some_and(|next| is_in(&next.name, folder.name.as_str()))
}

/// Lists all that is shared, and all that cannot be sent.
async fn walk(
    output: &mut Output,
    shares: &Shares,
) -> Result<(Vec<SharedFile>, Vec<LeftOut>), CliError> {
    let mut walk = shares.walk();
    let read = tokio::task::spawn_blocking(move || {
        let (mut files, mut left_out, mut events) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let chunk = walk.next_chunk(512);
            files.extend(chunk.entries.into_iter().map(SharedFile::from));
            left_out.extend(chunk.not_shared.iter().filter_map(NotShared::left_out));
            events.extend(chunk.not_shared.into_iter().map(HostEvent::NotShared));
            events.extend(chunk.escaped.into_iter().map(HostEvent::Escaped));
            if chunk.done || files.len() > MAX_FILES {
                return (files, left_out, events);
            }
        }
    });
    let (files, left_out, events) = read.await.map_err(CliError::local)?;
    for event in &events {
        output.report(event).map_err(CliError::unwritten)?;
    }
    match files.len() {
        0 => Err(CliError::usage("there are no files to send")),
        count if count > MAX_FILES => Err(CliError::usage(format!(
            "an offer holds at most {MAX_FILES} files; send more with a code (`xcher send PATH`) or \
             `xcher share`"
        ))),
        _ => Ok((files, left_out)),
    }
}

/// Serves until every file is stored, declined or failed.
async fn serve(
    call: &mut OutgoingSession<'_>,
    to: &Nick,
    offer: &mut Offer,
) -> Result<(), CliError> {
    let mut ended = None;
    while !offer.is_settled() {
        let event = match &ended {
            None => call.next().await,
            // Transfers under way continue without the session.
            Some(_) => call.online.next().await,
        };
        match event {
            Ok(event) => {
                offer.event(&event);
                report(call, to, &event)?;
            }
            Err(error) if ended.is_none() && error.message.is_some() => {
                offer.end();
                ended = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    let outcome = offer.outcome();
    delivery_report::sent(&call.online.output, &outcome);
    delivery_report::missing(&call.online.output, &outcome);
    match ended {
        Some(error) if offer.is_interrupted() => Err(error),
        _ => settled(&outcome, to),
    }
}

fn report(call: &OutgoingSession<'_>, to: &Nick, event: &Event) -> Result<(), CliError> {
    match event {
        Event::Opened { session, security: Security::Encrypted { .. }, .. }
            if *session == call.session =>
        {
            call.online.output.note(format_args!("waiting for {to} to accept"));
        }
        Event::NotOffered { error, .. } => {
            let code = code_of(error);
            let text = match code {
                ExitCode::NotPrivate => format!(
                    "nothing was sent: the session with {to} is not encrypted. {to} supports only the \
                     base protocol, or an attacker on the path made it look so.\nTo let {to} fetch it \
                     unencrypted: `xcher share PATH`"
                ),
                _ => format!(
                    "nothing was sent: {to} does not support offers; run `xcher share PATH`, and let \
                     {to} fetch it"
                ),
            };
            return Err(CliError::new(code, text));
        }
        Event::Declined { name, .. } => {
            call.online.output.detail(format_args!("{name}: declined"));
        }
        _ => {}
    }
    Ok(())
}

/// Returns the command's result.
fn settled(outcome: &Outcome, to: &Nick) -> Result<(), CliError> {
    let declined = outcome.declined;
    let text = match (outcome.missing_count(), declined) {
        (0, 0) => return Ok(()),
        (0, 1) if outcome.delivered() == 0 => format!("{to} declined it"),
        (0, _) => {
            let files = outcome.delivered() + declined;
            format!("{to} declined {declined} of {files} files")
        }
        (_, 0) => delivery_report::not_arrived(outcome),
        (_, _) => {
            format!("{}, and {to} declined {declined}", delivery_report::not_arrived(outcome))
        }
    };
    Err(CliError::new(ExitCode::Incomplete, text))
}
