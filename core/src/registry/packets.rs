//! Processes the packets of clients (section 5).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use super::access_check::NickAccess;
use super::client::Client;
use super::cluster::{Grant, unread};
use super::delivery::Delivery;
use super::refusal::Refusal;
use super::who::PageRequest;
use super::{Action, Asked, CloseReason, ConnId, Outcome, Registry, Report, Rule};
use crate::relay_caps::RelayCaps;
use crate::ticket::Ticket;
use crate::{
    Line, MAX_NICK_CHARS, Nick, ProtocolError, Quoted, RelayLimits, RelayPacket, X_INIT_FORM, addr,
    decimal,
};

/// Bytes that a client may send before the relay has answered what it asked others for.
const MAX_AHEAD_LEN: usize = 64 << 10;

impl Registry {
    pub(super) fn received(
        &mut self,
        conn: ConnId,
        bytes: &[u8],
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        client.record_input(now);
        if let Some(claimant) = client.claimed_by.take() {
            self.refuse_claim(claimant, actions);
        }
        let Some(client) = self.clients.get_mut(&conn) else { return };
        if let Some(challenge) = client.challenge.take() {
            challenge.answer(false, actions);
        }
        client.lines.receive(bytes);
        self.ask_about_connection(conn, actions);
        self.read_lines(conn, now, actions);
    }

    /// Reads on after an answer that the client's next lines waited for.
    pub(super) fn resume(&mut self, conn: ConnId, now: Duration, actions: &mut Vec<Action>) {
        if let Some(client) = self.clients.get_mut(&conn) {
            client.waits = false;
            self.read_lines(conn, now, actions);
        }
    }

