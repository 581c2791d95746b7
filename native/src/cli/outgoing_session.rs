//! A session that this host opens: shared by `ls`, `check`, `get` and `send NICK`.

use xcher_core::Nick;
use xcher_core::peer::{CallPolicy, Error, Event, Notice, SessionCommand, SessionId};

use crate::cli::callee::Callee;
use crate::cli::connect_error::call_error;
use crate::cli::encryption;
use crate::cli::exit::{CliError, ExitCode, code_of};
use crate::cli::online_host::{OnlineHost, nicks, patient_limits};
use crate::cli::options::Common;
use crate::cli::ui::share_link::relay_option;
use crate::files::{Inbox, Shares};
use crate::host::Sink;

pub(crate) struct OutgoingSession<'a> {
    common: &'a Common,
    pub(crate) online: OnlineHost,
    pub(crate) session: SessionId,
    callee: Callee,
    /// The last notice about the session: a connection that was not the peer's, for example.
    notice: Option<Notice>,
}

impl<'a> OutgoingSession<'a> {
    /// Goes online and calls `nick`. Requests can be made before it answers.
    pub(crate) async fn open(
        common: &'a Common,
        nick: &Nick,
        inbox: Option<Inbox>,
    ) -> Result<Self, CliError> {
        Self::open_with(common, Callee::Nick(nick.clone()), Shares::nothing(), inbox).await
    }

    /// Goes online and calls `callee`, with `shares` for it to fetch.
    pub(crate) async fn open_with(
        common: &'a Common,
        callee: Callee,
        shares: Shares,
        sink: impl Into<Sink>,
    ) -> Result<Self, CliError> {
        let encryption = encryption::load(common)?;
        let (calls, nicks, limits) = (CallPolicy::Ignore, nicks(common), patient_limits(common));
        let started =
            OnlineHost::start_as(common, nicks, limits, calls, shares, sink, encryption).await;
        let mut online = started.map_err(|not| not.error)?;
        let opened = match callee.clone() {
            Callee::Nick(nick) => online.host.open(nick),
            Callee::Code(code) => online.host.open_code(code),
        };
        match opened {
            Ok(session) => Ok(Self { common, online, session, callee, notice: None }),
            Err(error) => {
                online.stop().await;
                Err(CliError::misuse(error))
            }
        }
    }

    /// Returns the next event.
    ///
    /// # Errors
    ///
    /// As [`OnlineHost::next`], except for a lost relay, which an open session does not need; and when
    /// the session did not open, or ended.
    pub(crate) async fn next(&mut self) -> Result<Event, CliError> {
        let event = self.online.next().await?;
        let callee = &self.callee;
        match &event {
            Event::Notice { session: Some(session), notice } if *session == self.session => {
                self.notice = Some(notice.clone());
            }
            Event::OpenFailed { session, error } if *session == self.session => {
                return Err(call_error(self.common, callee, error, self.notice.as_ref()));
            }
            Event::Ended { session, error } if *session == self.session => {
                let (code, why) = match error {
                    Some(error) => (code_of(error), self.with_notice(error)),
                    None => (ExitCode::Incomplete, "the peer ended it".to_owned()),
                };
                return Err(CliError::new(code, format!("the session with {callee} ended: {why}")));
            }
            _ => {}
        }
        Ok(event)
    }

    /// Returns ` --relay …` for commands like this one.
    pub(crate) fn relay_option(&self) -> String {
        relay_option(&self.common.relay.to_string())
    }

    fn with_notice(&self, error: &Error) -> String {
        match (error, &self.notice) {
            (Error::TimedOut { .. }, Some(notice)) => format!("{error} ({notice})"),
            _ => error.to_string(),
        }
    }

    /// Awaits `other` while the session makes progress.
    pub(crate) async fn meanwhile<T>(
        &mut self,
        other: impl Future<Output = T>,
    ) -> Result<T, CliError> {
        let mut other = std::pin::pin!(other);
        loop {
            tokio::select! {
                done = &mut other => return Ok(done),
                event = self.next() => drop(event?),
            }
        }
    }

    /// Ends the session. The command's result is `done`, unless standard output could not be written.
    pub(crate) async fn end(mut self, done: Result<(), CliError>) -> Result<(), CliError> {
        // The session may have ended before.
        let _ = self.online.host.command(self.session, SessionCommand::End);
        let output = self.online.stop().await;
        done.and_then(|()| output.written())
    }
}
