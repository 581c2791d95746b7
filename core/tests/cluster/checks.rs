//! What must be true at each step.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use xcher_core::registry::ConnId;

use super::host::Expected;
use super::names::{group, is_code, names};
use super::world::World;

/// Time in which a nick may be two hosts', once the bus is whole: a heartbeat and the way of its messages.
const DOUBLE_TIME: Duration = Duration::from_millis(4500);
/// Time in which a question must be answered: a claim may wait for 2 s and each form of a nick for 2 s more;
/// several questions at once wait for one another.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Time for which an elder is remembered that has left: a relay that was frozen reads its claim that late.
const MEMORY: Duration = Duration::from_secs(25);

#[derive(Default)]
pub struct Checks {
    pub calls: u64,
    /// The X_INITs sent: the caller, its nick then, and the nick called.
    inits: BTreeMap<String, (usize, String, String)>,
    /// X_INITs that came, and how often.
    pub delivered: BTreeMap<String, u32>,
    /// Since when a group of nicks has been two hosts' while the bus is whole.
    doubles: BTreeMap<u8, Duration>,
    /// Recent holders of each group, with their stamps and hosts: who left meanwhile may have been the elder.
    pub holders: BTreeMap<u8, Vec<(Duration, Duration, usize)>>,
    /// The stamps and hosts of all claims, by relay, its life, and connection.
    pub stamps: BTreeMap<(usize, u64, ConnId), (Duration, usize)>,
    /// The ends of links by their tickets: own address, and the address shown.
    links: BTreeMap<String, Vec<(SocketAddr, SocketAddr)>>,
    pub thaws: BTreeSet<(u64, Duration)>,
    /// The time of the next check of all hosts.
    next: Duration,
}

impl Checks {
    /// Returns true once in 50 ms.
    pub fn is_due(&mut self, now: Duration) -> bool {
        let is_due = now >= self.next;
        if is_due {
            self.next = now + Duration::from_millis(50);
        }
        is_due
    }

    /// Returns true if another host has had this nick, or one alike, within the last seconds.
    pub fn has_other(&self, host: usize, nick: &str, now: Duration) -> bool {
        let recent = self.holders.get(&group(nick)).into_iter().flatten();
        let is_recent = |at: Duration| now.saturating_sub(at) < Duration::from_secs(4);
        recent.into_iter().any(|(at, _, of)| *of != host && is_recent(*at))
    }

    pub fn sent(&mut self, host: usize, caller: String, called: &str, line: &str) {
        let before = self.inits.insert(line.to_owned(), (host, caller, called.to_owned()));
        assert_eq!(before, None, "each X_INIT is another one");
    }
}

impl World {
    pub fn host_received(&mut self, relay: usize, conn: ConnId, bytes: &[u8]) {
        let Some(host) = self.relays[relay].conns.get(&conn).copied() else { return };
        let text = std::str::from_utf8(bytes).unwrap().to_owned();
        let life = self.relays[relay].life;
        for line in text.split_inclusive('\n') {
            let of = &self.hosts[host];
            let conn_id = (relay, life, conn);
            if of.conn == Some(conn_id) {
                self.line(host, line);
            } else if of.next.as_ref().is_some_and(|next| next.conn == conn_id) {
                self.next_line(host, line);
            } else if let Some(at) = of.left.iter().position(|(left, _)| *left == conn_id) {
                self.left_line(host, at, line);
            } else {
                self.rendezvous_line(host, conn, line);
            }
        }
    }

    fn line(&mut self, host: usize, line: &str) {
        let fields: Vec<&str> = line.trim_end().split(' ').collect();
        match fields[..] {
            ["X_PING", token] => self.say(host, &format!("X_PONG {token}\n")),
            ["X_CAPS", ..] => {
                assert_eq!(line, "X_CAPS from key ticket near meet move page path decline\n")
            }
            ["X_KEY", ..] => {
                let proof = self.hosts[host].prover.take().unwrap().hear(line);
                self.say(host, &proof);
            }
            ["X_MOVE", _] => {
                let old = self.hosts[host].conn.unwrap();
                self.move_host(host, old);
            }
            ["X_FROM", _] | ["X_TICKET", _] | ["X_INIT", ..] => self.call_line(host, &fields, line),
            ["X_END"] | ["X_ERR", "-", "no", "X_NICK", "within", ..] => {}
            ["X_ERR", "-", ..] => assert!(line.contains("your nick is another host's"), "{line}"),
            // The relay closes the connection.
            ["X_ERR", "X_NICK", "no", "free", "nick", ..] => {}
            ["X_MEET", invitation, "9247"] => {
                self.hosts[host].ears.from.take().unwrap();
                self.attend(host, invitation);
            }
            ["X_WHO", nick] if nick != "EOF" => {
                assert!(!is_code(nick), "a code is listed");
                self.hosts[host].page.push(nick.to_owned());
            }
            _ => self.answered(host, line, &fields),
        }
    }

    pub fn call_line(&mut self, host: usize, fields: &[&str], line: &str) {
        match fields {
            ["X_FROM", nick] => self.hosts[host].ears.from = Some((*nick).to_owned()),
            ["X_TICKET", _] => self.hosts[host].ears.has_ticket = true,
            _ => self.called(host, line),
        }
    }

