//! Tickets: the connection that a caller accepts (section 5.5).

use std::collections::BTreeSet;

use xcher_core::peer::{Config, ConnId, Error, Event, ListenerId, PathPolicy, SessionId};
use xcher_core::{Limits, Nick};

use crate::net::{Fate, Net, encryption};

fn is_b(host: usize) -> bool {
    host == 1
}

/// A and B, which know tickets where `knows` returns true.
fn net(knows: fn(usize) -> bool) -> Net {
    net_with(Config::default(), knows)
}

fn net_with(config: Config, knows: fn(usize) -> bool) -> Net {
    let hosts = vec![("a", Some(encryption(1))), ("b", Some(encryption(2)))];
    let mut net = Net::with_tickets(hosts, &config, knows);
    net.hosts[1].files.insert("y".into(), b"of b".into());
    net
}

/// A calls B, whose network is slow: no connection has reached A's port yet.
fn call(net: &mut Net) -> (SessionId, ListenerId) {
    net.fate = |_, _, _| Fate::Lost;
    let session = net.call(0, "b");
    let listener = net.listeners.keys().next().expect("a listener").1;
    (session, listener)
}

/// A calls B, whose network is slow: the relay has the X_INIT, and its answer is under way.
fn call_unanswered(net: &mut Net) -> ListenerId {
    net.fate = |_, _, _| Fate::Lost;
    let nick = Nick::parse("b").unwrap();
    net.begin(0, |peer, now, actions| peer.open(nick, now, actions)).unwrap();
    net.run_until(|net| net.inits.first().map(drop));
    net.listeners.keys().next().expect("a listener").1
}

/// Connects an outsider that sends `says`.
fn outsider(net: &mut Net, listener: ListenerId, says: &[u8]) -> ConnId {
    let conn = net.visit(0, listener, says);
    net.run();
    conn
}

/// Connects B, with a ticket.
fn arrive(net: &mut Net, listener: ListenerId, ticket: &str) -> ConnId {
    outsider(net, listener, format!("X_TICKET {ticket}\n").as_bytes())
}

fn sent_by_a(net: &Net) -> String {
    String::from_utf8_lossy(&net.hosts[0].written).into_owned()
}

#[test]
fn callee_that_shows_the_ticket_is_accepted() {
    for via in [PathPolicy::default(), PathPolicy::Auto] {
        let mut net = net_with(Config { via, ..Config::default() }, |_| true);
        let session = net.call(0, "b");
        assert!(net.opened(0).is_some_and(|(id, _)| id == session));
        net.get(0, session, "y", 4);
        assert_eq!(net.hosts[0].stored["y"], b"of b");
        let first = String::from_utf8_lossy(&net.hosts[1].written[..35]).into_owned();
        assert_eq!(first, format!("X_TICKET {}\nX", net.drawn[0]));
        assert_eq!((net.errors(0), net.errors(1)), (vec![], vec![]));
    }
}

/// A hundred of every kind connect before the callee.
#[test]
fn outsiders_that_connect_first_are_not_accepted() {
    let mut net = net(|_| true);
    let (session, listener) = call(&mut net);
    let speak: [&[u8]; 6] = [
        b"X_CHK //xcher/2 YES\nX_CAPS secure\n",
        b"X_FILELIST\n",
        b"GET / HTTP/1.1\r\n",
        b"X_TICKET AAAAAAAAAAAAAAAAAAAAAA==\n",
        b"X_TICKET -\n",
        b"\xff",
    ];
    for number in 0..100 {
        let conn = outsider(&mut net, listener, speak[number % speak.len()]);
        assert!(net.closed_outsiders.contains(&conn), "{number}");
    }
    assert_eq!(sent_by_a(&net), "", "A sent something");
    assert!(net.opened(0).is_none());
    let notices = |event: &&Event| matches!(event, Event::Notice { .. });
    assert_eq!(net.hosts[0].events.iter().filter(notices).count(), 1);
    let ticket = net.drawn[0].clone();
    assert!(!format!("{:?}", net.hosts[0].events).contains(&ticket));
    let conn = arrive(&mut net, listener, &ticket);
    assert!(!net.closed_outsiders.contains(&conn));
    assert_eq!(sent_by_a(&net), "X_CHK //xcher/2\n");
    assert!(net.listeners.is_empty(), "a listener is left");
    net.with(0, |peer, now, actions| peer.end(session, now, actions)).unwrap();
}

/// The oldest silent connection makes room for the next.
#[test]
fn silent_outsiders_are_limited() {
    let limits = Limits { unproven_connections: 3, ..Limits::default() };
    let mut net = net_with(Config { limits, ..Config::default() }, |_| true);
    let (_, listener) = call(&mut net);
    let part: [&[u8]; 3] = [b"", b"X_TIC", b"X_TICKET AAAAAAAA"];
    let all: Vec<_> = (0..100).map(|at| outsider(&mut net, listener, part[at % 3])).collect();
    let left: BTreeSet<_> =
        all.iter().filter(|conn| !net.closed_outsiders.contains(conn)).collect();
    assert_eq!(left.into_iter().collect::<Vec<_>>(), all[97..].iter().collect::<Vec<_>>());
    assert_eq!(sent_by_a(&net), "");
    let ticket = net.drawn[0].clone();
    arrive(&mut net, listener, &ticket);
    assert_eq!(sent_by_a(&net), "X_CHK //xcher/2\n");
    assert!(all.iter().all(|conn| net.closed_outsiders.contains(conn)));
}

