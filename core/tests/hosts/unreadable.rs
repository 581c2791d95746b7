//! Files that cannot be read when they are requested get a NO and no connection.

use xcher_core::peer::{Delivery, Error, Event};

use crate::net::{Net, encryption};

/// Requests an unreadable file: the callee from the caller, or the other way round.
fn requested(of_caller: bool, encrypted: bool) -> Net {
    let key = |number| encrypted.then(|| encryption(number));
    let mut net = Net::new(vec![("a", key(1)), ("b", Some(encryption(2)))]);
    net.call(0, "b");
    let (from, to) = if of_caller { (0, 1) } else { (1, 0) };
    net.hosts[from].files.insert("x".into(), b"a file".into());
    net.hosts[from].unreadable.insert("x".into());
    let (session, _) = net.opened(to).unwrap();
    net.get(to, session, "x", 6);
    assert_eq!(net.errors(to), [Error::Refused]);
    let started = |event: &Event| matches!(event, Event::Started { .. });
    assert!(!net.hosts[from].events.iter().any(started), "a transfer started");
    assert!(net.listeners.is_empty(), "a listener is left");
    net
}

#[test]
fn unreadable_file_is_refused_before_a_data_connection() {
    for of_caller in [false, true] {
        let net = requested(of_caller, true);
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
fn base_protocol_requester_gets_a_chk_no() {
    let net = requested(false, false);
    let written = String::from_utf8_lossy(&net.hosts[1].written);
    assert!(written.ends_with("X_CHK x NO\n"), "{written}");
}
