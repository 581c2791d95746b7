//! A host whose relay says that it will stop (section 5.9).

use std::time::Duration;

use xcher_core::Nick;
use xcher_core::peer::{Action, Config, ConnId, Error, Event, Input, Path, PathPolicy, Peer};

/// A host and what it asked for since that was last looked at.
struct Lone {
    peer: Peer,
    now: Duration,
    actions: Vec<Action>,
}

impl Lone {
    /// A host that is online, and its connection to the relay.
    fn online(via: PathPolicy, words: &str) -> (Self, ConnId) {
        let nick = Nick::parse("a").unwrap();
        let peer = Peer::new(Config { nicks: vec![nick], via, ..Config::default() });
        let mut lone = Self { peer, now: Duration::ZERO, actions: Vec::new() };
        lone.peer.start(lone.now, &mut lone.actions);
        let relay = lone.dialled().expect("the relay is dialled");
        lone.log_in(relay, words);
        assert!(lone.peer.nick().is_some());
        lone.actions.clear();
        (lone, relay)
    }

    fn take(&mut self, input: Input<'_>) {
        self.peer.handle(input, self.now, &mut self.actions);
    }

    fn wait_ms(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        while let Some(at) = self.peer.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.take(Input::Tick);
        }
        self.now = end;
        self.take(Input::Tick);
    }

    fn connected(&mut self, conn: ConnId) {
        let [local, remote] = ["10.0.0.1:5000", "10.0.0.9:9247"].map(|at| at.parse().unwrap());
        self.take(Input::Connected { conn, local, remote });
    }

    fn hears(&mut self, conn: ConnId, lines: &str) {
        self.take(Input::Received { conn, bytes: lines.as_bytes() });
    }

    fn log_in(&mut self, conn: ConnId, words: &str) {
        self.connected(conn);
        self.hears(conn, &format!("X_NICK a YES\nX_CAPS {words}\nX_ADDR 10.0.0.1\n"));
    }

    /// The connection that it dials to the relay.
    fn dialled(&self) -> Option<ConnId> {
        self.actions.iter().find_map(|action| match action {
            Action::DialRelay { conn } => Some(*conn),
            _ => None,
        })
    }

    fn dials(&self) -> usize {
        self.actions.iter().filter(|action| matches!(action, Action::DialRelay { .. })).count()
    }

    fn closes(&self, closed: ConnId) -> bool {
        self.actions
            .iter()
            .any(|action| matches!(action, Action::Close { conn } if *conn == closed))
    }

    /// What it wrote to a connection.
    fn wrote(&self, to: ConnId) -> String {
        let writes = self.actions.iter().filter_map(|action| match action {
            Action::Write { conn, bytes } if *conn == to => Some(&bytes[..]),
            _ => None,
        });
        String::from_utf8(writes.collect::<Vec<_>>().concat()).unwrap()
    }

    fn events(&self) -> impl Iterator<Item = &Event> {
        self.actions.iter().filter_map(|action| match action {
            Action::Notify(event) => Some(event),
            _ => None,
        })
    }

    fn was_offline(&self) -> bool {
        self.events().any(|event| matches!(event, Event::Offline { .. }))
    }

    fn calls(&mut self, nick: &str) {
        let nick = Nick::parse(nick).unwrap();
        self.peer.open(nick, self.now, &mut self.actions).unwrap();
    }

    /// The newest listener that it asked for, and the connection whose tunnel that is in.
    fn listener(&self) -> (xcher_core::peer::ListenerId, Option<ConnId>) {
        let listener = self.actions.iter().rev().find_map(|action| match action {
            Action::Listen { listener, link, .. } => Some((*listener, *link)),
            _ => None,
        });
        listener.expect("a listener")
    }
}

fn direct(words: &str) -> (Lone, ConnId) {
    Lone::online(PathPolicy::Only(Path::Direct), words)
}

