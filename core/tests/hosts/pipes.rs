//! Files of unknown size (section 2.4).

use xcher_core::peer::{Error, Event, SessionId, TransferId};
use xcher_core::{SharedFile, Size, Stat};

use crate::net::{Net, encryption, name};

const BYTES: &[u8] = b"what came from a pipe";

/// A shares a pipe, and B has called.
fn net(encrypted: bool) -> (Net, SessionId) {
    let maybe = |number| encrypted.then(|| encryption(number));
    let mut net = Net::new(vec![("a", maybe(1)), ("b", maybe(2)), ("c", maybe(3))]);
    net.hosts[0].files.insert("pipe".into(), BYTES.into());
    let session = net.call(1, "a");
    (net, session)
}

fn get(net: &mut Net, host: usize, session: SessionId) -> TransferId {
    net.with(host, |peer, now, actions| {
        peer.get(session, name("pipe"), Size::UNKNOWN, Stat::default(), now, actions).unwrap()
    })
}

#[test]
fn pipe_is_sent_completely_and_once() {
    for encrypted in [false, true] {
        let (mut net, session) = net(encrypted);
        get(&mut net, 1, session);
        assert_eq!(net.hosts[1].stored["pipe"], BYTES);
        let delivered = net.hosts[0].events.iter().find_map(|event| match event {
            Event::Delivered { bytes, .. } => Some(*bytes),
            _ => None,
        });
        assert_eq!(delivered, Some(BYTES.len() as u64), "encrypted: {encrypted}");
        let written = String::from_utf8_lossy(&net.hosts[1].written).into_owned();
        assert!(encrypted || written.contains("X_REQUEST pipe 0tb "), "{written}");
        // It is refused the second time, and to another caller.
        get(&mut net, 1, session);
        let other = net.call(2, "a");
        get(&mut net, 2, other);
        assert_eq!((net.errors(1), net.errors(2)), (vec![Error::Refused], vec![Error::Refused]));
        net.with(2, |peer, now, actions| peer.check(other, name("pipe"), now, actions)).unwrap();
        let no = Event::Checked { session: other, name: "pipe".into(), yes: false };
        assert!(net.hosts[2].events.contains(&no), "{:?}", net.hosts[2].events);
    }
}

#[test]
fn requested_size_is_not_compared() {
    for asked in ["0TB", "700mb", "21"] {
        let (mut net, session) = net(true);
        let size = Size::parse(asked).unwrap();
        net.with(1, |peer, now, actions| {
            peer.get(session, name("pipe"), size, Stat::default(), now, actions).unwrap()
        });
        assert_eq!(net.hosts[1].stored["pipe"], BYTES, "{asked}");
    }
}

#[test]
fn pipe_is_not_resumed() {
    let (mut net, session) = net(true);
    // B has a beginning of it.
    net.hosts[1].partials.insert("pipe".into(), BYTES[..4].into());
    net.get(1, session, "pipe", BYTES.len() as u64);
    assert_eq!(net.hosts[1].stored["pipe"], BYTES, "requested completely after the NO");
    assert_eq!(net.hosts[0].sent, BYTES.len() as u64);
}

#[test]
fn pipe_is_offered_with_unknown_size() {
    let (mut net, session) = net(true);
    let files = vec![SharedFile { name: name("pipe"), size: Size::UNKNOWN, stat: Stat::default() }];
    let (theirs, _) = net.opened(0).unwrap();
    net.with(0, |peer, now, actions| peer.offer(theirs, files, now, actions)).unwrap();
    let offered = net.hosts[1].events.iter().any(|event| match event {
        Event::Offered { session: of, size, .. } => *of == session && size.is_unknown(),
        _ => false,
    });
    assert!(offered, "{:?}", net.hosts[1].events);
}

#[test]
fn failed_connection_does_not_use_up_the_pipe() {
    let (mut net, session) = net(false);
    // A system port is refused before any byte is sent.
    net.hosts[1].port = Some(80);
    get(&mut net, 1, session);
    assert_eq!(net.errors(1), [Error::Refused]);
    net.hosts[1].port = Some(30_000);
    // Nothing listens on the port when it is dialled.
    let id = net.begin(1, |peer, now, actions| {
        peer.get(session, name("pipe"), Size::UNKNOWN, Stat::default(), now, actions).unwrap()
    });
    net.run_until(|net| {
        let written = String::from_utf8_lossy(&net.hosts[1].written);
        written.contains(" 30000\n").then_some(())
    });
    net.listeners.clear();
    net.run();
    assert!(net.errors(1).contains(&Error::Refused), "{id:?}: {:?}", net.errors(1));
    net.hosts[1].port = Some(30_001);
    get(&mut net, 1, session);
    assert_eq!(net.hosts[1].stored["pipe"], BYTES);
}

#[test]
fn pipe_may_stall_while_its_session_is_open() {
    let (mut net, session) = net(true);
    net.hosts[0].files.insert("pipe, idle".into(), BYTES.into());
    net.with(1, |peer, now, actions| {
        peer.get(session, name("pipe, idle"), Size::UNKNOWN, Stat::default(), now, actions).unwrap()
    });
    net.wait(24 * 60 * 60);
    assert_eq!((net.errors(0), net.errors(1)), (vec![], vec![]));
    net.cut_all();
    let failed = |net: &Net, host: usize| {
        let failed = |event: &&Event| matches!(event, Event::Failed { .. });
        net.hosts[host].events.iter().filter(failed).count()
    };
    net.wait(59);
    assert_eq!((failed(&net, 0), failed(&net, 1)), (0, 0));
    net.wait(2);
    assert_eq!((failed(&net, 0), failed(&net, 1)), (1, 1));
}
