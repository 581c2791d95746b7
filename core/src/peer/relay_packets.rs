//! Reads and writes the packets of the link to the relay (section 5).

use alloc::boxed::Box;
use core::net::{IpAddr, SocketAddr};

use super::path_selection::SELECTS;
use super::relay_link::{NickAnswer, RelayStage};
use super::{Action, Error, Notice, Peer, Turn};
use crate::relay_caps::RelayCaps;
use crate::ticket::Ticket;
use crate::unicode::without_deceptive;
use crate::{Nick, ProtocolError, Quoted, RelayPacket};

/// Characters of a relay's reason that are shown.
const MAX_REASON_CHARS: usize = 200;

/// Returns a relay's reason as it is shown to the user.
pub(super) fn shown_reason(reason: &str) -> Box<str> {
    without_deceptive(reason, MAX_REASON_CHARS)
}

impl Peer {
    /// Writes to the relay, if it is connected.
    pub(super) fn write_relay(&mut self, packet: RelayPacket<'_>, turn: &mut Turn<'_>) {
        let is_dialled = matches!(self.relay.stage, RelayStage::Dialling(_));
        if let Some(conn) = self.relay.conn.filter(|_| !is_dialled) {
            turn.act(Action::Write { conn, bytes: packet.to_line().into() });
        }
    }

    /// Sends X_INIT for a call whose listener is open.
    pub(super) fn write_init(&mut self, nick: &Nick, ip: IpAddr, port: u16, turn: &mut Turn<'_>) {
        self.write_relay(RelayPacket::Init { nick: nick.as_str(), ip, port }, turn);
    }

    pub(super) fn relay_received(&mut self, bytes: &[u8], turn: &mut Turn<'_>) {
        self.relay.heard(turn.now);
        // Taken out, so that a line can be read while the rest of the host changes.
        let mut lines = core::mem::take(&mut self.relay.login.lines);
        lines.receive(bytes);
        let conn = self.relay.conn;
        let error = loop {
            // What follows the nick is read once this link is the current one.
            if matches!(self.relay.stage, RelayStage::Ready(..)) {
                break None;
            }
            match lines.next_line() {
                Ok(Some(line)) => match RelayPacket::parse(line) {
                    Ok(packet) => self.relay_packet(packet, turn),
                    // It may be another host's X_INIT, forwarded as it came: the connection stays.
                    Err(error @ ProtocolError::Malformed { .. }) => {
                        turn.notice(None, Notice::RelayLine(error));
                    }
                    Err(error) => break Some(error),
                },
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
            if self.relay.conn != conn {
                return;
            }
        };
        self.relay.login.lines = lines;
        if let Some(error) = error {
            self.relay_lost(Error::Protocol(error), turn);
        }
    }

    fn relay_packet(&mut self, packet: RelayPacket<'_>, turn: &mut Turn<'_>) {
        match (packet, self.relay.stage) {
            (RelayPacket::NickAnswer { nick, yes }, RelayStage::Naming(at, _))
                if self.config.nicks.get(at).is_some_and(|asked| asked.as_str() == nick) =>
            {
                self.nick_answered(NickAnswer { at, yes }, turn);
            }
            (RelayPacket::AddrAnswer { ip, .. }, RelayStage::Introducing(at, _)) => {
                self.relay.login.seen = Some(ip.to_canonical());
                self.show_token(at, turn);
            }
            (RelayPacket::AddrAnswer { ip, .. }, RelayStage::Asking(answer, _)) => {
                self.address_answered(ip, answer, turn);
            }
            (RelayPacket::Key(fields), RelayStage::Proving(answer, _)) => {
                self.relay_key_came(fields, answer, turn);
            }
            (RelayPacket::Ping(token), _) => self.write_relay(RelayPacket::Pong(token), turn),
            (RelayPacket::WhoNick(nick), _) => self.nick_listed(nick, turn),
            (RelayPacket::WhoEnd, _) => self.nicks_ended(turn),
            (RelayPacket::Caps(words), _) => self.relay.login.caps = RelayCaps::parse(words),
            (RelayPacket::Ticket(ticket), _) => self.relay.login.ticket = Ticket::parse(ticket),
            (RelayPacket::TicketDue { nick, ip, port, ticket }, _) => {
                let is_near = SELECTS && core::mem::take(&mut self.relay.login.near);
                // No callee can show a ticket that cannot be read.
                let read = ticket.map(|text| Ticket::parse(text).ok_or(()));
                if let Ok(ticket) = read.transpose() {
                    let address = (ip.to_canonical(), port);
                    self.ticket_due(nick, address, ticket.as_ref(), is_near, turn);
                }
            }
            (RelayPacket::Decline(ticket), _) => self.call_declined(ticket, turn),
            (RelayPacket::Near, _) if SELECTS => {
                self.relay.login.near = self.inner_address().is_some();
            }
            (RelayPacket::From(nick), _) => self.relay.login.from = Nick::parse(nick).ok(),
            (RelayPacket::Init { nick, ip, port }, stage) => {
                // They are this call's, even if this host is not online yet and ignores it.
                let login = &mut self.relay.login;
                let (from, ticket) = (login.from.take(), login.ticket.take());
                let is_near = SELECTS && core::mem::take(&mut login.near);
                let own = match stage {
                    RelayStage::Online(at) => self.config.nicks.get(at),
                    _ => None,
                };
                // Spelled as the caller did: both sides use the nick in this form (section 11.2).
                if let (Ok(called_as), Some(own)) = (Nick::parse(nick), own)
                    && called_as.eq_ignore_case(own)
                {
                    let to = SocketAddr::new(ip, port);
                    match is_near {
                        true => self.called_near(from.as_ref(), to, ticket, turn),
                        false => self.called(to, (from, called_as), ticket, turn),
                    }
                }
            }
            (RelayPacket::Invitation { nick, invitation, port }, RelayStage::Online(_))
                if SELECTS =>
            {
                self.invited(nick, invitation, port, turn);
            }
            (RelayPacket::Err { verb: "X_MEET", reason }, _) if SELECTS => {
                self.meet_refused(reason, turn);
            }
            (RelayPacket::Err { verb: "X_INIT", reason }, _) => self.init_refused(reason, turn),
            (RelayPacket::Err { verb: "-", reason }, RelayStage::Introducing(..)) => {
                self.relay_lost(Error::Relay(Quoted(reason).to_box()), turn);
            }
            (RelayPacket::Err { reason, .. }, RelayStage::Naming(..) | RelayStage::Proving(..)) => {
                self.relay_lost(Error::Relay(Quoted(reason).to_box()), turn);
            }
            (RelayPacket::Err { verb, reason }, _) => {
                let is_list = verb == "X_WHO";
                let (verb, reason) = (Quoted(verb).to_box(), Quoted(reason).to_box());
                turn.notice(None, Notice::RelayError { verb, reason });
                if is_list {
                    self.nicks_refused(turn);
                }
            }
            (RelayPacket::Move { seconds }, _) => self.told_to_move(seconds, turn),
            (RelayPacket::End, _) => self.relay_lost(Error::Closed(None), turn),
            _ => {}
        }
    }
}