    /// Handles the client's lines in their order, until there is none or the next one must wait.
    pub(super) fn read_lines(&mut self, conn: ConnId, now: Duration, actions: &mut Vec<Action>) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        // Moved out, so that a line can be borrowed while writing to other clients.
        let mut lines = core::mem::take(&mut client.lines);
        while self.clients.get(&conn).is_some_and(|client| !client.waits) {
            let line = match lines.next_line() {
                Ok(None) => break,
                Ok(Some(line)) => line,
                Err(error) => {
                    let (asked, rule) = (Asked::Other, Rule::BadLine);
                    record(conn, Outcome::Refused { asked, rule }, actions);
                    self.error(conn, "-", bad_line(&error), actions);
                    self.close(conn, CloseReason::BadLine, actions);
                    return;
                }
            };
            if let Err(refusal) = self.handle_line(conn, line, now, actions) {
                self.refuse(conn, line.text(), refusal, actions);
            }
        }
        // Reads nothing more from a closed client.
        let Some(client) = self.clients.get(&conn) else { return };
        if client.waits && lines.waiting_len() > MAX_AHEAD_LEN {
            let reason =
                format_args!("more than {MAX_AHEAD_LEN} bytes sent before the relay answered");
            self.error(conn, "-", reason, actions);
            self.close(conn, CloseReason::TooMuchAhead, actions);
            return;
        }
        // Frees the memory of a burst.
        lines.receive(&[]);
        if let Some(client) = self.clients.get_mut(&conn) {
            client.lines = lines;
        }
    }

    fn handle_line(
        &mut self,
        conn: ConnId,
        line: Line<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let text = line.text();
        let Some(client) = self.clients.get_mut(&conn) else { return Ok(()) };
        let packet = match RelayPacket::parse(line) {
            Err(ProtocolError::NotXcher { got }) => return Err(not_xcher(client, &got)),
            packet => packet,
        };
        let is_first = !core::mem::replace(&mut client.has_sent_packet, true);
        if client.rendezvous.is_some() && !matches!(packet, Ok(RelayPacket::End)) {
            let reason = "expected no more packets on a rendezvous";
            return Err(Refusal::Error(Rule::NotDue, reason.into()));
        }
        match packet {
            Ok(RelayPacket::Init { nick, ip, port }) => {
                needs_nick(client)?;
                spend(client, &self.limits, now)?;
                let at = SocketAddr::new(ip, port);
                if let Some(nick) = self.find_remote(nick) {
                    return self.call_remote(conn, nick, at, line, now, actions);
                }
                let is_near = self.names_near(conn, nick, at, now);
                if !is_near {
                    self.check_named(conn, at)?;
                }
                self.forward(conn, nick, (at, is_near), line, now, actions)
            }
            Ok(RelayPacket::Nick(nick)) => {
                self.needs_account(conn, actions)?;
                self.register(conn, nick, now, actions)
            }
            Ok(RelayPacket::Token(token)) => self.receive_token(conn, token, now, actions),
            Ok(RelayPacket::Meet(field)) => self.receive_meet(conn, field, is_first, now, actions),
            Ok(RelayPacket::Who) => {
                self.needs_account(conn, actions)?;
                let Some(client) = self.clients.get_mut(&conn) else { return Ok(()) };
                spend(client, &self.limits, now)?;
                self.check_may_list(conn)?;
                self.spend_answer(conn, self.nicks.list_bytes(), now)?;
                let Some(client) = self.clients.get_mut(&conn) else { return Ok(()) };
                client.lists += 1;
                self.list_nicks(conn, actions);
                Ok(())
            }
            // A count alone, which to a host is a nick of the list.
            Ok(RelayPacket::WhoNick(count)) if decimal::parse(count.as_bytes()).is_some() => {
                self.needs_account(conn, actions)?;
                let count = decimal::parse(count.as_bytes());
                let request = PageRequest::check(count, "/", None)?;
                self.list_page(conn, &request, now, actions)
            }
            Ok(RelayPacket::WhoPage { count, prefix, after }) => {
                self.needs_account(conn, actions)?;
                let request = PageRequest::check(Some(count), prefix, after)?;
                self.list_page(conn, &request, now, actions)
            }
            Ok(RelayPacket::Addr) => {
                let has_port = self.port.is_some() && client.supports(RelayCaps::MEET);
                let answer = client.addr_answer(has_port);
                self.spend_answer(conn, text.len(), now)?;
                self.write(conn, &answer, actions);
                Ok(())
            }
            Ok(RelayPacket::Ping(token)) => {
                self.spend_answer(conn, text.len(), now)?;
                self.write(conn, &RelayPacket::Pong(token), actions);
                Ok(())
            }
            Ok(RelayPacket::Caps(words)) => {
                self.receive_caps(conn, words, actions);
                Ok(())
            }
            Ok(RelayPacket::Path(path)) => {
                self.receive_path(conn, path, actions);
                Ok(())
            }
            Ok(RelayPacket::Key(fields)) => self.receive_key(conn, fields, actions),
            Ok(RelayPacket::End) => {
                self.close(conn, CloseReason::End, actions);
                Ok(())
            }
            // A sign of life, or an error: answering an error could start an endless exchange.
            Ok(RelayPacket::Pong(_) | RelayPacket::Err { .. }) => Ok(()),
            Ok(RelayPacket::Unknown { .. }) => {
                Err(Refusal::Error(Rule::UnknownVerb, "unknown verb".into()))
            }
            Ok(_) | Err(_) => {
                let got = Quoted(text);
                Err(match form(text) {
                    "X_NICK nick" => {
                        let reason = format!("expected X_NICK nick, got {got}");
                        self.failed_try(conn, Rule::Syntax, reason)
                    }
                    // It may be a token all the same.
                    form @ "X_TOKEN token" => {
                        let reason = format!("expected {form}, got a longer or other text");
                        Refusal::Error(Rule::Syntax, reason)
                    }
                    "" => {
                        let reason = format!("expected a packet for the relay, got {got}");
                        Refusal::Error(Rule::Syntax, reason)
                    }
                    form => Refusal::Error(Rule::Syntax, format!("expected {form}, got {got}")),
                })
            }
        }
    }

    /// Processes the first X_CAPS of a connection. Answers only words that relays answer, so that older hosts
    /// receive nothing unknown.
    fn receive_caps(&mut self, conn: ConnId, words: &str, actions: &mut Vec<Action>) {
        let own = self.caps();
        let Some(client) = self.clients.get_mut(&conn) else { return };
        if client.caps.is_some() {
            return;
        }
        let caps = RelayCaps::parse(words);
        client.caps = Some(caps);
        // A bridge has shown the token already.
        let own = if client.account.is_some() { own.without(RelayCaps::TOKEN) } else { own };
        if caps.wants_answer() {
            self.write(conn, &RelayPacket::Caps(&own.words()), actions);
        }
    }

    fn register(
        &mut self,
        conn: ConnId,
        text: &str,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Some(client) = self.clients.get_mut(&conn) else { return Ok(()) };
        if let Some(nick) = &client.nick {
            let reason = format!("this connection already has the nick {nick}");
            return Err(Refusal::Error(Rule::NotDue, reason));
        }
        if client.claim.is_some() {
            let reason = "the previous X_NICK is still pending";
            return Err(Refusal::Error(Rule::NotDue, reason.into()));
        }
        let nick = Nick::parse(text);
        // A NO reveals that a code exists, so it shares the budget of calls.
        if nick.as_ref().is_ok_and(Nick::is_one_time)
            && !self.addresses.guess(client.from, &self.limits, now)
        {
            let reason = too_many_guesses(&self.limits);
            return Err(over_budget(client, &self.limits, Rule::GuessRate, reason, now));
        }
        match nick {
            // Too long to repeat in an answer.
            Err(bad) if text.len() > MAX_NICK_CHARS * 4 => {
                return Err(self.failed_try(conn, Rule::NickInvalid, format!("{bad}")));
            }
            Err(_) => self.refuse_nick(conn, text, Rule::NickInvalid, actions),
            Ok(nick) => return self.seek_nick(conn, (nick, text), false, now, actions),
        }
        Ok(())
    }

    /// Gives a host a nick if it may have it; after the operator's hook has allowed it, if there is one.
    pub(super) fn seek_nick(
        &mut self,
        conn: ConnId,
        (nick, text): (Nick, &str),
        is_decided: bool,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        match self.may_have(conn, &nick, now) {
            NickAccess::Yes if !is_decided && self.ask_about_nick(conn, &nick, text, actions) => {}
            NickAccess::Yes => self.give_nick(conn, nick, text, now, actions),
            NickAccess::AskForKey(rule) => self.refuse_nick(conn, text, rule, actions),
            NickAccess::No(rule, reason) => return Err(self.failed_try(conn, rule, reason)),
            NickAccess::Never(rule, reason) => {
                return Err(Refusal::Close(rule, reason, CloseReason::NotAllowed));
            }
        }
        Ok(())
    }

    /// Gives a host a nick that it may have, unless another host has it or one alike.
    fn give_nick(
        &mut self,
        conn: ConnId,
        nick: Nick,
        text: &str,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        match self.nicks.find_similar(&nick).map(|(_, holder)| holder) {
            None if self.is_taken(&nick) => {
                self.refuse_nick(conn, text, Rule::NickTaken, actions);
            }
            None => self.acquire(conn, nick, text, now, actions),
            Some(holder) => {
                if !self.claim(conn, (nick, text), holder, now, actions) {
                    self.refuse_nick(conn, text, Rule::NickTaken, actions);
                }
            }
        }
    }

    /// Returns true if a host of this relay has this nick or one alike, or is about to get it.
    pub(super) fn is_taken(&self, nick: &Nick) -> bool {
        self.nicks.find_similar(nick).is_some()
            || self.cluster.as_ref().is_some_and(|cluster| cluster.is_pending(nick))
    }

    /// Assigns a nick that no other nick looks like; in a cluster, with what its claim has shown.
    pub(super) fn assign_nick(
        &mut self,
        conn: ConnId,
        nick: Nick,
        text: &str,
        grant: Option<Grant>,
        actions: &mut Vec<Action>,
    ) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        client.nick = Some(nick.clone());
        if client.bridged {
            actions.push(Action::Report { conn, report: Report::Registered });
        }
        self.nicks.insert(nick, conn);
        record(conn, Outcome::Registered, actions);
        if let Some(grant) = grant {
            self.take_lease(conn, grant);
        }
        self.advance_alarm(conn);
        self.write(conn, &RelayPacket::NickAnswer { nick: text, yes: true }, actions);
    }

    /// Answers NO. The last attempt closes the connection.
    pub(super) fn refuse_nick(
        &mut self,
        conn: ConnId,
        text: &str,
        rule: Rule,
        actions: &mut Vec<Action>,
    ) {
        record(conn, Outcome::Refused { asked: Asked::Nick, rule }, actions);
        self.write(conn, &RelayPacket::NickAnswer { nick: text, yes: false }, actions);
        if let Refusal::Close(..) = self.failed_try(conn, rule, String::new()) {
            let reason = format!("no free nick within {} attempts", self.limits.nick_tries);
            self.error(conn, "X_NICK", reason, actions);
            self.close(conn, CloseReason::NickTries, actions);
        }
    }

    pub(super) fn failed_try(&mut self, conn: ConnId, rule: Rule, reason: String) -> Refusal {
        let Some(client) = self.clients.get_mut(&conn) else {
            return Refusal::Declined(rule, reason);
        };
        client.nick_tries += 1;
        if client.nick.is_some() || client.nick_tries < self.limits.nick_tries {
            Refusal::Error(rule, reason)
        } else {
            Refusal::Close(rule, reason, CloseReason::NickTries)
        }
    }

    /// Checks that an X_INIT may name this address (section 6).
    pub(super) fn check_named(&self, conn: ConnId, at: SocketAddr) -> Result<(), Refusal> {
        let Some(client) = self.clients.get(&conn) else { return Ok(()) };
        if self.limits.any_address || client.is_allocated(at.ip(), at.port()) {
            return Ok(());
        }
        addr::check_named(at.ip(), client.from)
            .map_err(|error| Refusal::Declined(Rule::Address, format!("refused: {error}")))
    }

    /// Forwards an X_INIT byte for byte, and gives both sides a ticket if they support it.
    fn forward(
        &mut self,
        conn: ConnId,
        nick: &str,
        (at, is_near): (SocketAddr, bool),
        line: Line<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Some(from) = self.clients.get(&conn).map(|client| client.from) else { return Ok(()) };
        // A near address has cost its guess.
        let target = self.find_callee(conn, nick, is_near, now)?;
        self.vouch(conn, target, at, actions);
        let caller = self.nick(conn).cloned();
        let supports_tickets =
            |conn| self.clients.get(conn).is_some_and(|client| client.supports(RelayCaps::TICKET));
        let (caller_supports, callee_supports) =
            (supports_tickets(&conn), supports_tickets(&target));
        let ticket =
            (caller_supports && callee_supports).then(|| Ticket::random(&mut self.entropy).text());
        let ticket = ticket.as_deref();
        let may_be_near = at.ip() == from && self.share_nat(conn, target);
        let delivery = Delivery { caller: caller.as_ref(), is_near, ticket, line };
        if self.deliver(target, &delivery, actions) {
            self.record_call(conn, Some(target), actions);
            if caller_supports {
                let (ip, port) = (at.ip(), at.port());
                self.write_with(conn, actions, |out| {
                    if may_be_near {
                        RelayPacket::Near.encode(out);
                    }
                    RelayPacket::TicketDue { nick, ip, port, ticket }.encode(out);
                });
            }
            Ok(())
        } else {
            Err(Refusal::Declined(Rule::CalleeNotReading, unread(nick)))
        }
    }

    /// Returns the host that a caller names. A nick that is not online costs a guess, and so does asking for a
    /// code, unless `is_paid`.
    pub(super) fn find_callee(
        &mut self,
        conn: ConnId,
        nick: &str,
        is_paid: bool,
        now: Duration,
    ) -> Result<ConnId, Refusal> {
        let Some(client) = self.clients.get_mut(&conn) else {
            return Err(Refusal::Declined(Rule::NoSuchNick, String::new()));
        };
        let from = client.from;
        let parsed = Nick::parse(nick);
        let is_code = parsed.as_ref().is_ok_and(Nick::is_one_time);
        // Checked before the lookup: else a refusal would still reveal if the code exists.
        if is_code && !is_paid && !self.addresses.may_guess(from, &self.limits, now) {
            let reason = too_many_guesses(&self.limits);
            return Err(over_budget(client, &self.limits, Rule::GuessRate, reason, now));
        }
        match self.nicks.find_callee(nick) {
            Ok(target) => Ok(target),
            Err(_) if !self.addresses.guess(from, &self.limits, now) => {
                let reason = too_many_guesses(&self.limits);
                Err(over_budget(client, &self.limits, Rule::GuessRate, reason, now))
            }
            Err(similar) => Err(Refusal::Declined(Rule::NoSuchNick, absent(nick, similar))),
        }
    }

    /// Reports a call to bridges before their clients learn of it. Whatever an X_INIT names, a bridge
    /// trusts only an address that is certainly the caller's (section 10.3).
    fn vouch(&mut self, caller: ConnId, target: ConnId, at: SocketAddr, actions: &mut Vec<Action>) {
        let (Some(from), Some(to)) = (self.clients.get(&caller), self.clients.get(&target)) else {
            return;
        };
        let is_allocated = from.is_allocated(at.ip(), at.port());
        if from.bridged && is_allocated {
            actions.push(Action::Report {
                conn: caller,
                report: Report::Named { at, callee: Some(to.from) },
            });
        }
        if to.bridged && (is_allocated || at.ip() == from.from) {
            actions.push(Action::Report { conn: target, report: Report::Called { at } });
        }
    }

    /// Spends the cost of an answer from the address's budget.
    pub(super) fn spend_answer(
        &mut self,
        conn: ConnId,
        bytes: usize,
        now: Duration,
    ) -> Result<(), Refusal> {
        let Some(client) = self.clients.get_mut(&conn) else { return Ok(()) };
        if self.addresses.answer(client.from, bytes, &self.limits, now) {
            return Ok(());
        }
        let limit = self.limits.answer_bytes_per_minute;
        let reason =
            format!("too many answers to your address: the limit is {limit} bytes per minute");
        Err(over_budget(client, &self.limits, Rule::AnswerRate, reason, now))
    }

    pub(super) fn refuse(
        &mut self,
        conn: ConnId,
        text: &str,
        refusal: Refusal,
        actions: &mut Vec<Action>,
    ) {
        let (Refusal::Declined(rule, _) | Refusal::Error(rule, _) | Refusal::Close(rule, ..)) =
            refusal;
        record(conn, Outcome::Refused { asked: Asked::of_verb(verb(text)), rule }, actions);
        match refusal {
            Refusal::Declined(_, reason) => self.error(conn, verb(text), reason, actions),
            Refusal::Error(_, reason) => {
                self.error(conn, verb(text), reason, actions);
                let limit = self.limits.errors;
                let Some(client) = self.clients.get_mut(&conn) else { return };
                client.errors += 1;
                if client.errors >= limit {
                    let reason = format_args!("too many errors: the limit is {limit}");
                    self.error(conn, "-", reason, actions);
                    self.close(conn, CloseReason::TooManyErrors, actions);
                }
            }
            Refusal::Close(_, reason, why) => {
                self.error(conn, verb(text), reason, actions);
                self.close(conn, why, actions);
            }
        }
    }
}

