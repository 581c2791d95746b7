//! Processes the packets of clients (section 5).

use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use super::budgets::{needs_nick, spend};
use super::client::Client;
use super::outcome::record;
use super::refusal::Refusal;
use super::who::PageRequest;
use super::{Action, Asked, CloseReason, ConnId, Outcome, Registry, Rule};
use crate::relay_caps::RelayCaps;
use crate::{Line, ProtocolError, Quoted, RelayPacket, X_INIT_FORM, decimal};

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
                self.call(conn, nick, SocketAddr::new(ip, port), line, now, actions)
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
            Ok(RelayPacket::Decline(ticket)) => self.receive_decline(conn, ticket, now, actions),
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
        "X_DECLINE" => "X_DECLINE base64",
        "X_ERR" => "X_ERR verb reason",
        "X_END" => "X_END",
        _ => "",
    }
}

/// Returns the verb of a line for an X_ERR, or `-` if it cannot be repeated.
pub(super) fn verb(text: &str) -> &str {
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
