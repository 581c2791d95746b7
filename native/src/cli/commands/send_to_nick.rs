//! `xcher send NICK PATH…`: offers files to an online peer, and serves those it accepts.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use xcher_core::delivery::{Offer, Outcome};
use xcher_core::peer::{Event, Security, SessionCommand};
use xcher_core::{Kind, LeftOut, Nick, SharedFile};

use crate::cli::callee::Callee;
use crate::cli::exit::{CliError, ExitCode, code_of};
use crate::cli::options::Common;
use crate::cli::outgoing_session::OutgoingSession;
use crate::cli::reconnect::{MAX_IDLE_SESSIONS, announce_resume, reconnect};
use crate::cli::ui::delivery_report;
use crate::cli::ui::output::Output;
use crate::cli::ui::selection::is_in;
use crate::files::{NotShared, Shares};
use crate::host::{Host, HostEvent, Sink};

/// The most files in one offer, which both hosts hold in memory.
const MAX_FILES: usize = 100_000;

/// Offers the files. Reconnects after a cut, for the time `retry`, and offers what is left again.
pub(crate) async fn run(
    common: &Common,
    to: Nick,
    shares: Shares,
    retry: Duration,
) -> Result<(), CliError> {
    if common.plain {
        return Err(CliError::usage("an offer needs an encrypted session; leave out --plain"));
    }
    let mut output = Output::new(common);
    let (files, left_out) = walk(&mut output, &shares).await?;
    let callee = Callee::Nick(to.clone());
    let resumes = !retry.is_zero() && !shares.is_a_pipe();
    let call = OutgoingSession::open_with(common, callee.clone(), shares.clone(), None).await;
    let (mut call, mut files, mut idle_sessions) = (call?, files, 0);
    // A peer that creates no folders still accepts the files in them.
    let expected =
        files.iter().enumerate().filter(|(at, file)| !is_filled_folder(file, files.get(at + 1)));
    let mut offer = Offer::new(call.session, expected.map(|(_, file)| file.name.clone()));
    let done = loop {
        let session = call.session;
        let make_offer = |host: &mut Host| {
            if !left_out.is_empty() {
                host.command(session, SessionCommand::LeaveOut(left_out.clone()))?;
            }
            host.command(session, SessionCommand::Offer(files.clone()))
        };
        if resumes {
            // At the end each missing file is named once.
            call.online.output.resumes_sending();
        }
        let before = offer.outcome().delivered();
        let done = match make_offer(&mut call.online.host) {
            Ok(()) => serve(&mut call, &to, &mut offer).await,
            Err(error) => Err(CliError::misuse(error)),
        };
        idle_sessions = if offer.outcome().delivered() > before { 0 } else { idle_sessions + 1 };
        let can_resume = resumes && idle_sessions < MAX_IDLE_SESSIONS;
        match done {
            Ok(Served::Interrupted) if can_resume => {}
            // A peer that ends the session in order wants no more.
            Ok(Served::Cut(why)) if can_resume && why.code == ExitCode::Unreachable => {
                announce_resume(
                    &call.online.output,
                    &callee,
                    &why.message.unwrap_or_default(),
                    retry,
                );
                call.end(Ok(())).await?;
                let deadline = Instant::now() + retry;
                call = match reconnect(common, &callee, &shares, &Sink::Nowhere, deadline).await {
                    Ok(call) => call,
                    Err(error) => {
                        delivery_report::missing(&output, &offer.outcome());
                        break Err(error);
                    }
                };
                call.online.output.is_resumed();
            }
            Ok(Served::Cut(why)) => break report_outcome(call, &offer, &to, Some(why)).await,
            Ok(Served::Settled | Served::Interrupted) => {
                break report_outcome(call, &offer, &to, None).await;
            }
            Err(error) => break call.end(Err(error)).await,
        }
        let names: HashSet<_> = offer.resume(call.session).into_iter().collect();
        files.retain(|file| names.contains(&file.name));
    };
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

/// How a session ended for the offer.
enum Served {
    /// Every file is stored, declined or failed.
    Settled,
    /// Files are left: the reason.
    Cut(CliError),
    /// Files are left, and the session is open.
    Interrupted,
}

/// Time in which a session ends whose data connections were cut.
const CUT_TIME: Duration = Duration::from_secs(3);

/// Serves until every file is stored, declined or failed.
async fn serve(
    call: &mut OutgoingSession<'_>,
    to: &Nick,
    offer: &mut Offer,
) -> Result<Served, CliError> {
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
    if ended.is_none() && offer.has_unconfirmed() {
        // A cut ends data connections and the session in any order.
        ended = session_end(call, offer).await?;
    }
    Ok(match ended {
        Some(error) if offer.is_resumable() => Served::Cut(error),
        None if offer.has_unconfirmed() => Served::Interrupted,
        _ => Served::Settled,
    })
}

/// Waits a while for the end of the session.
async fn session_end(
    call: &mut OutgoingSession<'_>,
    offer: &mut Offer,
) -> Result<Option<CliError>, CliError> {
    let deadline = tokio::time::Instant::now() + CUT_TIME;
    loop {
        match tokio::time::timeout_at(deadline, call.next()).await {
            Err(_) => return Ok(None),
            Ok(Ok(event)) => offer.event(&event),
            Ok(Err(error)) if error.message.is_some() => {
                offer.end();
                return Ok(Some(error));
            }
            Ok(Err(error)) => return Err(error),
        }
    }
}

/// Ends the session, and reports what became of the files.
async fn report_outcome(
    call: OutgoingSession<'_>,
    offer: &Offer,
    to: &Nick,
    cut: Option<CliError>,
) -> Result<(), CliError> {
    let outcome = offer.outcome();
    delivery_report::sent(&call.online.output, &outcome);
    delivery_report::missing(&call.online.output, &outcome);
    let done = match cut {
        Some(error) if offer.is_interrupted() => Err(error),
        _ => settled(&outcome, to),
    };
    call.end(done).await
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
            let is_text = call.online.output.sends_text();
            let text = match code {
                ExitCode::NotPrivate if is_text => format!(
                    "nothing was sent: a text is sent encrypted only, and the session with {to} is not. {to} \
                     supports only the base protocol, or an attacker on the path made it look so"
                ),
                _ if is_text => format!("nothing was sent: {to} does not support offers"),
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
