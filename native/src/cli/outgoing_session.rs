//! Calling someone: what `ls`, `check` and `get` have in common.

use std::fmt;

use xcher_core::Nick;
use xcher_core::code::Code;
use xcher_core::peer::{CallPolicy, Error, Event, SessionCommand, SessionId};

use crate::cli::call_error::{call_error, code_error};
use crate::cli::exit::{CliError, ExitCode, code_of};
use crate::cli::online_host::{OnlineHost, limits_to_think, nicks};
use crate::cli::options::Common;
use crate::files::{Inbox, Shares};
use crate::host::Sink;

/// Callee to call.
#[derive(Clone)]
pub(crate) enum Callee {
    /// Someone who goes by this nick.
    Nick(Nick),
    /// Whoever made this code up.
    Code(Code),
}

impl Callee {
    pub(crate) fn nick(&self) -> &Nick {
        match self {
            Self::Nick(nick) => nick,
            Self::Code(code) => code.nick(),
        }
    }
}

/// Of a code what is public.
impl fmt::Display for Callee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nick().fmt(f)
    }
}

/// A session that this side opened.
pub(crate) struct OutgoingSession<'a> {
    common: &'a Common,
    pub(crate) running: OnlineHost,
    pub(crate) session: SessionId,
    whom: Callee,
    /// The last odd thing on the way to it: who came by and was not the peer.
    odd: Option<Box<str>>,
}

impl<'a> OutgoingSession<'a> {
    /// Goes online and calls `nick`. Questions can be asked before it answers.
    pub(crate) async fn begin(
        common: &'a Common,
        nick: &Nick,
        inbox: Option<Inbox>,
    ) -> Result<Self, CliError> {
        Self::begin_with(common, Callee::Nick(nick.clone()), Shares::nothing(), inbox).await
    }

    /// The same with something to share with them, and also by a code.
    pub(crate) async fn begin_with(
        common: &'a Common,
        whom: Callee,
        shares: Shares,
        sink: impl Into<Sink>,
    ) -> Result<Self, CliError> {
        let privacy = common.privacy()?;
        let (calls, nicks, limits) = (CallPolicy::Ignore, nicks(common), limits_to_think(common));
        let online =
            OnlineHost::online_as(common, nicks, limits, calls, shares, sink, privacy).await;
        let mut running = online.map_err(|not| not.error)?;
        let opened = match whom.clone() {
            Callee::Nick(nick) => running.host.open(nick),
            Callee::Code(code) => running.host.open_code(code),
        };
        match opened {
            Ok(session) => Ok(Self { common, running, session, whom, odd: None }),
            Err(error) => {
                running.stop().await;
                Err(CliError::misuse(error))
            }
        }
    }

    /// The next event.
    ///
    /// # Errors
    ///
    /// As [`OnlineHost::next`], but for the relay being gone, which an open session does not need; and
    /// when the session could not be opened, or ended.
    pub(crate) async fn next(&mut self) -> Result<Event, CliError> {
        let event = self.running.next().await?;
        let whom = &self.whom;
        match &event {
            Event::Notice { session: Some(session), text } if *session == self.session => {
                self.odd = Some(text.clone());
            }
            Event::OpenFailed { session, error } if *session == self.session => {
                if let Callee::Code(_) = whom
                    && let Some(error) = code_error(error)
                {
                    return Err(error);
                }
                if let Some(explained) = call_error(self.common, whom.nick(), error) {
                    return Err(explained);
                }
                let message = format!("{whom} cannot be reached: {}", self.with_odd(error));
                return Err(CliError::new(code_of(error), message));
            }
            Event::Ended { session, error } if *session == self.session => {
                let (code, why) = match error {
                    Some(error) => (code_of(error), self.with_odd(error)),
                    None => (ExitCode::Incomplete, "it said X_END".to_owned()),
                };
                return Err(CliError::new(code, format!("the session with {whom} ended: {why}")));
            }
            _ => {}
        }
        Ok(event)
    }

    /// Where nothing came of it, what else came tells more.
    fn with_odd(&self, error: &Error) -> String {
        match (error, &self.odd) {
            (Error::TimedOut { .. }, Some(odd)) => format!("{error} ({odd})"),
            _ => error.to_string(),
        }
    }

    /// Does something else while the session goes on.
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

    /// Ends the session in order, and the command as it was `done`, or because standard output did not
    /// take all that was.
    pub(crate) async fn end(mut self, done: Result<(), CliError>) -> Result<(), CliError> {
        // A session that is over needs no end.
        let _ = self.running.host.command(self.session, SessionCommand::End);
        let output = self.running.stop().await;
        done.and_then(|()| output.written())
    }
}
