//! The link to the relay, from this host's side (section 5).

use alloc::format;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::connect::RELAY_GONE;
use super::{Action, ConnId, Error, Event, Peer, Turn, Use};
use crate::relay_caps::RelayCaps;
use crate::secure::relay_key::ProofContext;
use crate::secure::{Identity, PublicKey, decode, encode};
use crate::ticket::Ticket;
use crate::{LineBuffer, MisuseError, Nick, ProtocolError, RelayPacket};

/// How long the relay may take to say at which address it sees this host.
const LOCATE: Duration = Duration::from_secs(3);
/// What a host knows of what relays can do: one without a key, and one with it.
const CAPS: &str = "from ticket";
const CAPS_WITH_KEY: &str = "from key ticket";
/// Seconds before the relay is dialled again the first time; each further wait is twice as long.
const FIRST_RETRY: u64 = 1;
const LONGEST_RETRY: u64 = 30;

pub(super) struct RelayLink {
    stage: Stage,
    conn: Option<ConnId>,
    lines: LineBuffer,
    /// This end's address and the relay's.
    ends: Option<(IpAddr, IpAddr)>,
    /// The address that the relay sees.
    seen: Option<IpAddr>,
    /// When the relay was last heard.
    heard: Duration,
    pinged: bool,
    /// Dials in a row that led to nothing.
    errors: u32,
    /// Once it was online, a lost link is dialled again.
    was_online: bool,
    /// X_FROM: who the next X_INIT comes from.
    from: Option<Nick>,
    /// X_TICKET: what whoever sent the next X_INIT is to be shown.
    ticket: Option<Ticket>,
    /// What the relay said that it can do.
    caps: RelayCaps,
    /// Whether the relay was asked what it can do.
    asked: bool,
    /// The key for this link alone, while the relay's proof is to come.
    once: Option<Identity>,
    /// The key that the relay proved to hold.
    key: Option<PublicKey>,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Idle,
    /// Until then.
    Dialling(Duration),
    /// X_NICK was sent, for the nick of this index; an answer is due then.
    Naming(usize, Duration),
    /// X_CAPS and X_ADDR were sent; an answer is due then.
    Asking(Named, Duration),
    /// X_KEY was sent; an answer is due then.
    Proving(Named, Duration),
    Online(usize),
    /// Dial again then.
    Retry(Duration),
}

/// What the relay answered to X_NICK, for the nick of this index.
#[derive(Clone, Copy, PartialEq)]
struct Named {
    at: usize,
    yes: bool,
}

impl RelayLink {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Idle,
            conn: None,
            lines: LineBuffer::new(),
            ends: None,
            seen: None,
            heard: Duration::ZERO,
            pinged: false,
            errors: 0,
            was_online: false,
            from: None,
            ticket: None,
            caps: RelayCaps::default(),
            asked: false,
            once: None,
            key: None,
        }
    }

    /// This end's address and the relay's.
    pub(super) fn ends(&self) -> Option<(IpAddr, IpAddr)> {
        self.ends
    }

    /// Whether the relay says who comes for a call of this host's.
    pub(super) fn knows_tickets(&self) -> bool {
        self.caps.has(RelayCaps::TICKET)
    }

    /// The relay's address, as this host dialled it.
    pub(super) fn relay_ip(&self) -> Option<IpAddr> {
        self.ends.map(|(_, relay)| relay)
    }
}

impl Peer {
    /// The nick that the relay knows this host by.
    pub fn nick(&self) -> Option<&Nick> {
        match self.relay.stage {
            Stage::Online(at) => self.config.nicks.get(at),
            _ => None,
        }
    }

    /// Asks who is online: [`Event::Nick`] for each, then [`Event::NicksEnd`].
    ///
    /// # Errors
    ///
    /// [`MisuseError::Offline`].
    pub fn who(&mut self, now: Duration, actions: &mut Vec<Action>) -> Result<(), MisuseError> {
        self.nick().ok_or(MisuseError::Offline)?;
        self.write_relay(RelayPacket::Who, &mut Turn { now, actions });
        Ok(())
    }

