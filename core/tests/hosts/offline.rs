//! Calls before the connection to the relay is complete, and while it is lost.

use std::time::Duration;

use xcher_core::Nick;
use xcher_core::peer::{Action, Config, ConnId, Event, Input, Path, PathPolicy, Peer};

/// A host that is online, and its connection to the relay.
fn online() -> (Peer, ConnId) {
    let nick = Nick::parse("a").unwrap();
    let mut peer =
        Peer::new(Config { nicks: vec![nick], via: PathPolicy::Auto, ..Config::default() });
    let mut actions = Vec::new();
    peer.start(Duration::ZERO, &mut actions);
    let [Action::DialRelay { conn }] = actions[..] else { panic!("{actions:?}") };
    let [local, remote] = ["10.0.0.1:5000", "10.0.0.9:9247"].map(|at| at.parse().unwrap());
    take(&mut peer, 0, Input::Connected { conn, local, remote });
    take(&mut peer, 0, Input::Received { conn, bytes: b"X_NICK a YES\nX_ADDR 10.0.0.1\n" });
    assert!(peer.nick().is_some());
    (peer, conn)
}

fn take(peer: &mut Peer, at: u64, input: Input<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    peer.handle(input, Duration::from_secs(at), &mut actions);
    actions
}

/// The bridge allocates the listener after the connection for its X_INIT was lost.
#[test]
fn sends_nothing_without_a_relay_connection() {
    let (mut peer, link) = online();
    let mut actions = Vec::new();
    peer.open(Nick::parse("b").unwrap(), Duration::ZERO, &mut actions).unwrap();
    let [Action::Listen { listener, .. }] = actions[..] else { panic!("{actions:?}") };
    take(&mut peer, 0, Input::Listening { listener, allocated_at: None, port: 4000 });
    // A host connects and sends nothing.
    let conn = peer.new_conn();
    let [local, remote] = ["10.0.0.1:4000", "10.0.0.2:5000"].map(|at| at.parse().unwrap());
    take(&mut peer, 1, Input::Accepted { listener, conn, local, remote });
    take(&mut peer, 2, Input::Tick);
    let actions = take(&mut peer, 3, Input::Tick);
    let at_bridge = |action: &Action| match action {
        Action::Listen { listener, path: Path::Bridge, .. } => Some(*listener),
        _ => None,
    };
    let allocated = actions.iter().find_map(at_bridge).expect("a listener at the bridge");
    take(&mut peer, 3, Input::Closed { conn: link, why: None });
    let actions = take(&mut peer, 4, Input::Tick);
    let dials = |action: &Action| matches!(action, Action::DialRelay { .. });
    assert!(actions.iter().any(dials), "{actions:?}");
    let allocated_at = Some([10, 0, 0, 9].into());
    let actions =
        take(&mut peer, 4, Input::Listening { listener: allocated, allocated_at, port: 4001 });
    let writes = |action: &Action| matches!(action, Action::Write { .. });
    assert!(!actions.iter().any(writes), "{actions:?}");
    let stops = |action: &Action| matches!(action, Action::StopListening { listener } if *listener == allocated);
    assert!(actions.iter().any(stops), "{actions:?}");
    assert!(peer.is_busy(), "the first connection may still turn out to be the peer");
}

/// What came with a call that was ignored, because this host was not online yet, does not go with the next: a
/// caller of the base protocol is shown no ticket.
#[test]
fn ticket_of_an_ignored_call_is_shown_to_no_other_caller() {
    let nick = Nick::parse("b").unwrap();
    let mut peer = Peer::new(Config { nicks: vec![nick], ..Config::default() });
    let mut actions = Vec::new();
    peer.start(Duration::ZERO, &mut actions);
    let [Action::DialRelay { conn: relay }] = actions[..] else { panic!("{actions:?}") };
    let [local, remote] = ["10.0.0.1:5000", "10.0.0.9:9247"].map(|at| at.parse().unwrap());
    take(&mut peer, 0, Input::Connected { conn: relay, local, remote });
    let early = b"X_NICK b YES\nX_CAPS from ticket\n\
        X_FROM a\nX_TICKET AAAAAAAAAAAAAAAAAAAAAA==\nX_INIT b 10.0.0.2 40000\n";
    take(&mut peer, 0, Input::Received { conn: relay, bytes: early });
    let online = b"X_ADDR 10.0.0.1\nX_INIT b 10.0.0.3 40001\n";
    let actions = take(&mut peer, 0, Input::Received { conn: relay, bytes: online });
    let dial = |action: &Action| match action {
        Action::Dial { conn, to, .. } => Some((*conn, *to)),
        _ => None,
    };
    let dials: Vec<_> = actions.iter().filter_map(dial).collect();
    let [(conn, remote)] = dials[..] else { panic!("{actions:?}") };
    assert_eq!(remote.to_string(), "10.0.0.3:40001");
    let actions = take(&mut peer, 0, Input::Connected { conn, local, remote });
    let opened = |action: &Action| match action {
        Action::Notify(Event::Opened { nick, .. }) => Some(nick.clone()),
        _ => None,
    };
    assert_eq!(actions.iter().find_map(opened), Some(None), "a caller that the relay did not name");
    let writes = |action: &Action| matches!(action, Action::Write { .. });
    assert!(!actions.iter().any(writes), "{actions:?}");
}

#[test]
fn nothing_is_written_to_a_relay_that_is_still_dialled() {
    let mut peer = Peer::new(Config::default());
    let mut actions = Vec::new();
    peer.start(Duration::ZERO, &mut actions);
    let [Action::DialRelay { conn: relay }] = actions[..] else { panic!("{actions:?}") };
    actions.clear();
    peer.stop(Duration::ZERO, &mut actions);
    assert!(matches!(actions[..], [Action::Close { conn }] if conn == relay), "{actions:?}");
}
