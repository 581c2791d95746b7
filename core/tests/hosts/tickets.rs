//! Who is taken for whom this host called (section 5.5).

use std::collections::BTreeSet;

use xcher_core::peer::{Config, ConnId, Error, Event, ListenerId, PathPolicy, SessionId};
use xcher_core::{Limits, Nick};

use crate::net::{Fate, Net, trust};

fn is_b(host: usize) -> bool {
    host == 1
}

/// A and B; the relay hands tickets to those that `knows` says.
fn net(knows: fn(usize) -> bool) -> Net {
    net_with(Config::default(), knows)
}

fn net_with(config: Config, knows: fn(usize) -> bool) -> Net {
    let hosts = vec![("a", Some(trust(1))), ("b", Some(trust(2)))];
    let mut net = Net::with_tickets(hosts, &config, knows);
    net.hosts[1].files.insert("y".into(), b"of b".into());
    net
}

/// A calls B, whose network is slow: nothing has come to A's port yet.
fn call(net: &mut Net) -> (SessionId, ListenerId) {
    net.fate = |_, _, _| Fate::Lost;
    let session = net.call(0, "b");
    let listener = net.listeners.keys().next().expect("a listener").1;
    (session, listener)
}

/// A calls B, whose network is slow: the relay got the X_INIT, and its answer is on its way.
fn asked(net: &mut Net) -> ListenerId {
    net.fate = |_, _, _| Fate::Lost;
    let nick = Nick::parse("b").unwrap();
    net.begin(0, |peer, now, actions| peer.open(nick, now, actions)).unwrap();
    net.run_until(|net| net.inits.first().map(drop));
    net.listeners.keys().next().expect("a listener").1
}

/// A stranger comes, and says this.
fn stranger(net: &mut Net, listener: ListenerId, says: &[u8]) -> ConnId {
    let conn = net.visit(0, listener, says);
    net.run();
    conn
}

/// B comes at last.
fn arrive(net: &mut Net, listener: ListenerId, ticket: &str) -> ConnId {
    stranger(net, listener, format!("X_TICKET {ticket}\n").as_bytes())
}

fn said_to(net: &Net) -> String {
    String::from_utf8_lossy(&net.hosts[0].written).into_owned()
}

#[test]
fn who_was_called_shows_the_ticket_and_is_taken() {
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

/// A hundred of them, of every kind, each before whoever was called.
#[test]
fn strangers_who_come_first_are_not_taken() {
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
        let conn = stranger(&mut net, listener, speak[number % speak.len()]);
        assert!(net.shown_out.contains(&conn), "{number}");
    }
    assert_eq!(said_to(&net), "", "nobody is asked anything");
    assert!(net.opened(0).is_none());
    let notices = |event: &&Event| matches!(event, Event::Notice { .. });
    assert_eq!(net.hosts[0].events.iter().filter(notices).count(), 1);
    let ticket = net.drawn[0].clone();
    assert!(!format!("{:?}", net.hosts[0].events).contains(&ticket));
    let conn = arrive(&mut net, listener, &ticket);
    assert!(!net.shown_out.contains(&conn));
    assert_eq!(said_to(&net), "X_CHK //xcher/2\n");
    assert!(net.listeners.is_empty(), "nobody else is waited for");
    net.with(0, |peer, now, actions| peer.end(session, now, actions)).unwrap();
}

/// Those who say nothing take no more than their places, and the oldest of them gives way.
#[test]
fn silent_strangers_take_no_more_than_their_places() {
    let limits = Limits { unproven_connections: 3, ..Limits::default() };
    let mut net = net_with(Config { limits, ..Config::default() }, |_| true);
    let (_, listener) = call(&mut net);
    let part: [&[u8]; 3] = [b"", b"X_TIC", b"X_TICKET AAAAAAAA"];
    let all: Vec<_> = (0..100).map(|at| stranger(&mut net, listener, part[at % 3])).collect();
    let left: BTreeSet<_> = all.iter().filter(|conn| !net.shown_out.contains(conn)).collect();
    assert_eq!(left.into_iter().collect::<Vec<_>>(), all[97..].iter().collect::<Vec<_>>());
    assert_eq!(said_to(&net), "");
    let ticket = net.drawn[0].clone();
    arrive(&mut net, listener, &ticket);
    assert_eq!(said_to(&net), "X_CHK //xcher/2\n");
    assert!(all.iter().all(|conn| net.shown_out.contains(conn)));
}

