//! The operator's hook: a program of the operator's that decides about connections and nicks. Whoever is asked about
//! waits, and nobody else.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use super::{Account, Action, Asked, CloseReason, ConnId, Outcome, Registry, Rule, UserName};
use crate::secure::PublicKey;
use crate::{Nick, Quoted};

/// Identifies a question, whose answer [`Input::Decided`](super::Input::Decided) reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(pub u64);

/// A question: may this client connect; or, with a nick, may it have that nick?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its number.
    pub id: QuestionId,
    /// The client's connection.
    pub conn: ConnId,
    /// The client's address.
    pub address: IpAddr,
    /// The nick that it asks for. That of a code is a secret.
    pub nick: Option<Nick>,
    /// The key that it has proved (section 5.6).
    pub key: Option<PublicKey>,
    /// The user of its token (section 5.11).
    pub user: Option<UserName>,
}

/// The answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// Yes.
    Allow,
    /// No, for this reason, which is shown escaped and shortened; it may be empty.
    Deny(&'a str),
    /// Not without a key: a host that knows how proves one and asks for its nick again.
    NeedKey,
    /// There is no answer.
    Failed,
}

/// What becomes of clients about which there is no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HookFailure {
    /// They are refused.
    #[default]
    Deny,
    /// They are admitted.
    Allow,
}

/// The questions of a relay with a hook.
#[derive(Default)]
pub(super) struct Hook {
    on_failure: HookFailure,
    /// The number of the last question.
    last: u64,
    /// The clients that wait, each for one answer.
    waiting: BTreeMap<QuestionId, ConnId>,
}

/// What a client waits for.
pub(super) struct Pending {
    id: QuestionId,
    /// The nick, and how the client spelled it.
    pub(super) nick: Option<(Nick, Box<str>)>,
}

impl Hook {
    pub(super) fn new(on_failure: HookFailure) -> Self {
        Self { on_failure, ..Self::default() }
    }

    /// Forgets the question about a connection that is closed.
    pub(super) fn forget(&mut self, pending: &Pending) {
        self.waiting.remove(&pending.id);
    }
}

impl Registry {
    /// Asks about a connection once its client has sent something; not about a bridge's client, about whose tunnel
    /// the bridge asks.
    pub(super) fn ask_about_connection(&mut self, conn: ConnId, actions: &mut Vec<Action>) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let is_new = !core::mem::replace(&mut client.is_asked_about, true);
        if is_new && !client.bridged {
            self.ask_hook(conn, None, actions);
        }
    }

    /// Asks whether a client may have a nick. Returns false if the relay has no hook.
    pub(super) fn ask_about_nick(
        &mut self,
        conn: ConnId,
        nick: &Nick,
        text: &str,
        actions: &mut Vec<Action>,
    ) -> bool {
        self.ask_hook(conn, Some((nick.clone(), text.into())), actions)
    }

    fn ask_hook(
        &mut self,
        conn: ConnId,
        nick: Option<(Nick, Box<str>)>,
        actions: &mut Vec<Action>,
    ) -> bool {
        let (Some(hook), Some(client)) = (&mut self.hook, self.clients.get_mut(&conn)) else {
            return false;
        };
        hook.last += 1;
        let id = QuestionId(hook.last);
        hook.waiting.insert(id, conn);
        client.waits = true;
        let (address, key) = (client.from, client.key_proof.proved());
        let user = client.account.as_ref().and_then(Account::user).cloned();
        let asked = nick.as_ref().map(|(nick, _)| nick.clone());
        client.pending = Some(Box::new(Pending { id, nick }));
        actions.push(Action::Ask(Question { id, conn, address, nick: asked, key, user }));
        true
    }

    /// Carries out a decision, and reads on.
    pub(super) fn decided(
        &mut self,
        id: QuestionId,
        decision: Decision<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some(hook) = &mut self.hook else { return };
        let Some(conn) = hook.waiting.remove(&id) else { return };
        let (on_failure, Some(client)) = (hook.on_failure, self.clients.get_mut(&conn)) else {
            return;
        };
        let Some(pending) = client.pending.take() else { return };
        client.waits = false;
        let refused = match (decision, on_failure) {
            (Decision::Allow, _) | (Decision::Failed, HookFailure::Allow) => None,
            (Decision::Deny(reason), _) => Some((Rule::Hook, denied(reason))),
            (Decision::NeedKey, _) => {
                let reason = "refused: prove a key, by which this relay knows its hosts";
                Some((Rule::KeyNotAllowed, reason.into()))
            }
            (Decision::Failed, HookFailure::Deny) => {
                let reason =
                    "refused: this relay cannot find out if you may use it; try again later";
                Some((Rule::HookFailed, reason.into()))
            }
        };
        match (pending.nick, refused) {
            (None, None) => {}
            (None, Some((rule, reason))) => {
                let outcome = Outcome::Refused { asked: Asked::Other, rule };
                actions.push(Action::Record { conn, outcome });
                self.error(conn, "-", reason, actions);
                return self.close(conn, CloseReason::Hook, actions);
            }
            (Some((nick, text)), None) => {
                // It may be banned, or taken, since it was asked about.
                if let Err(refusal) = self.seek_nick(conn, (nick, &text), true, now, actions) {
                    self.refuse(conn, "X_NICK", refusal, actions);
                }
            }
            (Some((_, text)), Some((rule, _)))
                if decision == Decision::NeedKey && self.may_prove(conn) =>
            {
                self.refuse_nick(conn, &text, rule, actions);
            }
            (Some(_), Some((rule, reason))) => {
                let refusal = self.failed_try(conn, rule, reason);
                self.refuse(conn, "X_NICK", refusal, actions);
            }
        }
        self.read_lines(conn, now, actions);
    }
}

fn denied(reason: &str) -> String {
    match reason {
        "" => "refused: this relay's operator does not admit you".into(),
        reason => format!("refused: {}", Quoted(reason)),
    }
}