#[test]
fn a_host_is_never_offline_while_it_moves() {
    let (mut lone, old) = direct("from move ticket");
    lone.hears(old, "X_MOVE 30\n");
    let new = lone.dialled().expect("a new connection");
    assert!(!lone.closes(old) && lone.peer.nick().is_some());
    lone.connected(new);
    lone.hears(new, "X_NICK a YES\n");
    assert!(!lone.closes(old), "it has not logged in");
    lone.hears(new, "X_CAPS from move ticket\nX_ADDR 10.0.0.1\n");
    assert!(lone.closes(old) && lone.wrote(old).ends_with("X_END\n"), "{:?}", lone.actions);
    assert!(!lone.was_offline());
    assert_eq!(lone.peer.nick().map(Nick::as_str), Some("a"));
    // The end of the old connection is no loss.
    lone.take(Input::Closed { conn: old, why: None });
    assert!(!lone.was_offline());
    // Calls are heard on the new one.
    lone.hears(new, "X_INIT a 10.0.0.2 40000\n");
    assert!(lone.actions.iter().any(|action| matches!(action, Action::Dial { .. })));
}

/// A relay that keeps saying it is no more dialled than one that is lost again and again.
#[test]
fn moves_that_follow_each_other_wait_as_losses_do() {
    let (mut lone, mut relay) = direct("from move ticket");
    let mut at = Vec::new();
    while at.len() < 9 {
        lone.actions.clear();
        for _ in 0..100 {
            lone.hears(relay, "X_MOVE 0\nX_MOVE 18446744073709551615\n");
        }
        while lone.dialled().is_none() {
            lone.wait_ms(100);
        }
        assert_eq!(lone.dials(), 1, "one move a connection");
        at.push(lone.now.as_secs());
        relay = lone.dialled().expect("dialled");
        lone.log_in(relay, "from move ticket");
    }
    let waits: Vec<_> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
    // One that lasts is followed at once again.
    for _ in 0..3 {
        lone.wait_ms(25_000);
        lone.hears(relay, "X_PONG 1\n");
    }
    lone.actions.clear();
    lone.hears(relay, "X_MOVE 30\n");
    assert_eq!(lone.dials(), 1);
}

#[test]
fn packet_is_ignored_where_it_is_not_in_force() {
    let (mut lone, relay) = direct("from ticket");
    lone.hears(relay, "X_MOVE 30\nX_MOVE x\nX_MOVE\n");
    lone.wait_ms(1000);
    assert_eq!(lone.dials(), 0);
}

/// The relay keeps the nick for the first connection: it must be closed before the second can have it.
#[test]
fn host_leaves_first_where_the_nick_is_still_taken() {
    let (mut lone, old) = direct("from move ticket");
    lone.hears(old, "X_MOVE 30\n");
    let new = lone.dialled().expect("a new connection");
    lone.connected(new);
    lone.hears(new, "X_NICK a NO\n");
    assert!(lone.closes(old) && lone.wrote(old).ends_with("X_END\n"), "{:?}", lone.actions);
    assert!(lone.closes(new) && lone.was_offline());
    lone.actions.clear();
    lone.wait_ms(1000);
    let again = lone.dialled().expect("as after a loss");
    lone.log_in(again, "from move ticket");
    assert!(lone.peer.nick().is_some());
}

#[test]
fn a_relay_that_cannot_be_reached_yet_is_tried_again_meanwhile_online() {
    let (mut lone, old) = direct("from move ticket");
    lone.hears(old, "X_MOVE 30\n");
    for wait in [1000, 2000, 4000] {
        let next = lone.dialled().expect("dialled");
        lone.take(Input::ConnectFailed { conn: next, why: "refused".into() });
        lone.actions.clear();
        lone.wait_ms(wait - 1);
        assert_eq!(lone.dials(), 0);
        lone.wait_ms(1);
    }
    assert!(lone.peer.nick().is_some() && !lone.was_offline());
    // The relay stops while the next one is dialled: that becomes the connection.
    let next = lone.dialled().expect("dialled");
    lone.hears(old, "X_END\n");
    assert!(lone.was_offline() && lone.peer.nick().is_none());
    lone.log_in(next, "from move ticket");
    assert!(lone.peer.nick().is_some());
}