/// Tolerates typing errors of a person at a terminal, but closes a connection that never used XCHER.
fn not_xcher(client: &Client, got: &str) -> Refusal {
    let reason = format!("expected an XCHER packet such as X_NICK nick, got {got}");
    if client.has_sent_packet {
        Refusal::Error(Rule::NotXcher, reason)
    } else {
        Refusal::Close(Rule::NotXcher, reason, CloseReason::NotXcher)
    }
}

/// Reports what became of a client's packet.
pub(super) fn record(conn: ConnId, outcome: Outcome, actions: &mut Vec<Action>) {
    actions.push(Action::Record { conn, outcome });
}

pub(super) fn needs_nick(client: &Client) -> Result<(), Refusal> {
    match client.nick {
        Some(_) => Ok(()),
        None => Err(Refusal::Error(Rule::NickFirst, "X_NICK must come first".into())),
    }
}

pub(super) fn spend(
    client: &mut Client,
    limits: &RelayLimits,
    now: Duration,
) -> Result<(), Refusal> {
    let limit = limits.asks_per_minute;
    if client.asks.spend(limit, now) {
        Ok(())
    } else {
        let reason = format!("too many X_INIT, X_MEET and X_WHO: the limit is {limit} per minute");
        Err(over_budget(client, limits, Rule::AskRate, reason, now))
    }
}

