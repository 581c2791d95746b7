//! Late answers, connections that close without X_END, and slow readers.

use std::time::Duration;

use xcher_core::peer::{Error, Event, Input, SessionId};

use crate::net::{Net, encryption};

/// A has called B, which shares a file.
fn two(encrypted: bool) -> (Net, SessionId) {
    let encryption_of = |number| encrypted.then(|| encryption(number));
    let mut net = Net::new(vec![("a", encryption_of(1)), ("b", encryption_of(2))]);
    let session = net.call(0, "b");
    net.hosts[1].files.insert("x".into(), vec![7; 10]);
    (net, session)
}

/// Taken for a question the NO would be answered, that answer too, and so on until a line is too long.
#[test]
fn no_to_a_cancelled_request_has_no_effect() {
    for encrypted in [false, true] {
        let (mut net, session) = two(encrypted);
        let size = xcher_core::Size::Exact(10);
        let stat = xcher_core::Stat::default();
        let transfer = net.begin(0, |peer, now, actions| {
            peer.get(session, crate::net::name("x"), size, stat, now, actions).unwrap()
        });
        // A requests the file and cancels once B has found it.
        net.run_until(|net| (net.hosts[1].looked_up > 0).then_some(()));
        net.with(0, |peer, now, actions| peer.cancel(transfer, now, actions)).unwrap();
        net.wait(1);
        assert_eq!((net.hosts[0].looked_up, net.hosts[1].looked_up), (0, 1));
        let ended = |event: &Event| matches!(event, Event::Ended { .. });
        assert!(net.hosts.iter().all(|host| !host.events.iter().any(ended)), "the session ended");
        // The file can still be fetched.
        net.get(0, session, "x", 10);
        assert_eq!(net.hosts[0].stored["x"], [7; 10]);
        net.give(0, Input::Tick);
    }
}

/// In an unencrypted session a peer may just close. In an encrypted one only X_END is an end,
/// because anyone on the path can close a connection.
#[test]
fn close_without_end_is_a_cut_in_an_encrypted_session() {
    for encrypted in [false, true] {
        let (mut net, session) = two(encrypted);
        net.get(0, session, "x", 10);
        assert_eq!(net.hosts[0].stored.len(), 1, "the file was not stored");
        net.close_all();
        let expected = if encrypted { vec![Error::Closed(None)] } else { vec![] };
        for host in 0..2 {
            assert_eq!(net.errors(host), expected);
            let events = &net.hosts[host].events;
            assert!(events.iter().any(|event| matches!(event, Event::Ended { .. })));
        }
    }
}

/// A transfer does not time out while the local reader takes nothing.
#[test]
fn slow_reader_is_not_blamed_on_the_peer() {
    let (mut net, session) = two(true);
    for file in ["a, idle", "b, idle"] {
        net.hosts[1].files.insert(file.into(), vec![7; 10]);
        net.get(0, session, file, 10);
    }
    net.hosts[1].slow = true;
    net.with(0, |peer, now, actions| peer.list(session, now, actions)).unwrap();
    let transfers: Vec<_> = net.hosts[0].receiving.keys().copied().collect();
    assert_eq!(transfers.len(), 2);
    for _ in 0..3 {
        // All deadlines pass at the same moment.
        net.now += Duration::from_secs(60);
        for &transfer in &transfers {
            net.give(0, Input::Backpressure { transfer });
        }
        net.give(0, Input::ListBackpressure { session });
        net.wait(0);
        assert_eq!(net.errors(0), []);
    }
    let progressed = |event: &Event| matches!(event, Event::Progress { .. });
    assert!(!net.hosts[0].events.iter().any(progressed), "progress was reported");
    // Without backpressure the peer is late.
    net.wait(60);
    let incomplete = |error: &Error| matches!(error, Error::Incomplete { got: 0, .. });
    assert_eq!(net.errors(0).iter().filter(|error| incomplete(error)).count(), 2);
    assert!(net.errors(0).iter().any(|error| matches!(error, Error::TimedOut { .. })));
}