    /// The address to name in X_INIT and the one to listen on for it.
    pub(super) fn own_address(&self) -> Option<(IpAddr, IpAddr)> {
        let (local, _) = self.relay.ends?;
        let named = self.config.advertise.or(self.relay.seen).unwrap_or(local);
        // Behind a translated address nobody knows which of its own this host is reached at.
        let listen = match named {
            named if named == local => local,
            IpAddr::V4(_) => IpAddr::from([0; 4]),
            IpAddr::V6(_) => IpAddr::from([0; 16]),
        };
        Some((named, listen))
    }

    pub(super) fn dial_relay(&mut self, turn: &mut Turn<'_>) {
        if self.relay.conn.is_some() || self.stopping {
            return;
        }
        let conn = self.new_conn();
        self.conns.insert(conn, Use::Relay);
        self.relay.conn = Some(conn);
        self.relay.stage = Stage::Dialling(turn.after(self.config.limits.open_timeout));
        turn.act(Action::DialRelay { conn });
    }

    pub(super) fn relay_connected(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) {
        self.relay.lines = LineBuffer::new();
        self.relay.ends = Some((local.ip().to_canonical(), remote.ip().to_canonical()));
        self.relay.seen = None;
        self.relay.heard = turn.now;
        self.relay.pinged = false;
        self.relay.caps = RelayCaps::default();
        self.relay.asked = false;
        self.relay.once = None;
        self.relay.key = None;
        self.ask_for_nick(0, turn);
    }

    fn ask_for_nick(&mut self, at: usize, turn: &mut Turn<'_>) {
        let Some(nick) = self.config.nicks.get(at).cloned() else {
            return match self.config.nicks.last().cloned() {
                Some(nick) => self.relay_lost(Error::NickTaken(nick), turn),
                None => self.relay_lost(Error::Cancelled, turn),
            };
        };
        self.relay.stage = Stage::Naming(at, turn.after(self.config.limits.first_line_timeout));
        self.write_relay(RelayPacket::Nick(nick.as_str()), turn);
    }

    pub(super) fn write_relay(&mut self, packet: RelayPacket<'_>, turn: &mut Turn<'_>) {
        if let Some(conn) = self.relay.conn {
            turn.act(Action::Write { conn, bytes: packet.to_line().into() });
        }
    }

    /// X_INIT for a session whose listener stands.
    pub(super) fn write_init(&mut self, nick: &Nick, ip: IpAddr, port: u16, turn: &mut Turn<'_>) {
        self.write_relay(RelayPacket::Init { nick: nick.as_str(), ip, port }, turn);
    }