/// Refuses a packet over budget. Refusals have a budget themselves.
pub(super) fn over_budget(
    client: &mut Client,
    limits: &RelayLimits,
    rule: Rule,
    why: String,
    now: Duration,
) -> Refusal {
    if client.refusals.spend(limits.asks_per_minute, now) {
        Refusal::Declined(rule, why)
    } else {
        Refusal::Close(rule, why, CloseReason::TooManyErrors)
    }
}

pub(super) fn too_many_guesses(limits: &RelayLimits) -> String {
    let RelayLimits { guesses, guess_interval, .. } = limits;
    format!(
        "too many calls to absent nicks from your address: the limit is {guesses}, and one more every \
         {guess_interval:?}; try again later"
    )
}

/// Returns the reason of a call to a nick that is not online, though a look-alike may be.
pub(super) fn absent(nick: &str, similar: Option<&Nick>) -> String {
    match (Nick::parse(nick), similar) {
        (Ok(nick), Some(other)) => {
            format!("no such nick: {nick}; the look-alike {other} is online")
        }
        (Ok(nick), None) => format!("no such nick: {nick}"),
        (Err(_), _) => format!("no such nick: {}", Quoted(nick)),
    }
}

/// Returns the form of a client's packet with this verb.
fn form(text: &str) -> &'static str {
    match verb(text) {
        "X_INIT" => X_INIT_FORM,
        "X_NICK" => "X_NICK nick",
        "X_MEET" => "X_MEET nick",
        "X_WHO" => "X_WHO or X_WHO count prefix nick",
        "X_ADDR" => "X_ADDR",
        "X_PING" => "X_PING token",
        "X_PONG" => "X_PONG token",
        "X_CAPS" => "X_CAPS word word …",
        "X_KEY" => "X_KEY base64",
        "X_TOKEN" => "X_TOKEN token",
        "X_PATH" => "X_PATH path",
        "X_ERR" => "X_ERR verb reason",
        "X_END" => "X_END",
        _ => "",
    }
}

/// Returns the verb of a line for an X_ERR, or `-` if it cannot be repeated.
fn verb(text: &str) -> &str {
    let verb = text.split(' ').next().unwrap_or_default();
    let plain = verb.starts_with("X_") && verb.len() <= 32;
    if plain && verb.bytes().all(|byte| byte.is_ascii_graphic()) { verb } else { "-" }
}

/// Describes an unreadable line. Does not quote one that is too long, because the part received depends on
/// how it was split.
fn bad_line(error: &ProtocolError) -> impl fmt::Display {
    match error {
        ProtocolError::LineTooLong { .. } => {
            format!("expected a line of at most {} bytes, got a longer one", crate::MAX_LINE_LEN)
        }
        error => format!("{error}"),
    }
}