    /// Checks the answer to the host's first question.
    fn answered(&mut self, host: usize, line: &str, fields: &[&str]) {
        let first = self.hosts[host].awaited.pop_front();
        let (asked, expected) = first.unwrap_or_else(|| panic!("nobody asked for {line}"));
        match (expected, fields) {
            (Expected::Nick(nick), ["X_NICK", answered, "YES"]) if nick == *answered => {
                self.totals.granted += 1;
                let grant = (self.now, self.hosts[host].stamp, host);
                self.checks.holders.entry(group(&nick)).or_default().push(grant);
                self.hosts[host].nick = Some(nick);
                self.hosts[host].nick_since = Some(self.now);
            }
            (Expected::Nick(nick), ["X_NICK", answered, "NO"]) if nick == *answered => {
                self.totals.refused += 1;
            }
            (Expected::Nick(nick), ["X_ERR", "X_NICK", ..]) if is_code(&nick) => {}
            (Expected::Pong(token), ["X_PONG", answered]) => assert_eq!(token, *answered),
            (Expected::Ticket { nick, ip, port }, ["X_TICKET", answered, at, number, _]) => {
                assert_eq!(
                    (nick.as_str(), ip, port),
                    (*answered, at.parse::<IpAddr>().unwrap(), number.parse().unwrap())
                );
                self.totals.calls += 1;
            }
            (Expected::Ticket { nick, .. }, ["X_ERR", "X_INIT", ..])
            | (Expected::Invitation(nick), ["X_ERR", "X_MEET", ..]) => {
                self.refused(host, (&nick, asked), line);
            }
            (Expected::Invitation(nick), ["X_MEET", answered, invitation, "9247"]) => {
                assert_eq!(nick, *answered);
                self.attend(host, invitation);
            }
            (Expected::Page { count, after }, ["X_WHO", "EOF"]) => {
                let page = std::mem::take(&mut self.hosts[host].page);
                assert!(
                    page.len() <= count && page.is_sorted_by(|one, other| one < other),
                    "{page:?}"
                );
                assert!(page.iter().all(|nick| *nick > after));
                if let Some(all) = self.hosts[host].whole_list.take() {
                    assert!(page.iter().eq(&all), "{page:?} is not {all:?}");
                }
                self.totals.pages += 1;
            }
            (expected, _) => panic!("{line} answers {expected:?}"),
        }
        self.complete_move(host);
    }

    fn refused(&mut self, host: usize, (nick, asked): (&str, Duration), line: &str) {
        match line {
            _ if line.contains("no such nick") => {
                self.totals.absent += 1;
                if line.starts_with("X_ERR X_INIT ") {
                    self.check_absent(nick, asked);
                }
            }
            _ if line.contains("cannot be reached now") => {
                self.totals.unreachable += 1;
                assert!(
                    self.whole_since.is_none_or(|since| self.now < since + Duration::from_secs(3)),
                    "{host} cannot reach {nick} though the bus is whole"
                );
            }
            _ => {
                let known = [
                    "too many calls to absent nicks",
                    "too many of your X_MEETs",
                    "wait: the limit",
                    "the invitation has ended",
                    "the relay stops and accepts no rendezvous",
                ];
                assert!(known.iter().any(|text| line.contains(text)), "{line}");
            }
        }
    }

    /// Checks an X_INIT that came: it is as it was sent, and for this host.
    fn called(&mut self, host: usize, line: &str) {
        let (caller, caller_nick, called) =
            self.checks.inits.get(line).cloned().unwrap_or_else(|| panic!("{line} was not sent"));
        let nick = self.hosts[host].nick.clone();
        let nick = nick.unwrap_or_else(|| panic!("{line} came to a host without a nick"));
        assert!(names(&called, &nick), "{line} came to {nick}");
        assert_eq!(self.hosts[host].ears.from.take(), Some(caller_nick), "X_FROM");
        assert!(std::mem::take(&mut self.hosts[host].ears.has_ticket), "X_TICKET");
        let count = self.checks.delivered.entry(line.to_owned()).or_default();
        *count += 1;
        let relay_of = |host: usize| self.hosts[host].conn.map(|(relay, ..)| relay);
        if relay_of(caller) != relay_of(host) {
            self.totals.remote_calls += 1;
        }
        let count = self.checks.delivered[line];
        let recent = self.checks.holders.get(&group(&nick)).into_iter().flatten();
        let is_recent = |at: Duration| self.now.saturating_sub(at) < Duration::from_secs(4);
        let recent = recent.filter(|(at, ..)| is_recent(*at)).count();
        // A relay that was frozen forwards it late, when the nick may be another host's.
        let is_whole = self.whole_since.is_some_and(|since| self.now > since + MEMORY);
        let is_double = !is_whole || recent > 1;
        assert!(count == 1 || is_double, "{line} came {count} times");
    }

