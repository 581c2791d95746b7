//! Calling someone: what `ls`, `check` and `get` have in common.

use xcher_core::Nick;
use xcher_core::peer::{Calls, Event, Fault, SessionId};

use super::args::Common;
use super::exit::{Code, Failure, code_of};
use super::privacy::warning;
use super::start::Running;
use crate::files::{Inbox, Shares};

/// A session that this side opened.
pub(super) struct Call<'a> {
    common: &'a Common,
    pub(super) running: Running,
    pub(super) session: SessionId,
    nick: Nick,
    /// The last odd thing on the way to it: who came by and was not the peer.
    odd: Option<Box<str>>,
}

impl<'a> Call<'a> {
    /// Goes online and calls `nick`. Questions can be asked before it answers.
    pub(super) async fn begin(
        common: &'a Common,
        nick: &Nick,
        inbox: Option<Inbox>,
    ) -> Result<Self, Failure> {
        let (shares, privacy) = (Shares::nothing(), common.privacy()?);
        let mut running = Running::online(common, Calls::Ignore, shares, inbox, privacy).await?;
        match running.host.open(nick.clone()) {
            Ok(session) => Ok(Self { common, running, session, nick: nick.clone(), odd: None }),
            Err(error) => {
                running.stop().await;
                Err(Failure::misuse(error))
            }
        }
    }

    /// The next event.
    ///
    /// # Errors
    ///
    /// As [`Running::next`], but for the relay being gone, which an open session does not need; and
    /// when the session could not be opened, or ended.
    pub(super) async fn next(&mut self) -> Result<Event, Failure> {
        let event = self.running.next().await?;
        let nick = &self.nick;
        match &event {
            Event::Notice { session: Some(session), text } if *session == self.session => {
                self.odd = Some(text.clone());
            }
            Event::OpenFailed { session, fault } if *session == self.session => {
                if let Some(warning) = warning(self.common, nick, fault) {
                    return Err(warning);
                }
                let message = format!("{nick} cannot be reached: {}", self.with_odd(fault));
                return Err(Failure::new(code_of(fault), message));
            }
            Event::Ended { session, fault } if *session == self.session => {
                let (code, why) = match fault {
                    Some(fault) => (code_of(fault), self.with_odd(fault)),
                    None => (Code::Incomplete, "it said X_END".to_owned()),
                };
                return Err(Failure::new(code, format!("the session with {nick} ended: {why}")));
            }
            _ => {}
        }
        Ok(event)
    }

    /// Where nothing came of it, what else came tells more.
    fn with_odd(&self, fault: &Fault) -> String {
        match (fault, &self.odd) {
            (Fault::TimedOut { .. }, Some(odd)) => format!("{fault} ({odd})"),
            _ => fault.to_string(),
        }
    }

    /// Ends the session in order.
    pub(super) async fn end(mut self) {
        // A session that is over needs no end.
        let _ = self.running.host.end(self.session);
        self.running.stop().await;
    }
}