/// Each X_INIT has a ticket of its own, and each is good once, at its own door.
#[test]
fn a_ticket_is_good_once_and_at_its_own_door() {
    let mut net = net(|_| true);
    let (_, first) = call(&mut net);
    net.begin(0, |peer, now, actions| peer.open(Nick::parse("b").unwrap(), now, actions)).unwrap();
    net.run();
    let second = net.listeners.keys().map(|(_, door)| *door).find(|door| *door != first).unwrap();
    let [one, two] = [0, 1].map(|at: usize| net.drawn[at].clone());
    assert_ne!(one, two);
    let conn = arrive(&mut net, second, &one);
    assert!(net.shown_out.contains(&conn), "of another call");
    arrive(&mut net, first, &one);
    let conn = arrive(&mut net, second, &one);
    assert!(net.shown_out.contains(&conn));
    let conn = arrive(&mut net, second, &two);
    assert!(!net.shown_out.contains(&conn));
}

/// What comes before the relay's answer waits for it, whatever it says, and is not asked either.
#[test]
fn nobody_is_taken_before_the_relay_has_said_who_comes() {
    let mut net = net(|_| true);
    let listener = asked(&mut net);
    let conn = net.visit(0, listener, b"X_CHK //xcher/2 YES\n");
    assert_eq!(said_to(&net), "");
    assert!(!net.shown_out.contains(&conn));
    net.run();
    assert!(net.shown_out.contains(&conn));
    assert_eq!(said_to(&net), "");
}

/// A host of the base protocol, or a relay that knows no tickets: as ever, and nothing that was said
/// before is lost.
#[test]
fn where_no_ticket_is_due_who_comes_is_taken() {
    for knows in [(|host| host == 0) as fn(usize) -> bool, is_b, |_| false] {
        let mut net = net(knows);
        let (_, listener) = call(&mut net);
        stranger(&mut net, listener, b"X_CHK //xcher/2 NO\nX_CHK a\n");
        assert!(net.opened(0).is_some());
        assert!(said_to(&net).ends_with("X_CHK a NO\n"), "{}", said_to(&net));
        let mut net = self::net(knows);
        let session = net.call(0, "b");
        net.get(0, session, "y", 4);
        assert_eq!(net.hosts[0].stored["y"], b"of b");
        assert!(!String::from_utf8_lossy(&net.hosts[1].written).contains("X_TICKET"));
    }
}

/// What a host of the base protocol said while the relay had not answered is heard.
#[test]
fn what_was_said_while_nobody_was_taken_is_not_lost() {
    let mut net = net(|host| host == 0);
    let listener = asked(&mut net);
    let _ = net.visit(0, listener, b"X_CHK //xcher/2 NO\nX_CHK a\n");
    let endless = net.visit(0, listener, &[b'x'; 9000]);
    assert_eq!(said_to(&net), "");
    net.run();
    assert!(net.shown_out.contains(&endless), "what is held is bounded");
    assert!(said_to(&net).ends_with("X_CHK a NO\n"), "{}", said_to(&net));
}

/// A call whose ticket cannot come any more fails, and is not opened to everyone.
#[test]
fn a_link_that_is_lost_before_the_answer_ends_the_call() {
    let mut net = net(|_| true);
    let listener = asked(&mut net);
    let conn = net.visit(0, listener, b"");
    net.lose_relay(0);
    assert!(net.shown_out.contains(&conn));
    assert!(matches!(net.errors(0)[..], [Error::RelayDisconnected]), "{:?}", net.errors(0));
}

/// Both ways to one call have a ticket each, and the first that is shown is enough.
#[test]
fn each_way_has_its_own_ticket() {
    for by_bridge in [false, true] {
        let mut net = net_with(Config { via: PathPolicy::Auto, ..Config::default() }, |_| true);
        let (_, own) = call(&mut net);
        let stranger = stranger(&mut net, own, b"");
        net.wait_ms(1500);
        assert_eq!((net.drawn.len(), net.listeners.len()), (2, 2));
        let lent = net.listeners.keys().map(|(_, door)| *door).find(|door| *door != own).unwrap();
        let (door, at, other) = if by_bridge { (lent, 1, own) } else { (own, 0, lent) };
        let [right, wrong] = [net.drawn[at].clone(), net.drawn[1 - at].clone()];
        let conn = arrive(&mut net, door, &wrong);
        assert!(net.shown_out.contains(&conn), "of the other way");
        arrive(&mut net, door, &right);
        assert_eq!(said_to(&net), "X_CHK //xcher/2\n");
        assert!(net.listeners.is_empty() && net.shown_out.contains(&stranger), "{other:?}");
    }
}