    /// Opens the rendezvous of an invitation.
    fn attend(&mut self, host: usize, invitation: &str) {
        let Some((relay, ..)) = self.hosts[host].conn else { return };
        self.checks.calls += 1;
        let port = 1024 + (self.checks.calls % 60_000) as u16;
        let at = SocketAddr::new(self.hosts[host].ip, port);
        let (life, line) = (self.relays[relay].life, format!("X_MEET {invitation}\n"));
        self.conns += 1;
        let conn = ConnId(self.conns);
        self.hosts[host].rendezvous.push((conn, at));
        self.schedule(self.now, super::world::Event::Attend { relay, life, host, conn, at, line });
    }

    fn rendezvous_line(&mut self, host: usize, conn: ConnId, line: &str) {
        let fields: Vec<&str> = line.trim_end().split(' ').collect();
        match fields[..] {
            ["X_MEET", ip, port, ticket] => {
                let shown = SocketAddr::new(ip.parse().unwrap(), port.parse().unwrap());
                let own = self.hosts[host].rendezvous.iter().find(|(number, _)| *number == conn);
                let (_, own) = *own.unwrap();
                let ends = self.checks.links.entry(ticket.to_owned()).or_default();
                ends.push((own, shown));
                assert!(ends.len() <= 2, "a ticket for {} ends", ends.len());
                if let [(one, to_one), (other, to_other)] = ends[..] {
                    assert_eq!((one, other), (to_other, to_one));
                    self.totals.meetings += 1;
                }
            }
            ["X_ERR", "X_MEET", ..] | ["X_END"] => {}
            _ => panic!("{line} at a rendezvous, or after the close"),
        }
    }

    /// Returns the hosts that have a nick of this group at relays that run.
    pub fn holders(&self, of: u8) -> Vec<usize> {
        let all = self.hosts.iter().enumerate();
        all.filter(|(_, host)| host.nick.as_deref().is_some_and(|nick| group(nick) == of))
            .map(|(at, _)| at)
            .collect()
    }

    /// Records who has which nick by the word of the relays. One that was frozen has connections that their
    /// hosts have left.
    fn note_holders(&mut self) {
        let now = self.now;
        for recent in self.checks.holders.values_mut() {
            recent.retain(|(at, ..)| now.saturating_sub(*at) < MEMORY);
        }
        let Checks { stamps, holders, .. } = &mut self.checks;
        stamps.retain(|(relay, life, conn), (stamp, host)| {
            let of = &self.relays[*relay];
            if !of.is_alive || of.life != *life {
                return false;
            }
            if let Some(nick) = of.registry.nick(*conn) {
                let recent = holders.entry(group(nick.as_str())).or_default();
                match recent.iter_mut().find(|(_, known, _)| known == stamp) {
                    Some((at, ..)) => *at = now,
                    None => recent.push((now, *stamp, *host)),
                }
            }
            // It may be asked for.
            of.registry.nick(*conn).is_some() || of.conns.contains_key(conn)
        });
    }

    /// Checks that no nick is two hosts' for too long, and that no question waits for too long.
    pub fn check_doubles(&mut self) {
        self.note_holders();
        let mut by_group = BTreeMap::<u8, Vec<Duration>>::new();
        for host in &self.hosts {
            if let Some(nick) = &host.nick {
                by_group.entry(group(nick)).or_default().push(host.stamp);
            }
        }
        let now = self.now;
        for of in 0..10 {
            let holders = by_group.remove(&of).unwrap_or_default();
            if holders.len() < 2 {
                self.checks.doubles.remove(&of);
                continue;
            }
            let since = match self.checks.doubles.get(&of) {
                Some(since) => *since,
                None => {
                    self.totals.doubles += 1;
                    self.checks.doubles.insert(of, now);
                    now
                }
            };
            if let Some(whole) = self.whole_since {
                let time = now.saturating_sub(since.max(whole));
                assert!(time <= DOUBLE_TIME, "a nick of group {of} is two hosts' for {time:?}");
            }
        }
        for (number, host) in self.hosts.iter().enumerate() {
            let Some((relay, ..)) = host.conn else { continue };
            let is_frozen = self.relays[relay].frozen_until.is_some();
            if let Some((asked, expected)) = host.awaited.front()
                && !is_frozen
            {
                let time = now.saturating_sub(*asked);
                assert!(time <= ANSWER_TIME, "host {number} waits for {expected:?} for {time:?}");
            }
        }
    }

    /// Checks that a host lost its nick to an elder.
    pub fn check_elder(&mut self, host: usize) {
        self.totals.lost_nicks += 1;
        let nick = self.hosts[host].nick.clone().unwrap();
        let stamp = self.hosts[host].stamp;
        let recent = &self.checks.holders[&group(&nick)];
        // Of one host's connections the younger has the nick, by clocks that are wrong.
        if recent.iter().any(|(_, other, of)| *of == host && *other != stamp) {
            return;
        }
        // The clock of stamps has milliseconds.
        let is_elder = |other: Duration| other.as_millis() <= stamp.as_millis();
        let count = recent.iter().filter(|(_, other, _)| is_elder(*other)).count();
        assert!(count >= 2, "{nick} of {stamp:?} was not lost to an elder: {recent:?}");
    }
}
