//! Calling someone: what `ls`, `check` and `get` have in common.

use std::fmt;

use xcher_core::code::{Code, CodeError};
use xcher_core::peer::{CallPolicy, Error, Event, SessionId};
use xcher_core::{Nick, ProtocolError};

use super::args::Common;
use super::exit::{self, CliError, code_of};
use super::privacy::warning;
use super::start::{Running, limits_to_think, nicks};
use crate::files::{Inbox, Shares};
use crate::host::Sink;

/// Whom to call.
#[derive(Clone)]
pub(super) enum Whom {
    /// Someone who goes by this nick.
    Nick(Nick),
    /// Whoever made this code up.
    Code(Code),
}

impl Whom {
    pub(super) fn nick(&self) -> &Nick {
        match self {
            Self::Nick(nick) => nick,
            Self::Code(code) => code.nick(),
        }
    }
}

/// Of a code what is public.
impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nick().fmt(f)
    }
}

/// A session that this side opened.
pub(super) struct Call<'a> {
    common: &'a Common,
    pub(super) running: Running,
    pub(super) session: SessionId,
    whom: Whom,
    /// The last odd thing on the way to it: who came by and was not the peer.
    odd: Option<Box<str>>,
}

impl<'a> Call<'a> {
    /// Goes online and calls `nick`. Questions can be asked before it answers.
    pub(super) async fn begin(
        common: &'a Common,
        nick: &Nick,
        inbox: Option<Inbox>,
    ) -> Result<Self, CliError> {
        Self::begin_with(common, Whom::Nick(nick.clone()), Shares::nothing(), inbox).await
    }

    /// The same with something to share with them, and also by a code.
    pub(super) async fn begin_with(
        common: &'a Common,
        whom: Whom,
        shares: Shares,
        sink: impl Into<Sink>,
    ) -> Result<Self, CliError> {
        let privacy = common.privacy()?;
        let (calls, nicks, limits) = (CallPolicy::Ignore, nicks(common), limits_to_think(common));
        let online = Running::online_as(common, nicks, limits, calls, shares, sink, privacy).await;
        let mut running = online.map_err(|not| not.error)?;
        let opened = match whom.clone() {
            Whom::Nick(nick) => running.host.open(nick),
            Whom::Code(code) => running.host.open_code(code),
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
    /// As [`Running::next`], but for the relay being gone, which an open session does not need; and
    /// when the session could not be opened, or ended.
    pub(super) async fn next(&mut self) -> Result<Event, CliError> {
        let event = self.running.next().await?;
        let whom = &self.whom;
        match &event {
            Event::Notice { session: Some(session), text } if *session == self.session => {
                self.odd = Some(text.clone());
            }
            Event::OpenFailed { session, error } if *session == self.session => {
                if let Whom::Code(_) = whom
                    && let Some(error) = code_error(error)
                {
                    return Err(error);
                }
                if let Some(warning) = warning(self.common, whom.nick(), error) {
                    return Err(warning);
                }
                let message = format!("{whom} cannot be reached: {}", self.with_odd(error));
                return Err(CliError::new(code_of(error), message));
            }
            Event::Ended { session, error } if *session == self.session => {
                let (code, why) = match error {
                    Some(error) => (code_of(error), self.with_odd(error)),
                    None => (exit::Code::Incomplete, "it said X_END".to_owned()),
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
    pub(super) async fn meanwhile<T>(
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
    pub(super) async fn end(mut self, done: Result<(), CliError>) -> Result<(), CliError> {
        // A session that is over needs no end.
        let _ = self.running.host.end(self.session);
        let output = self.running.stop().await;
        done.and_then(|()| output.written())
    }
}

/// Why a code did not lead to who made it up.
fn code_error(error: &Error) -> Option<CliError> {
    let text = match error {
        Error::Protocol(ProtocolError::Code(CodeError::Wrong)) => {
            "the code is wrong; after ten wrong tries it is dead"
        }
        Error::Protocol(ProtocolError::Unencrypted | ProtocolError::EncryptionNotOffered) => {
            "STOP: who answers there knows no codes, so it is not who made this one up"
        }
        Error::Relay(_) => {
            let text = "nobody is there with this code: it was used or is dead, or it is wrong";
            return Some(CliError::new(exit::Code::Unreachable, text));
        }
        _ => return None,
    };
    Some(CliError::new(exit::Code::NotPrivate, text))
}