#[test]
fn call_in_flight_ends_before_the_move_and_what_comes_meanwhile_waits() {
    let (mut lone, old) = Lone::online(PathPolicy::Only(Path::Bridge), "from move ticket");
    lone.hears(old, "X_MOVE 30\n");
    let new = lone.dialled().expect("a new connection");
    lone.calls("b");
    let (listener, tunnel) = lone.listener();
    assert_eq!(tunnel, Some(old), "the tunnel of the connection that the call goes over");
    lone.log_in(new, "from move ticket");
    assert!(!lone.closes(old), "a call is in flight");
    let paused = |action: &Action| matches!(action, Action::Pause { conn } if *conn == new);
    assert!(lone.actions.iter().any(paused), "the new connection is not read meanwhile");
    lone.hears(new, "X_INIT a 10.0.0.3 40001\n");
    let dials = |lone: &Lone| {
        lone.actions.iter().filter(|action| matches!(action, Action::Dial { .. })).count()
    };
    assert_eq!(dials(&lone), 0);
    let allocated_at = Some([10, 0, 0, 9].into());
    lone.take(Input::Listening { listener, allocated_at, port: 4000 });
    assert!(lone.wrote(old).contains("X_INIT b 10.0.0.9 4000\n"));
    lone.hears(old, "X_TICKET b 10.0.0.9 4000 -\n");
    let conn = lone.peer.new_conn();
    let [local, remote] = ["10.0.0.9:4000", "10.0.0.2:5000"].map(|at| at.parse().unwrap());
    lone.take(Input::Accepted { listener, conn, local, remote });
    lone.wait_ms(3000);
    lone.hears(conn, "X_FILELIST\n");
    assert!(lone.closes(old) && !lone.was_offline(), "{:?}", lone.actions);
    assert!(!lone.closes(conn), "the session goes on");
    assert_eq!(dials(&lone), 1, "the call that waited");
    let failed = lone.events().any(|event| matches!(event, Event::OpenFailed { .. }));
    assert!(!failed, "{:?}", lone.actions);
    lone.calls("c");
    assert_eq!(lone.listener().1, Some(new), "later calls use the new tunnel");
}

/// A callee that never answers holds the move up no longer than the relay has time.
#[test]
fn call_that_does_not_end_fails_when_the_relay_stops() {
    let (mut lone, old) = Lone::online(PathPolicy::Only(Path::Bridge), "from move ticket");
    lone.hears(old, "X_MOVE 5\n");
    let new = lone.dialled().expect("a new connection");
    lone.calls("b");
    let (listener, _) = lone.listener();
    lone.take(Input::Listening { listener, allocated_at: Some([10, 0, 0, 9].into()), port: 4000 });
    lone.log_in(new, "from move ticket");
    lone.wait_ms(4900);
    assert!(!lone.closes(old));
    lone.wait_ms(100);
    assert!(lone.closes(old));
    let failed =
        |event: &Event| matches!(event, Event::OpenFailed { error: Error::RelayDisconnected, .. });
    assert!(lone.events().any(failed), "{:?}", lone.actions);
    assert!(lone.peer.nick().is_some());
}

#[test]
fn list_of_nicks_is_heard_to_its_end_before_the_move() {
    let (mut lone, old) = direct("from move ticket");
    lone.hears(old, "X_MOVE 30\n");
    let new = lone.dialled().expect("a new connection");
    lone.peer.who(lone.now, &mut lone.actions).unwrap();
    lone.log_in(new, "from move ticket");
    lone.hears(old, "X_WHO a\n");
    assert!(!lone.closes(old));
    lone.hears(old, "X_WHO EOF\n");
    assert!(lone.closes(old));
    assert!(lone.events().any(|event| matches!(event, Event::NicksEnd)));
}

#[test]
fn host_that_stops_leaves_both_connections() {
    let (mut lone, old) = direct("from move ticket");
    lone.hears(old, "X_MOVE 30\n");
    let new = lone.dialled().expect("a new connection");
    lone.peer.stop(lone.now, &mut lone.actions);
    assert!(lone.closes(old) && lone.closes(new));
    assert_eq!(lone.wrote(new), "");
    assert_eq!(lone.peer.next_deadline(), None);
}