/// Each X_INIT has a ticket of its own.
#[test]
fn ticket_is_valid_once_and_at_its_own_listener() {
    let mut net = net(|_| true);
    let (_, first) = call(&mut net);
    net.begin(0, |peer, now, actions| peer.open(Nick::parse("b").unwrap(), now, actions)).unwrap();
    net.run();
    let second = net
        .listeners
        .keys()
        .map(|(_, listener_id)| *listener_id)
        .find(|listener_id| *listener_id != first)
        .unwrap();
    let [one, two] = [0, 1].map(|at: usize| net.drawn[at].clone());
    assert_ne!(one, two);
    let conn = arrive(&mut net, second, &one);
    assert!(net.closed_outsiders.contains(&conn), "the ticket of another call");
    arrive(&mut net, first, &one);
    let conn = arrive(&mut net, second, &one);
    assert!(net.closed_outsiders.contains(&conn));
    let conn = arrive(&mut net, second, &two);
    assert!(!net.closed_outsiders.contains(&conn));
}

/// A connection that comes before the relay's answer waits for it, and is sent nothing.
#[test]
fn nothing_is_accepted_before_the_relay_answers() {
    let mut net = net(|_| true);
    let listener = call_unanswered(&mut net);
    let conn = net.visit(0, listener, b"X_CHK //xcher/2 YES\n");
    assert_eq!(sent_by_a(&net), "");
    assert!(!net.closed_outsiders.contains(&conn));
    net.run();
    assert!(net.closed_outsiders.contains(&conn));
    assert_eq!(sent_by_a(&net), "");
}

/// The callee or the relay does not know tickets; lines sent before acceptance are not lost.
#[test]
fn first_connection_is_accepted_when_no_ticket_is_due() {
    for knows in [(|host| host == 0) as fn(usize) -> bool, is_b, |_| false] {
        let mut net = net(knows);
        let (_, listener) = call(&mut net);
        outsider(&mut net, listener, b"X_CHK //xcher/2 NO\nX_CHK a\n");
        assert!(net.opened(0).is_some());
        assert!(sent_by_a(&net).ends_with("X_CHK a NO\n"), "{}", sent_by_a(&net));
        let mut net = self::net(knows);
        let session = net.call(0, "b");
        net.get(0, session, "y", 4);
        assert_eq!(net.hosts[0].stored["y"], b"of b");
        assert!(!String::from_utf8_lossy(&net.hosts[1].written).contains("X_TICKET"));
    }
}

/// A base-protocol host may send lines before the relay has answered.
#[test]
fn lines_sent_before_acceptance_are_not_lost() {
    let mut net = net(|host| host == 0);
    let listener = call_unanswered(&mut net);
    let _ = net.visit(0, listener, b"X_CHK //xcher/2 NO\nX_CHK a\n");
    let endless = net.visit(0, listener, &[b'x'; 9000]);
    assert_eq!(sent_by_a(&net), "");
    net.run();
    assert!(net.closed_outsiders.contains(&endless), "more than a line was kept");
    assert!(sent_by_a(&net).ends_with("X_CHK a NO\n"), "{}", sent_by_a(&net));
}

/// A call whose ticket cannot arrive fails instead of accepting any connection.
#[test]
fn losing_the_relay_before_its_answer_ends_the_call() {
    let mut net = net(|_| true);
    let listener = call_unanswered(&mut net);
    let conn = net.visit(0, listener, b"");
    net.lose_relay(0);
    assert!(net.closed_outsiders.contains(&conn));
    assert!(matches!(net.errors(0)[..], [Error::RelayDisconnected]), "{:?}", net.errors(0));
}

/// The first ticket shown on either path is enough.
#[test]
fn each_path_has_its_own_ticket() {
    for by_bridge in [false, true] {
        let mut net = net_with(Config { via: PathPolicy::Auto, ..Config::default() }, |_| true);
        let (_, own) = call(&mut net);
        let outsider = outsider(&mut net, own, b"");
        net.wait_ms(1000);
        assert_eq!((net.drawn.len(), net.listeners.len()), (2, 2));
        let allocated = net
            .listeners
            .keys()
            .map(|(_, listener_id)| *listener_id)
            .find(|listener_id| *listener_id != own)
            .unwrap();
        let (listener_id, at, other) =
            if by_bridge { (allocated, 1, own) } else { (own, 0, allocated) };
        let [right, wrong] = [net.drawn[at].clone(), net.drawn[1 - at].clone()];
        let conn = arrive(&mut net, listener_id, &wrong);
        assert!(net.closed_outsiders.contains(&conn), "the ticket of the other path");
        arrive(&mut net, listener_id, &right);
        assert_eq!(sent_by_a(&net), "X_CHK //xcher/2\n");
        assert!(net.listeners.is_empty() && net.closed_outsiders.contains(&outsider), "{other:?}");
    }
}
