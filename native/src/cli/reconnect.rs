//! Opens another session in place of one that was cut.

use std::time::{Duration, Instant};

use crate::cli::callee::Callee;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::Common;
use crate::cli::outgoing_session::OutgoingSession;
use crate::cli::signals::Signals;
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::files::Shares;
use crate::host::Sink;

/// The time before the second attempt, doubled after each, up to the maximum.
const MIN_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// The same in an IRC channel, whose members see each attempt and whose server may punish fast ones.
const IRC_MIN_PAUSE: Duration = Duration::from_secs(5);
const IRC_MAX_PAUSE: Duration = Duration::from_secs(60);

/// Sessions in a row without any progress, after which no further one is tried: not a cut is at fault then.
pub(crate) const MAX_IDLE_SESSIONS: u32 = 3;

/// Says that a command resumes by itself after a cut.
pub(crate) fn announce_resume(output: &Output, callee: &Callee, why: &str, retry: Duration) {
    let time = humantime::format_duration(retry);
    output.note(format_args!(
        "lost the connection to {callee} ({why}); resuming by itself for up to {time}"
    ));
    let event = JsonEvent::Resuming { reason: why.to_owned(), seconds: retry.as_secs_f64() };
    output.remember(output.json(&event));
}

/// Tries until a session with `callee` is open, at most until `deadline`.
///
/// # Errors
///
/// That of the last attempt; one about keys or codes, or that the peer declined, at once.
pub(crate) async fn reconnect<'a>(
    common: &'a Common,
    callee: &Callee,
    shares: &Shares,
    sink: &Sink,
    deadline: Instant,
) -> Result<OutgoingSession<'a>, CliError> {
    let mut signals = Signals::catch().map_err(CliError::local)?;
    let (mut pause, max_pause) = match common.relay.irc_channel() {
        Some(_) => (IRC_MIN_PAUSE, IRC_MAX_PAUSE),
        None => (MIN_PAUSE, MAX_PAUSE),
    };
    loop {
        let sink = sink.try_clone().map_err(CliError::local)?;
        let call = OutgoingSession::open_connected(common, callee.clone(), shares.clone(), sink);
        let error = match call.await {
            Ok(call) => return Ok(call),
            Err(error) => error,
        };
        let is_final = error.stopped
            || error.declined
            || matches!(error.code, ExitCode::NotPrivate | ExitCode::Usage);
        if is_final || Instant::now() + pause > deadline {
            return Err(error);
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = signals.stop() => return Err(CliError::interrupted()),
        }
        pause = (pause * 2).min(max_pause);
    }
}
