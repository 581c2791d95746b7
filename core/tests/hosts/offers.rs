//! Offers (section 17).

use std::time::{Duration, Instant};

use xcher_core::peer::{Error, Event};
use xcher_core::{Limits, MisuseError, ProtocolError, SharedFile, Size, Stat};

use crate::net::{Net, encryption, name};

fn listed(text: &str, size: u64) -> SharedFile {
    SharedFile { name: name(text), size: Size::Exact(size), stat: Stat::default() }
}

fn net(b: Option<xcher_core::peer::Encryption>) -> (Net, xcher_core::peer::SessionId) {
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("b", b)]);
    net.hosts[0].files.insert("x".into(), b"offered".into());
    let session = net.call(0, "b");
    (net, session)
}

#[test]
fn offered_files_are_fetched_or_declined() {
    let (mut net, session) = net(Some(encryption(2)));
    let files = vec![listed("x", 7), listed("y", 8)];
    net.with(0, |peer, now, actions| peer.offer(session, files, now, actions)).unwrap();
    let (theirs, _) = net.opened(1).unwrap();
    let offered: Vec<_> = net.hosts[1]
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Offered { name, size, .. } => Some((name.as_str(), size.bytes())),
            _ => None,
        })
        .collect();
    assert_eq!(offered, [("x", 7), ("y", 8)]);
    assert!(net.hosts[1].events.contains(&Event::OfferEnd { session: theirs, entries: 2 }));
    net.with(1, |peer, now, actions| peer.decline(theirs, &name("y"), now, actions)).unwrap();
    assert!(net.hosts[0].events.contains(&Event::Declined { session, name: "y".into() }));
    net.get(1, theirs, "x", 7);
    assert_eq!(net.hosts[1].stored["x"], b"offered");
    assert_eq!((net.errors(0), net.errors(1)), (vec![], vec![]));
}

#[test]
fn refusal_of_a_requested_file_does_not_decline_the_offer() {
    let (mut net, session) = net(Some(encryption(2)));
    let files = vec![listed("gone", 7)];
    net.with(0, |peer, now, actions| peer.offer(session, files, now, actions)).unwrap();
    let (theirs, _) = net.opened(1).unwrap();
    net.get(1, theirs, "gone", 7);
    assert_eq!(net.errors(1), [Error::Refused]);
    assert!(!net.hosts[0].events.iter().any(|event| matches!(event, Event::Declined { .. })));
}

/// A NO to an offer that was declined or fetched already is not taken for a question.
#[test]
fn surplus_no_has_no_effect() {
    let (mut net, session) = net(Some(encryption(2)));
    let files = vec![listed("x", 7), listed("y", 8)];
    net.with(0, |peer, now, actions| peer.offer(session, files, now, actions)).unwrap();
    let (theirs, _) = net.opened(1).unwrap();
    net.get(1, theirs, "x", 7);
    let looked_up = net.hosts[0].looked_up;
    for file in ["x", "y", "y"] {
        net.with(1, |peer, now, actions| peer.decline(theirs, &name(file), now, actions)).unwrap();
    }
    assert_eq!((net.hosts[0].looked_up, net.hosts[1].looked_up), (looked_up, 0));
    let declined = |event: &&Event| matches!(event, Event::Declined { .. });
    assert_eq!(net.hosts[0].events.iter().filter(declined).count(), 1);
    assert_eq!((net.errors(0), net.errors(1)), (vec![], vec![]));
}

#[test]
fn offers_nothing_to_an_unencrypted_peer() {
    let (mut net, session) = net(None);
    let files = vec![listed("x", 7)];
    net.with(0, |peer, now, actions| peer.offer(session, files, now, actions)).unwrap();
    let error = Error::Protocol(ProtocolError::Unencrypted);
    assert!(net.hosts[0].events.contains(&Event::NotOffered { session, error }));
    assert!(!String::from_utf8_lossy(&net.hosts[0].written).contains("X_OFFER"));
}

#[test]
fn offer_waits_for_the_connection() {
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("b", Some(encryption(2)))]);
    let nick = xcher_core::Nick::parse("b").unwrap();
    let session = net.begin(0, |peer, now, actions| {
        let session = peer.open(nick, now, actions).unwrap();
        peer.offer(session, vec![listed("x", 7)], now, actions).unwrap();
        let again = peer.offer(session, vec![listed("x", 7)], now, actions);
        assert_eq!(again, Err(MisuseError::AlreadyAsked));
        session
    });
    net.run();
    let (theirs, _) = net.opened(1).unwrap();
    let ends = |event: &&Event| **event == Event::OfferEnd { session: theirs, entries: 1 };
    assert_eq!(net.hosts[1].events.iter().filter(ends).count(), 1);
    assert!(net.opened(0).is_some_and(|(id, _)| id == session));
}

#[test]
fn too_many_offers_end_the_session() {
    let limits = Limits { entries: 3, ..Limits::default() };
    let hosts = vec![("a", Some(encryption(1))), ("b", Some(encryption(2)))];
    let mut net = Net::with_limits(hosts, limits);
    let session = net.call(0, "b");
    let files = (0..4).map(|number| listed(&number.to_string(), 1)).collect();
    net.with(0, |peer, now, actions| peer.offer(session, files, now, actions)).unwrap();
    assert_eq!(net.errors(1), [Error::Protocol(ProtocolError::ListTooLong { entries: 3 })]);
    // The limit covers many small offers as well.
    let session = net.call(0, "b");
    for number in 0..4 {
        let files = vec![listed(&number.to_string(), 1)];
        let _ = net.with(0, |peer, now, actions| peer.offer(session, files, now, actions));
    }
    assert_eq!(net.errors(1), vec![Error::Protocol(ProtocolError::ListTooLong { entries: 3 }); 2]);
}

/// Measures declining `count` offers, the last one first.
fn declined_in_reverse(count: u64) -> Duration {
    let (mut net, session) = net(Some(encryption(2)));
    let files = (0..count).map(|number| listed(&format!("{number}"), 1)).collect();
    net.with(0, |peer, now, actions| peer.offer(session, files, now, actions)).unwrap();
    let (theirs, _) = net.opened(1).unwrap();
    let began = Instant::now();
    for number in (0..count).rev() {
        let name = name(&number.to_string());
        net.with(1, |peer, now, actions| peer.decline(theirs, &name, now, actions)).unwrap();
    }
    let took = began.elapsed();
    let declined = |event: &&Event| matches!(event, Event::Declined { .. });
    assert_eq!(net.hosts[0].events.iter().filter(declined).count() as u64, count);
    took
}

#[test]
fn declining_takes_linear_time() {
    // The best of up to ten, since the machine may be busy.
    let mut best = [Duration::MAX; 2];
    for _ in 0..10 {
        best =
            [(0, 1_000), (1, 10_000)].map(|(at, count)| best[at].min(declined_in_reverse(count)));
        if best[1] < best[0] * 40 {
            return;
        }
    }
    panic!("{best:?} for 1,000 and for 10,000");
}
