//! Goes online: dials the relay, asks for a nick, makes the relay prove its key (section 5).

use alloc::format;
use alloc::string::String;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::path_selection::SELECTS;
use super::relay_link::{NickAnswer, RelayStage};
use super::{Action, ConnRole, Error, Event, Peer, Turn, Wait};
use crate::relay_caps::RelayCaps;
use crate::secure::encode;
use crate::secure::relay_key::ProofContext;
use crate::{Nick, RelayPacket};

/// Time for the relay to say at which address it sees this host.
const ADDR_TIMEOUT: Duration = Duration::from_secs(3);
/// The capabilities of relays that a host without a key knows, and one with a key.
const CAPS: [&str; 2] = ["from move ticket decline", "from key move ticket decline"];

impl Peer {
    /// The nick that the relay knows this host by.
    pub fn nick(&self) -> Option<&Nick> {
        self.config.nicks.get(self.relay.nick()?)
    }

    /// The address that this host names in its calls: the advertised one, else the one that the relay sees.
    /// `None` until it is known.
    pub fn named_address(&self) -> Option<IpAddr> {
        self.own_address().map(|(named, _)| named)
    }

    /// Returns the address to name in X_INIT and the one to listen on for it.
    pub(super) fn own_address(&self) -> Option<(IpAddr, IpAddr)> {
        let (local, _) = self.relay.ends()?;
        let named = self.config.advertise.or(self.relay.login.seen).unwrap_or(local);
        // Behind a translated address it is unknown which of its own this host is reached at.
        let listen = match named {
            named if named == local => local,
            IpAddr::V4(_) => IpAddr::from([0; 4]),
            IpAddr::V6(_) => IpAddr::from([0; 16]),
        };
        Some((named, listen))
    }

    pub(super) fn dial_relay(&mut self, turn: &mut Turn<'_>) {
        if self.relay.conn.is_some() || self.is_stopping {
            return;
        }
        let conn = self.new_conn();
        self.conns.insert(conn, ConnRole::Relay);
        self.relay.dialled(conn, turn.after(self.config.limits.open_timeout));
        turn.act(Action::DialRelay { conn });
    }

    pub(super) fn relay_connected(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) {
        let ends = (local.ip().to_canonical(), remote.ip().to_canonical());
        self.relay.connected(ends, turn.now);
        let current = self.next_relay.as_ref().filter(|_| self.relay.is_next);
        let at = current.and_then(|current| current.nick()).unwrap_or_default();
        match self.config.token.is_some() {
            true => self.introduce(at, turn),
            false => self.ask_for_nick(at, turn),
        }
    }

    /// Asks what the relay can do before it asks for a nick, which may need the token.
    fn introduce(&mut self, at: usize, turn: &mut Turn<'_>) {
        self.relay.stage = RelayStage::Introducing(at, turn.after(ADDR_TIMEOUT));
        self.relay.login.is_proof_due = true;
        self.write_questions(turn);
    }

    /// Shows the token to a relay that knows users, unless others could read it: anyone on the path can write that
    /// the relay does (section 5.11).
    pub(super) fn show_token(&mut self, at: usize, turn: &mut Turn<'_>) {
        if self.relay.login.caps.has(RelayCaps::TOKEN)
            && let Some(token) = self.config.token.clone()
        {
            let is_local = self.relay.relay_ip().is_some_and(|ip| ip.is_loopback());
            if !is_local && !self.config.is_relay_confidential {
                return self.relay_lost(Error::TokenInClear, turn);
            }
            self.write_relay(RelayPacket::Token(token.as_str()), turn);
        }
        self.ask_for_nick(at, turn);
    }

    fn ask_for_nick(&mut self, at: usize, turn: &mut Turn<'_>) {
        let Some(nick) = self.config.nicks.get(at).cloned() else {
            let error =
                self.config.nicks.last().cloned().map_or(Error::Cancelled, Error::NickTaken);
            return self.relay_lost(error, turn);
        };
        self.relay.stage =
            RelayStage::Naming(at, turn.after(self.config.limits.first_line_timeout));
        self.write_relay(RelayPacket::Nick(nick.as_str()), turn);
    }

    pub(super) fn nick_answered(&mut self, answer: NickAnswer, turn: &mut Turn<'_>) {
        // A code's nick that was not shown to anyone yet is replaced rather than claimed back.
        let is_claimed = self.relay.was_online()
            || self.config.nicks.get(answer.at).is_some_and(|nick| !nick.is_one_time());
        let asks = answer.yes || is_claimed && self.encryption.is_some();
        match self.relay.login.asked {
            false if asks => self.ask_relay(answer, turn),
            true if asks && core::mem::take(&mut self.relay.login.is_proof_due) => {
                self.relay_known(answer, turn);
            }
            _ => self.named(answer, turn),
        }
    }

    /// Asks what the relay can do, and at which address it sees this host.
    fn ask_relay(&mut self, answer: NickAnswer, turn: &mut Turn<'_>) {
        self.relay.stage = RelayStage::Asking(answer, turn.after(ADDR_TIMEOUT));
        self.write_questions(turn);
    }

    fn write_questions(&mut self, turn: &mut Turn<'_>) {
        self.relay.login.asked = true;
        let mut caps = String::from(CAPS[usize::from(self.encryption.is_some())]);
        for (word, is_wanted) in [
            ("near", SELECTS && self.wants_near()),
            ("meet", SELECTS && self.wants_punch()),
            ("token", self.config.token.is_some()),
        ] {
            if is_wanted {
                caps.extend([" ", word]);
            }
        }
        self.write_relay(RelayPacket::Caps(&caps), turn);
        self.write_relay(RelayPacket::Addr, turn);
    }

