//! What comes too late is no new question, and what just stops is no end.

use xcher_core::peer::{Event, Fault, Input, SessionId};

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
        let expected = if private { vec![Fault::Closed(None)] } else { vec![] };
        for host in 0..2 {
            assert_eq!(net.faults(host), expected);
            let events = &net.hosts[host].events;
            assert!(events.iter().any(|event| matches!(event, Event::Ended { .. })));
        }
    }
}
