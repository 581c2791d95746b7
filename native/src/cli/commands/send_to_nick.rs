//! `xcher send NICK PATH…`: offers files to someone who is online, and serves what they take.

use xcher_core::delivery::{Offer, Outcome};
use xcher_core::peer::{Event, Security, SessionCommand};
use xcher_core::{Kind, LeftOut, Nick, SharedFile};

use crate::cli::exit::{CliError, ExitCode, code_of};
use crate::cli::options::Common;
use crate::cli::outgoing_session::{Callee, OutgoingSession};
use crate::cli::ui::delivery_report;
use crate::cli::ui::output::Output;
use crate::cli::ui::selection::is_in;
use crate::files::{Shares, Skipped};
use crate::host::{Host, HostEvent};

/// Files in one offer: it is held in memory, here and there.
const MOST: usize = 100_000;

pub(crate) async fn run(common: &Common, to: Nick, shares: Shares) -> Result<(), CliError> {
    if common.plain {
        return Err(CliError::usage("expected an encrypted session for an offer, got --plain"));
    }
    let mut output = Output::new(common);
    let (files, left) = walk(&mut output, &shares).await?;
    let mut call =
        OutgoingSession::begin_with(common, Callee::Nick(to.clone()), shares, None).await?;
    let session = call.session;
    // Who makes no folders takes the files that are in one all the same.
    let whole =
        files.iter().enumerate().filter(|(at, file)| !is_with_more(file, files.get(at + 1)));
    let mut offer = Offer::new(session, whole.map(|(_, file)| file.name.clone()));
    let make_offer = |host: &mut Host| {
        if !left.is_empty() {
            host.command(session, SessionCommand::LeaveOut(left))?;
        }
        host.command(session, SessionCommand::Offer(files))
    };
    let done = match make_offer(&mut call.running.host) {
        Ok(()) => serve(&mut call, &to, &mut offer).await,
        Err(error) => Err(CliError::misuse(error)),
    };
    let done = call.end(done).await;
    output.tell_left();
    done.and_then(|()| output.left_outcome())
}

/// Whether it is a private folder that is listed right before what is in it.
fn is_with_more(folder: &SharedFile, next: Option<&SharedFile>) -> bool {
    folder.stat.kind == Kind::Folder
        && next.is_some_and(|next| is_in(&next.name, folder.name.as_str()))
}

/// All that is in the shares, and what cannot be sent.
async fn walk(
    output: &mut Output,
    shares: &Shares,
) -> Result<(Vec<SharedFile>, Vec<LeftOut>), CliError> {
    let mut walk = shares.walk();
    let read = tokio::task::spawn_blocking(move || {
        let (mut files, mut left, mut told) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let chunk = walk.next_chunk(512);
            files.extend(chunk.entries.into_iter().map(SharedFile::from));
            left.extend(chunk.skipped.iter().filter_map(Skipped::left_out));
            told.extend(chunk.skipped.into_iter().map(HostEvent::NotShared));
            told.extend(chunk.escaped.into_iter().map(HostEvent::Escaped));
            if chunk.done || files.len() > MOST {
                return (files, left, told);
            }
        }
    });
    let (files, left, told) = read.await.map_err(CliError::local)?;
    for told in &told {
        output.told(told).map_err(CliError::unwritten)?;
    }
    match files.len() {
        0 => Err(CliError::usage("expected files to send, got none")),
        count if count > MOST => Err(CliError::usage(format!(
            "expected at most {MOST} files in an offer, got more: `xcher send PATH` with a code, or \
             `xcher share`, have no such bound"
        ))),
        _ => Ok((files, left)),
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
            // What is under way goes on without the session.
            Some(_) => call.running.next().await,
        };
        match event {
            Ok(event) => {
                offer.event(&event);
                told(call, to, &event)?;
            }
            Err(error) if ended.is_none() && error.message.is_some() => {
                offer.end();
                ended = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    let outcome = offer.outcome();
    delivery_report::sent(&call.running.output, &outcome);
    delivery_report::missing(&call.running.output, &outcome);
    match ended {
        Some(error) if offer.is_interrupted() => Err(error),
        _ => settled(&outcome, to),
    }
}

fn told(call: &OutgoingSession<'_>, to: &Nick, event: &Event) -> Result<(), CliError> {
    match event {
        Event::Opened { session, security: Security::Encrypted { .. }, .. }
            if *session == call.session =>
        {
            call.running.output.note(format_args!("{to} is asked"));
        }
        Event::NotOffered { error, .. } => {
            let code = code_of(error);
            let text = match code {
                ExitCode::NotPrivate => format!(
                    "nothing was sent: the session with {to} is not encrypted. {to} speaks the base \
                     protocol alone, or someone in between made it look so.\nTo let {to} fetch it \
                     unencrypted: `xcher share PATH`"
                ),
                _ => format!(
                    "nothing was sent: {to} cannot be offered anything: `xcher share PATH`, and let \
                     {to} fetch it"
                ),
            };
            return Err(CliError::new(code, text));
        }
        Event::Declined { name, .. } => {
            call.running.output.detail(format_args!("{name}: declined"));
        }
        _ => {}
    }
    Ok(())
}

/// How the command ends.
fn settled(outcome: &Outcome, to: &Nick) -> Result<(), CliError> {
    let declined = outcome.declined;
    let text = match (outcome.missing_count(), declined) {
        (0, 0) => return Ok(()),
        (0, 1) if outcome.delivered() == 0 => format!("{to} did not take it"),
        (0, _) => {
            let files = outcome.delivered() + declined;
            format!("{to} did not take {declined} of {files} files")
        }
        (_, 0) => delivery_report::not_arrived(outcome),
        (_, _) => {
            format!("{}, and {to} declined {declined}", delivery_report::not_arrived(outcome))
        }
    };
    Err(CliError::new(ExitCode::Incomplete, text))
}
