//! What comes too late is no new question, and what just stops is no end.

use std::time::Duration;

use xcher_core::peer::{Error, Event, Input, SessionId};

use crate::net::{Net, trust};

/// A has called B, which has a file.
fn two(private: bool) -> (Net, SessionId) {
    let trusted = |number| private.then(|| trust(number));
    let mut net = Net::new(vec![("a", trusted(1)), ("b", trusted(2))]);
    let session = net.call(0, "b");
    net.hosts[1].files.insert("x".into(), vec![7; 10]);
    (net, session)
}

/// A NO to what was given up meanwhile is passed over. Taken for a question it would be answered, that
/// answer too, and so on until a line is too long.
#[test]
fn a_no_to_what_was_given_up_leads_to_nothing() {
    for private in [false, true] {
        let (mut net, session) = two(private);
        let size = xcher_core::Size::Exact(10);
        let stat = xcher_core::Stat::default();
        let transfer = net.begin(0, |peer, now, actions| {
            peer.get(session, crate::net::name("x"), size, stat, now, actions).unwrap()
        });
        // It is asked for, B has found it, and A changes its mind.
        net.run_until(|net| (net.hosts[1].looked_up > 0).then_some(()));
        net.with(0, |peer, now, actions| peer.cancel(transfer, now, actions)).unwrap();
        net.wait(1);
        assert_eq!((net.hosts[0].looked_up, net.hosts[1].looked_up), (0, 1));
        let ended = |event: &Event| matches!(event, Event::Ended { .. });
        assert!(net.hosts.iter().all(|host| !host.events.iter().any(ended)), "the session stands");
        // The file can still be had.
        net.get(0, session, "x", 10);
        assert_eq!(net.hosts[0].stored["x"], [7; 10]);
        net.give(0, Input::Tick);
    }
}

/// In the clear a peer may just close. In private only X_END is an end: anyone can close a connection.
#[test]
fn in_private_a_close_without_a_word_is_a_cut() {
    for private in [false, true] {
        let (mut net, session) = two(private);
        net.get(0, session, "x", 10);
        assert_eq!(net.hosts[0].stored.len(), 1, "nothing is open any more");
        net.close_all();
        let expected = if private { vec![Error::Closed(None)] } else { vec![] };
        for host in 0..2 {
            assert_eq!(net.errors(host), expected);
            let events = &net.hosts[host].events;
            assert!(events.iter().any(|event| matches!(event, Event::Ended { .. })));
        }
    }
}

/// Whoever is late is not the other side, where it is the reader here who takes nothing.
#[test]
fn a_slow_reader_is_not_the_other_sides_fault() {
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
        // All are late at the same moment.
        net.now += Duration::from_secs(60);
        for &transfer in &transfers {
            net.give(0, Input::Backpressure { transfer });
        }
        net.give(0, Input::ListBackpressure { session });
        net.wait(0);
        assert_eq!(net.errors(0), []);
    }
    let told = |event: &Event| matches!(event, Event::Progress { .. });
    assert!(!net.hosts[0].events.iter().any(told), "nothing moved, and nothing is said to have");
    // They read on, and now it is the other side.
    net.wait(60);
    let incomplete = |error: &Error| matches!(error, Error::Incomplete { got: 0, .. });
    assert_eq!(net.errors(0).iter().filter(|error| incomplete(error)).count(), 2);
    assert!(net.errors(0).iter().any(|error| matches!(error, Error::TimedOut { .. })));
}
