//! A file that cannot be read any more when it is asked for: a NO, and nobody is connected to.

use xcher_core::peer::{Delivery, Error, Event};

use crate::net::{Net, trust};

/// Asks for a file that cannot be read: who was called of who called, or the other way round.
fn asked(of_caller: bool, private: bool) -> Net {
    let key = |number| private.then(|| trust(number));
    let mut net = Net::new(vec![("a", key(1)), ("b", Some(trust(2)))]);
    net.call(0, "b");
    let (from, to) = if of_caller { (0, 1) } else { (1, 0) };
    net.hosts[from].files.insert("x".into(), b"a file".into());
    net.hosts[from].unreadable.insert("x".into());
    let (session, _) = net.opened(to).unwrap();
    net.get(to, session, "x", 6);
    assert_eq!(net.errors(to), [Error::Refused]);
    let started = |event: &Event| matches!(event, Event::Started { .. });
    assert!(!net.hosts[from].events.iter().any(started), "nobody is connected to");
    assert!(net.listeners.is_empty(), "nobody listens any more");
    net
}

#[test]
fn what_cannot_be_read_is_refused_before_there_is_a_data_connection() {
    for of_caller in [false, true] {
        let net = asked(of_caller, true);
        let from = usize::from(!of_caller);
        let fates = net.hosts[from].events.iter().filter_map(|event| match event {
            Event::Delivered { delivery, .. } => Some(delivery.clone()),
            _ => None,
        });
        let why = Error::Unsent("it cannot be read".into());
        assert_eq!(fates.collect::<Vec<_>>(), [Delivery::Unsent(why)]);
    }
}

#[test]
fn a_requester_of_the_six_packets_gets_the_no_that_it_knows() {
    let net = asked(false, false);
    let written = String::from_utf8_lossy(&net.hosts[1].written);
    assert!(written.ends_with("X_CHK x NO\n"), "{written}");
}