    pub(super) fn relay_received(&mut self, bytes: &[u8], turn: &mut Turn<'_>) {
        self.relay.heard = turn.now;
        self.relay.pinged = false;
        // Taken out, so that a line can be read while the rest of the host changes.
        let mut lines = core::mem::take(&mut self.relay.lines);
        lines.receive(bytes);
        let conn = self.relay.conn;
        let error = loop {
            match lines.next_line() {
                Ok(Some(line)) => match RelayPacket::parse(line) {
                    Ok(packet) => self.relay_packet(packet, turn),
                    // It may be a stranger's X_INIT passed on as it came: the link is not to blame.
                    Err(error @ ProtocolError::Malformed { .. }) => {
                        turn.notice(None, format_args!("{error}"));
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
        self.relay.lines = lines;
        if let Some(error) = error {
            self.relay_lost(Error::Protocol(error), turn);
        }
    }

    fn relay_packet(&mut self, packet: RelayPacket<'_>, turn: &mut Turn<'_>) {
        match (packet, self.relay.stage) {
            (RelayPacket::NickAnswer { nick, yes }, Stage::Naming(at, _)) => {
                if self.config.nicks.get(at).is_none_or(|asked| asked.as_str() != nick) {
                    return;
                }
                // A code that nobody was told yet is better another one than had back.
                let may_be_own = self.relay.was_online
                    || self.config.nicks.get(at).is_some_and(|nick| !nick.is_one_time());
                let named = Named { at, yes };
                match self.relay.asked {
                    false if yes || may_be_own && self.encryption.is_some() => {
                        self.ask_relay(named, turn);
                    }
                    _ => self.named(named, turn),
                }
            }
            (RelayPacket::AddrAnswer(ip), Stage::Asking(named, _)) => {
                self.relay.seen = Some(ip.to_canonical());
                match self.relay.caps.has(RelayCaps::KEY) {
                    true => self.ask_for_proof(named, turn),
                    false => self.named(named, turn),
                }
            }
            (RelayPacket::Key(fields), Stage::Proving(named, _)) => {
                self.relay_key(fields, named, turn);
            }
            (RelayPacket::Ping(token), _) => self.write_relay(RelayPacket::Pong(token), turn),
            (RelayPacket::WhoNick(nick), _) => {
                if let Ok(nick) = Nick::parse(nick) {
                    turn.notify(Event::Nick { nick });
                }
            }
            (RelayPacket::WhoEnd, _) => turn.notify(Event::NicksEnd),
            (RelayPacket::Caps(words), _) => self.relay.caps = RelayCaps::parse(words),
            (RelayPacket::Ticket(ticket), _) => self.relay.ticket = Ticket::parse(ticket),
            (RelayPacket::TicketDue { nick, ip, port, ticket }, _) => {
                // What cannot be read is shown by nobody.
                let read = ticket.map(|text| Ticket::parse(text).ok_or(()));
                if let Ok(ticket) = read.transpose() {
                    self.ticket_due(nick, (ip.to_canonical(), port), ticket, turn);
                }
            }
            (RelayPacket::From(nick), _) => self.relay.from = Nick::parse(nick).ok(),
            (RelayPacket::Init { nick, ip, port }, Stage::Online(at)) => {
                let (from, ticket) = (self.relay.from.take(), self.relay.ticket.take());
                // Spelled as the caller did: both sides speak of the nick in this form (section 11.2).
                if let (Ok(me), Some(own)) = (Nick::parse(nick), self.config.nicks.get(at))
                    && me.eq_ignore_case(own)
                {
                    self.called(SocketAddr::new(ip, port), (from, me), ticket, turn);
                }
            }
            (RelayPacket::Err { verb: "X_INIT", reason }, _) => self.init_refused(reason, turn),
            (RelayPacket::Err { reason, .. }, Stage::Naming(..) | Stage::Proving(..)) => {
                self.relay_lost(Error::Relay(crate::Quoted(reason).to_box()), turn);
            }
            (RelayPacket::Err { verb, reason }, _) => {
                let reason = crate::Quoted(reason);
                turn.notice(None, format_args!("the relay said of {verb}: {reason}"));
            }
            (RelayPacket::End, _) => self.relay_lost(Error::Closed(None), turn),
            _ => {}
        }
    }

    /// Asks what the relay can do, and at which address it sees this host.
    fn ask_relay(&mut self, named: Named, turn: &mut Turn<'_>) {
        self.relay.asked = true;
        self.relay.stage = Stage::Asking(named, turn.after(LOCATE));
        let caps = if self.encryption.is_some() { CAPS_WITH_KEY } else { CAPS };
        self.write_relay(RelayPacket::Caps(caps), turn);
        self.write_relay(RelayPacket::Addr, turn);
    }

    /// Has the relay prove its key (section 5.6).
    fn ask_for_proof(&mut self, named: Named, turn: &mut Turn<'_>) {
        let Some(trust) = &mut self.encryption else { return self.named(named, turn) };
        let once = trust.key_for_once();
        self.relay.stage = Stage::Proving(named, turn.after(self.config.limits.first_line_timeout));
        let key = format!("{}", once.public());
        self.relay.once = Some(once);
        self.write_relay(RelayPacket::Key(&key), turn);
    }

    /// The relay's proof came: this host shows its own, by which it gets back a nick that a dead
    /// connection of its own has.
    fn relay_key(&mut self, fields: &str, named: Named, turn: &mut Turn<'_>) {
        let once = self.relay.once.take();
        let proved = once.and_then(|once| {
            let (link, proof) = parse_proof(fields, once.public())?;
            link.verify_relay(&once, &proof).then_some(link)
        });
        let (Some(link), Some(trust)) = (proved, &self.encryption) else {
            return self.relay_lost(Error::UnprovenRelayKey, turn);
        };
        self.relay.key = Some(link.relay);
        let own = trust.key_at(link.relay);
        if let Some(proof) = link.prove_host(&own) {
            let shown = format!("{} {}", own.public(), encode(&proof));
            self.write_relay(RelayPacket::Key(&shown), turn);
        }
        match named.yes {
            true => self.named(named, turn),
            false => self.ask_for_nick(named.at, turn),
        }
    }

    /// The relay gave a nick, or someone else has it.
    fn named(&mut self, named: Named, turn: &mut Turn<'_>) {
        match named.yes {
            true => self.online(named.at, turn),
            false => self.ask_for_nick(named.at + 1, turn),
        }
    }

    fn online(&mut self, at: usize, turn: &mut Turn<'_>) {
        turn.act(Action::RelayVerified { key: self.relay.key });
        self.relay.stage = Stage::Online(at);
        self.relay.errors = 0;
        self.relay.was_online = true;
        let nick = self.config.nicks[at].clone();
        turn.notify(Event::Online { nick });
    }

    /// The link is gone. Sessions stand without it; only those not open yet fall with it.
    pub(super) fn relay_lost(&mut self, error: Error, turn: &mut Turn<'_>) {
        if let Some(conn) = self.relay.conn.take()
            && self.conns.remove(&conn).is_some()
        {
            turn.act(Action::Close { conn });
        }
        self.relay.from = None;
        self.relay.ticket = None;
        // Even a nick that is taken: after a broken link the relay may hold it for the dead one.
        let again = self.relay.was_online;
        let retry = (again && !self.stopping).then(|| {
            Duration::from_secs((FIRST_RETRY << self.relay.errors.min(8)).min(LONGEST_RETRY))
        });
        self.relay.errors = self.relay.errors.saturating_add(1);
        self.relay.stage = retry.map_or(Stage::Idle, |wait| Stage::Retry(turn.after(wait)));
        turn.notify(Event::Offline { error, retry });
        while let Some(session) = self.session_being_called() {
            self.open_failed(session, Error::Unreachable(RELAY_GONE.into()), turn);
        }
    }

    pub(super) fn leave_relay(&mut self, turn: &mut Turn<'_>) {
        self.relay.stage = Stage::Idle;
        if let Some(conn) = self.relay.conn {
            self.write_relay(RelayPacket::End, turn);
            self.relay.conn = None;
            self.conns.remove(&conn);
            turn.act(Action::Close { conn });
        }
    }

    pub(super) fn relay_deadline(&self) -> Option<Duration> {
        let silence = self.config.limits.relay_timeout;
        match self.relay.stage {
            Stage::Idle => None,
            Stage::Dialling(at) | Stage::Naming(_, at) | Stage::Retry(at) => Some(at),
            Stage::Asking(_, at) | Stage::Proving(_, at) => Some(at),
            Stage::Online(_) if self.relay.pinged => Some(self.relay.heard.saturating_add(silence)),
            Stage::Online(_) => Some(self.relay.heard.saturating_add(silence / 2)),
        }
    }

    pub(super) fn pass_relay_deadline(&mut self, turn: &mut Turn<'_>) {
        if self.relay_deadline().is_none_or(|at| at > turn.now) {
            return;
        }
        let limits = &self.config.limits;
        let silent = |waited_for, after| Error::TimedOut { waited_for, after };
        match self.relay.stage {
            Stage::Idle => {}
            Stage::Retry(_) => self.dial_relay(turn),
            Stage::Dialling(_) => {
                let error = silent("a connection to the relay", limits.open_timeout);
                self.relay_lost(error, turn);
            }
            Stage::Naming(..) => {
                let error =
                    silent("X_NICK nick YES or NO from the relay", limits.first_line_timeout);
                self.relay_lost(error, turn);
            }
            // A relay that cannot say it leaves this host's own view of its address.
            Stage::Asking(named, _) => self.named(named, turn),
            Stage::Proving(..) => {
                let error = silent("X_KEY from the relay", limits.first_line_timeout);
                self.relay_lost(error, turn);
            }
            Stage::Online(_) if self.relay.pinged => {
                let error = silent("a sign of life from the relay", limits.relay_timeout);
                self.relay_lost(error, turn);
            }
            Stage::Online(_) => {
                self.relay.pinged = true;
                self.write_relay(RelayPacket::Ping("1"), turn);
            }
        }
    }
}

/// The relay's key, its number for this link, and its proof.
fn parse_proof(fields: &str, once: PublicKey) -> Option<(ProofContext, [u8; 32])> {
    let mut fields = fields.split(' ');
    let (Some(relay), Some(number), Some(shown), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return None;
    };
    let (mut nonce, mut proof) = ([0; 32], [0; 32]);
    decode(number, &mut nonce).and_then(|()| decode(shown, &mut proof)).ok()?;
    Some((ProofContext { relay: PublicKey::parse(relay).ok()?, nonce, once }, proof))
}
