//! Fetches the wanted files, in as many sessions as it takes.

use std::time::{Duration, Instant};

use xcher_core::peer::{Error, Event, Path};

use crate::cli::callee::Callee;
use crate::cli::exit::{CliError, ExitCode, code_of};
use crate::cli::fetch_queue::FetchQueue;
use crate::cli::fetch_summary::FetchSummary;
use crate::cli::listing_spool::ListingSpool;
use crate::cli::options::Common;
use crate::cli::outgoing_session::OutgoingSession;
use crate::cli::reconnect::{MAX_IDLE_SESSIONS, announce_resume, reconnect};
use crate::cli::target::Target;
use crate::files::Shares;
use crate::host::Sink;

/// What is fetched from whom, and where it goes.
pub(super) struct Fetch<'a> {
    pub(super) common: &'a Common,
    pub(super) callee: &'a Callee,
    pub(super) to: &'a Target,
    /// The target, for further sessions.
    pub(super) sink: Sink,
    /// The time to resume after a cut.
    pub(super) retry: Duration,
}

/// How a session ended for the files.
enum Ended {
    /// Every file is stored or has failed.
    Complete,
    /// Files are left.
    Cut {
        why: String,
        /// The exit code if they stay so.
        code: ExitCode,
        /// Set if another session may fetch them.
        can_resume: bool,
    },
}

impl<'a> Fetch<'a> {
    /// Returns true if a cut is not the end. Piped output cannot be resumed.
    pub(super) fn resumes(&self) -> bool {
        !self.retry.is_zero() && !self.to.is_stdout()
    }

    /// Fetches all files. Reconnects and resumes after a cut. `before` is an error from before.
    pub(super) async fn run(
        &self,
        mut call: OutgoingSession<'a>,
        mut spool: ListingSpool,
        before: Option<ExitCode>,
    ) -> Result<(), CliError> {
        let (mut idle_sessions, mut carried) = (0, (FetchSummary::begin(), before));
        loop {
            let resumes = self.resumes();
            call.online.output.resumes_by_itself(resumes);
            call.online.output.needs_no_relay();
            let bytes = spool.bytes();
            let mut queue = match FetchQueue::new(call.session, spool) {
                Ok(queue) if resumes => queue.resume_elsewhere(),
                Ok(queue) => queue,
                Err(error) => return call.end(Err(error)).await,
            };
            queue.carry_over(carried);
            // A session that ends is forgotten.
            let path = call.online.output.path(call.session.0);
            let ended = self.session(&mut call, &mut queue, bytes).await;
            call.online.output.resumes_by_itself(false);
            let (why, code, can_resume) = match ended {
                Err(error) => return call.end(Err(error)).await,
                Ok(Ended::Complete) => {
                    queue.summarise(&call.online, path);
                    let done = queue.outcome();
                    return call.end(done).await;
                }
                Ok(Ended::Cut { why, code, can_resume }) => (why, code, can_resume),
            };
            idle_sessions = if queue.has_progressed() { 0 } else { idle_sessions + 1 };
            if !resumes || !can_resume || idle_sessions >= MAX_IDLE_SESSIONS {
                let done = unfinished(&call, &mut queue, path, code);
                return call.end(done).await;
            }
            announce_resume(&call.online.output, self.callee, &why, self.retry);
            carried = queue.take_carried();
            spool = queue.take_rest()?;
            call.online.output.resumes_by_itself(true);
            call.end(Ok(())).await?;
            call = self.reconnect().await?;
        }
    }

    /// Fetches what one session lets it fetch.
    async fn session(
        &self,
        call: &mut OutgoingSession<'_>,
        queue: &mut FetchQueue,
        bytes: u64,
    ) -> Result<Ended, CliError> {
        if let Some(progress) = call.online.output.progress().filter(|_| queue.count() > 1) {
            progress.begin_total(bytes);
        }
        queue.announce(&mut call.online, bytes);
        queue.show_count(&mut call.online);
        let mut ended: Option<Option<Error>> = None;
        loop {
            if ended.is_none() {
                queue.request(&mut call.online, self.to)?;
            }
            if queue.is_idle() && (queue.is_all_requested() || queue.is_cut() || ended.is_some()) {
                break;
            }
            // Transfers under way continue without the session.
            let event = call.online.next().await?;
            if let Event::Ended { session, error } = &event
                && *session == call.session
            {
                ended = Some(error.clone());
            }
            queue.event(&mut call.online, self.to, &event);
        }
        if let Some(progress) = call.online.output.progress() {
            progress.clear();
        }
        if queue.is_all_requested() && !queue.is_cut() {
            return Ok(Ended::Complete);
        }
        let incomplete = ExitCode::Incomplete;
        let (why, code, can_resume) = match ended {
            Some(Some(error)) => (error.to_string(), code_of(&error), error.is_cut()),
            // A sender that ends the session has ended its code, too.
            Some(None) => {
                let is_nick = matches!(self.callee, Callee::Nick(_));
                ("the peer ended the session".to_owned(), incomplete, is_nick)
            }
            None => (queue.why_cut().to_owned(), incomplete, true),
        };
        Ok(Ended::Cut { why, code, can_resume })
    }

    /// Opens another session in place of one that was cut.
    pub(super) async fn reconnect(&self) -> Result<OutgoingSession<'a>, CliError> {
        let deadline = Instant::now() + self.retry;
        let shares = Shares::nothing();
        let call = reconnect(self.common, self.callee, &shares, &self.sink, deadline).await;
        let mut call = call.map_err(|error| CliError {
            message: error
                .message
                .map(|text| format!("{text}; run the same command again to resume")),
            ..error
        })?;
        let output = &mut call.online.output;
        output.receives_into(self.to.clone(), super::HOW_TO_RESUME);
        output.is_resumed();
        Ok(call)
    }
}

/// Reports files that are not fetched in any session.
fn unfinished(
    call: &OutgoingSession<'_>,
    queue: &mut FetchQueue,
    path: Option<Path>,
    code: ExitCode,
) -> Result<(), CliError> {
    queue.give_up(&call.online);
    queue.summarise(&call.online, path);
    match queue.next_unrequested()? {
        Some(next) => {
            let text = format!(
                "the session ended before {next} and the files after it were fetched; run the same \
                 command again to resume"
            );
            Err(CliError::new(code, text))
        }
        None => queue.outcome(),
    }
}
