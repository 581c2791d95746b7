//! Whoever was called dials for its files too (section 15).

use xcher_core::addr::AddrError;
use xcher_core::peer::{Error, Purpose};

use crate::net::{Net, key, trust};

const FILE: &[u8] = b"a file of A's";

/// A called B, and B asks.
fn net() -> (Net, xcher_core::peer::SessionId) {
    let mut net = Net::new(vec![("a", Some(trust(1))), ("b", Some(trust(2)))]);
    net.hosts[0].files.insert("x".into(), FILE.into());
    net.call(0, "b");
    let (session, _) = net.opened(1).unwrap();
    (net, session)
}

#[test]
fn who_was_called_gets_a_file_without_listening() {
    let (mut net, session) = net();
    net.get(1, session, "x", FILE.len() as u64);
    assert_eq!(net.hosts[1].stored["x"], FILE);
    assert!(net.listeners.is_empty(), "nobody listens any more");
    // The other way round it is as it always was.
    net.hosts[1].files.insert("y".into(), b"a file of B's".into());
    let (session, _) = net.opened(0).unwrap();
    net.get(0, session, "y", 13);
    assert_eq!(net.hosts[0].stored["y"], b"a file of B's");
}

#[test]
fn a_port_of_the_system_is_not_dialled() {
    let (mut net, session) = net();
    net.hosts[0].port = Some(80);
    net.get(1, session, "x", FILE.len() as u64);
    assert_eq!(net.errors(1), [Error::Policy(AddrError::LowPort(80))]);
    assert!(net.hosts[1].stored.is_empty());
}

#[test]
fn a_stranger_who_comes_first_is_shown_out() {
    let (mut net, session) = net();
    let size = xcher_core::Size::Exact(FILE.len() as u64);
    let stat = xcher_core::Stat::default();
    // B's packets are on their way; A listens as soon as it has them.
    net.begin(1, |peer, now, actions| {
        peer.get(session, crate::net::name("x"), size, stat, now, actions).unwrap();
    });
    let listener = net.run_until(|net| {
        let data = |(at, purpose): (usize, Purpose)| at == 0 && purpose == Purpose::Data;
        let mut listeners = net.listeners.iter();
        listeners.find(|((at, _), (_, purpose))| data((*at, *purpose))).map(|((_, id), _)| *id)
    });
    let stranger = net.stranger(0, listener);
    assert!(net.shown_out.contains(&stranger));
    net.run();
    assert_eq!(net.hosts[1].stored["x"], FILE);
    assert_eq!(net.hosts[0].sent, FILE.len() as u64, "once, and to B");
    assert_ne!(key(1), key(2));
}

#[test]
fn who_does_not_know_it_is_dialled() {
    for a_knows in [false, true] {
        let a = a_knows.then(|| trust(1));
        let b = (!a_knows).then(|| trust(2));
        let mut net = Net::new(vec![("a", a), ("b", b)]);
        net.hosts[0].files.insert("x".into(), FILE.into());
        net.call(0, "b");
        net.wait(3);
        // B waits for A's first packet, which in the clear is a question.
        let (session, _) = net.opened(0).unwrap();
        net.with(0, |peer, now, actions| peer.list(session, now, actions)).unwrap();
        let (session, _) = net.opened(1).unwrap();
        net.get(1, session, "x", FILE.len() as u64);
        assert_eq!(net.hosts[1].stored["x"], FILE);
    }
}
