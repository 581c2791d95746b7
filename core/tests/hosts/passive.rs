//! The callee dials for its files too (section 15).

use xcher_core::addr::AddrError;
use xcher_core::peer::{Error, Purpose};

use crate::net::{Net, encryption, key};

const FILE: &[u8] = b"a file of A's";

/// A has called B, which requests.
fn net() -> (Net, xcher_core::peer::SessionId) {
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("b", Some(encryption(2)))]);
    net.hosts[0].files.insert("x".into(), FILE.into());
    net.call(0, "b");
    let (session, _) = net.opened(1).unwrap();
    (net, session)
}

#[test]
fn callee_fetches_a_file_without_listening() {
    let (mut net, session) = net();
    net.get(1, session, "x", FILE.len() as u64);
    assert_eq!(net.hosts[1].stored["x"], FILE);
    assert!(net.listeners.is_empty(), "a listener is left");
    // The caller listens, as in the base protocol.
    net.hosts[1].files.insert("y".into(), b"a file of B's".into());
    let (session, _) = net.opened(0).unwrap();
    net.get(0, session, "y", 13);
    assert_eq!(net.hosts[0].stored["y"], b"a file of B's");
}

#[test]
fn does_not_dial_a_system_port() {
    let (mut net, session) = net();
    net.hosts[0].port = Some(80);
    net.get(1, session, "x", FILE.len() as u64);
    assert_eq!(net.errors(1), [Error::Policy(AddrError::LowPort(80))]);
    assert!(net.hosts[1].stored.is_empty());
}

#[test]
fn closes_an_outsider_that_connects_first() {
    let (mut net, session) = net();
    let size = xcher_core::Size::Exact(FILE.len() as u64);
    let stat = xcher_core::Stat::default();
    // A listens as soon as B's packets arrive.
    net.begin(1, |peer, now, actions| {
        peer.get(session, crate::net::name("x"), size, stat, now, actions).unwrap();
    });
    let listener = net.run_until(|net| {
        let data = |(at, purpose): (usize, Purpose)| at == 0 && purpose == Purpose::Data;
        let mut listeners = net.listeners.iter();
        listeners.find(|((at, _), (_, purpose))| data((*at, *purpose))).map(|((_, id), _)| *id)
    });
    let outsider = net.outsider(0, listener);
    assert!(net.closed_outsiders.contains(&outsider));
    net.run();
    assert_eq!(net.hosts[1].stored["x"], FILE);
    assert_eq!(net.hosts[0].sent, FILE.len() as u64, "sent more than once, or not to B");
    assert_ne!(key(1), key(2));
}

#[test]
fn dials_a_requester_without_the_extension() {
    for a_knows in [false, true] {
        let a = a_knows.then(|| encryption(1));
        let b = (!a_knows).then(|| encryption(2));
        let mut net = Net::new(vec![("a", a), ("b", b)]);
        net.hosts[0].files.insert("x".into(), FILE.into());
        net.call(0, "b");
        net.wait(3);
        // In an unencrypted session B waits for a question of A's.
        let (session, _) = net.opened(0).unwrap();
        net.with(0, |peer, now, actions| peer.list(session, now, actions)).unwrap();
        let (session, _) = net.opened(1).unwrap();
        net.get(1, session, "x", FILE.len() as u64);
        assert_eq!(net.hosts[1].stored["x"], FILE);
    }
}