    pub(super) fn address_answered(&mut self, ip: IpAddr, answer: NickAnswer, turn: &mut Turn<'_>) {
        self.relay.login.seen = Some(ip.to_canonical());
        self.relay_known(answer, turn);
    }

    /// The relay has said what it can do.
    fn relay_known(&mut self, answer: NickAnswer, turn: &mut Turn<'_>) {
        match self.relay.login.caps.has(RelayCaps::KEY) {
            true => self.ask_for_proof(answer, turn),
            false => self.named(answer, turn),
        }
    }

    /// Makes the relay prove its key (section 5.6).
    fn ask_for_proof(&mut self, answer: NickAnswer, turn: &mut Turn<'_>) {
        let Some(encryption) = &mut self.encryption else { return self.named(answer, turn) };
        let ephemeral = encryption.ephemeral_identity();
        let until = turn.after(self.config.limits.first_line_timeout);
        self.relay.stage = RelayStage::Proving(answer, until);
        let key = format!("{}", ephemeral.public());
        self.relay.login.ephemeral = Some(ephemeral);
        self.write_relay(RelayPacket::Key(&key), turn);
    }

    /// The relay's proof came: this host shows its own, which claims a nick back that a dead connection
    /// of its own still holds.
    pub(super) fn relay_key_came(&mut self, fields: &str, answer: NickAnswer, turn: &mut Turn<'_>) {
        let ephemeral = self.relay.login.ephemeral.take();
        let proved = ephemeral.and_then(|ephemeral| {
            let (link, proof) = ProofContext::parse(fields, ephemeral.public())?;
            link.verify_relay(&ephemeral, &proof).then_some(link)
        });
        let (Some(link), Some(encryption)) = (proved, &self.encryption) else {
            return self.relay_lost(Error::UnprovenRelayKey, turn);
        };
        self.relay.login.key = Some(link.relay);
        let own = encryption.identity_at(link.relay);
        if let Some(proof) = link.prove_host(&own) {
            let shown = format!("{} {}", own.public(), encode(&proof));
            self.write_relay(RelayPacket::Key(&shown), turn);
        }
        match answer.yes {
            true => self.named(answer, turn),
            false => self.ask_for_nick(answer.at, turn),
        }
    }

    /// The relay gave this host a nick, or another host has it.
    fn named(&mut self, answer: NickAnswer, turn: &mut Turn<'_>) {
        match (answer.yes, self.relay.is_next) {
            (true, false) => self.online(answer.at, turn),
            (true, true) => self.nick_moved(answer.at, turn),
            (false, false) => self.ask_for_nick(answer.at + 1, turn),
            (false, true) => self.nick_kept(turn),
        }
    }

    /// The current link has a nick.
    pub(super) fn online(&mut self, at: usize, turn: &mut Turn<'_>) {
        turn.act(Action::RelayVerified { key: self.relay.login.key });
        self.relay.is_online(at);
        let nick = self.config.nicks[at].clone();
        turn.notify(Event::Online { nick });
        self.begin_move(turn);
    }

    /// The link is closed. Open sessions do not need it; calls that wait for it fail.
    pub(super) fn relay_lost(&mut self, error: Error, turn: &mut Turn<'_>) {
        if let Some(conn) = self.relay.conn
            && self.conns.remove(&conn).is_some()
        {
            turn.act(Action::Close { conn });
        }
        if !self.relay.is_next && self.next_link_takes_over(&error, turn) {
            return;
        }
        let retry = self.relay.lost(turn.now, self.is_stopping);
        if !self.relay.is_next {
            turn.notify(Event::Offline { error, retry });
            self.fail_calls(turn);
        }
    }

    /// The connection that the calls of this host were made over is closed.
    pub(super) fn fail_calls(&mut self, turn: &mut Turn<'_>) {
        while let Some(session) = self.session_being_called() {
            self.open_failed(session, Error::RelayDisconnected, turn);
        }
    }

    pub(super) fn leave_relay(&mut self, turn: &mut Turn<'_>) {
        if let Some(conn) = self.relay.conn {
            self.write_relay(RelayPacket::End, turn);
            self.conns.remove(&conn);
            turn.act(Action::Close { conn });
        }
        self.relay.conn = None;
        self.relay.stage = RelayStage::Idle;
        if let Some(next) = self.next_relay.take() {
            self.leave_link(&next, turn);
        }
    }

    pub(super) fn pass_relay_deadline(&mut self, turn: &mut Turn<'_>) {
        let limits = &self.config.limits;
        let is_ready = matches!(self.relay.stage, RelayStage::Ready(..));
        if !is_ready && self.relay.deadline(limits).is_none_or(|at| at > turn.now) {
            return;
        }
        let timed_out = |waited_for, after| Error::TimedOut { waited_for, after };
        let error = match self.relay.stage {
            RelayStage::Idle => return,
            RelayStage::Retry(_) => return self.dial_relay(turn),
            RelayStage::Introducing(at, _) => return self.show_token(at, turn),
            // Without that answer this host's own view of its address must do.
            RelayStage::Asking(answer, _) => return self.named(answer, turn),
            RelayStage::Ready(at, until) => return self.complete_move_if_due((at, until), turn),
            RelayStage::Online(_) if !self.relay.login.pinged => {
                self.relay.login.pinged = true;
                return self.write_relay(RelayPacket::Ping("1"), turn);
            }
            RelayStage::Dialling(_) => timed_out(Wait::RelayConnection, limits.open_timeout),
            RelayStage::Naming(..) => timed_out(Wait::RelayNick, limits.first_line_timeout),
            RelayStage::Proving(..) => timed_out(Wait::RelayKey, limits.first_line_timeout),
            RelayStage::Online(_) => timed_out(Wait::RelayPing, limits.relay_timeout),
        };
        self.relay_lost(error, turn);
    }
}
