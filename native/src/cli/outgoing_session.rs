//! A session that this host opens: shared by `ls`, `check`, `get` and `send NICK`.

use std::borrow::Cow;
use std::collections::VecDeque;

use xcher_core::Nick;
use xcher_core::addr::{Scope, scope};
use xcher_core::peer::{CallPolicy, Error, Event, Notice, SessionCommand, SessionId};

use crate::cli::callee::Callee;
use crate::cli::connect_error::call_error;
use crate::cli::encryption;
use crate::cli::exit::{CliError, ExitCode, code_of};
use crate::cli::irc_host;
use crate::cli::online_host::{OnlineHost, nicks, patient_limits};
use crate::cli::options::Common;
use crate::cli::relay_search::RelaySearch;
use crate::cli::ui::share_link::relay_option;
use crate::files::{Inbox, Shares};
use crate::host::Sink;

pub(crate) struct OutgoingSession<'a> {
    common: Cow<'a, Common>,
    pub(crate) online: OnlineHost,
    pub(crate) session: SessionId,
    callee: Callee,
    /// The last notice about the session: a connection that was not the peer's, for example.
    notice: Option<Notice>,
    /// Events that were awaited before the caller asked for them.
    early: VecDeque<Event>,
    /// Set once a cut has ended the session: why.
    cut: Option<String>,
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

    /// Goes online and calls `callee`, with `shares` for it to fetch. Without a named relay, it tries each relay
    /// where the callee may be.
    pub(crate) async fn open_with(
        common: &'a Common,
        callee: Callee,
        shares: Shares,
        sink: impl Into<Sink>,
    ) -> Result<Self, CliError> {
        let sink = sink.into();
        let Some(mut search) = RelaySearch::new(common, &callee).await else {
            return Self::open_at(Cow::Borrowed(common), callee, shares, sink).await;
        };
        let mut failure = None;
        while let Some(relay) = search.next().await? {
            let is_lan = relay.is_lan();
            let at = Cow::Owned(common.at(relay));
            let sink = sink.try_clone().map_err(CliError::local)?;
            let mut call = match Self::open_at(at, callee.clone(), shares.clone(), sink).await {
                Ok(call) => call,
                Err(error) => {
                    failure = worse(failure, error, is_lan);
                    continue;
                }
            };
            match call.opened().await {
                Ok(()) => return Ok(call),
                Err(error) => {
                    call.online.stop().await;
                    if error.stopped {
                        return Err(error);
                    }
                    failure = worse(failure, error, is_lan);
                }
            }
        }
        Err(failure.unwrap_or_else(|| search.not_found()))
    }

    async fn open_at(
        common: Cow<'a, Common>,
        callee: Callee,
        shares: Shares,
        sink: Sink,
    ) -> Result<Self, CliError> {
        irc_host::check_callee(&common, callee.nick())?;
        let encryption = encryption::load(&common)?;
        let (calls, nicks, limits) = (CallPolicy::Ignore, nicks(&common), patient_limits(&common));
        let started =
            OnlineHost::start_as(&common, nicks, limits, calls, shares, sink, encryption).await;
        let mut online = started.map_err(|not| not.error)?;
        let opened = match callee.clone() {
            Callee::Nick(nick) => online.host.open(nick),
            Callee::Code(code) => online.host.open_code(code),
        };
        match opened {
            Ok(session) => {
                announce_call(&common, &online, &callee);
                let early = VecDeque::new();
                Ok(Self { common, online, session, callee, notice: None, early, cut: None })
            }
            Err(error) => {
                online.stop().await;
                Err(CliError::misuse(error))
            }
        }
    }

    /// As [`open_with`](Self::open_with), and waits until the session is open.
    pub(crate) async fn open_connected(
        common: &'a Common,
        callee: Callee,
        shares: Shares,
        sink: Sink,
    ) -> Result<Self, CliError> {
        let mut call = Self::open_with(common, callee, shares, sink).await?;
        match call.opened().await {
            Ok(()) => Ok(call),
            Err(error) => {
                call.online.stop().await;
                Err(error)
            }
        }
    }

    /// Waits until the session is open. The events until then are returned by [`next`](Self::next) again.
    async fn opened(&mut self) -> Result<(), CliError> {
        let mut early = VecDeque::new();
        loop {
            let event = self.next().await?;
            let is_open =
                matches!(&event, Event::Opened { session, .. } if *session == self.session);
            early.push_back(event);
            if is_open {
                self.early = early;
                return Ok(());
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
        if let Some(event) = self.early.pop_front() {
            return Ok(event);
        }
        let event = self.online.next().await?;
        let callee = &self.callee;
        match &event {
            Event::Notice { session: Some(session), notice } if *session == self.session => {
                self.notice = Some(notice.clone());
            }
            Event::OpenFailed { session, error } if *session == self.session => {
                return Err(call_error(&self.common, callee, error, self.notice.as_ref()));
            }
            Event::Ended { session, error } if *session == self.session => {
                let cut = error.as_ref().filter(|error| error.is_cut());
                self.cut = cut.map(Error::to_string);
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

    /// Returns why a cut has ended the session; `None` if none has.
    pub(crate) fn why_cut(&self) -> Option<&str> {
        self.cut.as_deref()
    }

    /// Returns ` --relay …` for commands like this one.
    pub(crate) fn relay_option(&self) -> String {
        relay_option(&self.common)
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

/// Tells the user of a host in an IRC channel at which address the peer must connect.
fn announce_call(common: &Common, online: &OnlineHost, callee: &Callee) {
    let (Some(_), Some(ip)) = (common.relay.irc_channel(), online.host.named_address()) else {
        return;
    };
    let limit = match scope(ip) {
        Scope::Global => "",
        Scope::Loopback => ", this machine only; to name another address: --advertise",
        _ => ", a private address; to name another: --advertise",
    };
    match callee {
        Callee::Nick(nick) => online.output.note(format_args!(
            "waiting for {nick} to accept the call; it will connect to {ip}{limit}"
        )),
        Callee::Code(_) if limit.is_empty() => {}
        Callee::Code(_) => {
            online.output.note(format_args!("the sender will connect to {ip}{limit}"));
        }
    }
}

/// Returns the failure to report of two attempts: one about keys or codes before any other, and one in the local
/// network. A relay on this machine that does not know the callee is no failure.
fn worse(before: Option<CliError>, now: CliError, is_lan: bool) -> Option<CliError> {
    let is_serious = now.code == ExitCode::NotPrivate;
    match before {
        Some(before) if before.code == ExitCode::NotPrivate || !(is_lan || is_serious) => {
            Some(before)
        }
        _ if is_lan || is_serious => Some(now),
        before => before,
    }
}
