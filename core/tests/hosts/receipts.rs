//! Reports of what became of the files that a host sent (section 19).

use xcher_core::NotStored;
use xcher_core::peer::{Delivery, Error, Event, Input, TransferId};
use xcher_core::session::Want;

use crate::net::{Net, encryption, name};

/// The deliveries that a host reported to its user.
fn fates(net: &Net, host: usize) -> Vec<(&str, u64, &Delivery)> {
    let fate = |event| match event {
        &Event::Delivered { ref name, bytes, ref delivery, .. } => {
            Some((name.as_str(), bytes, delivery))
        }
        _ => None,
    };
    net.hosts[host].events.iter().filter_map(fate).collect()
}

fn net() -> Net {
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("b", Some(encryption(2)))]);
    net.hosts[1].files.insert("x".into(), b"receipt".into());
    net
}

/// A has received x and not stored it yet.
fn received(net: &mut Net) -> TransferId {
    let session = net.call(0, "b");
    net.hosts[0].delays_storing = true;
    net.get(0, session, "x", 7);
    net.hosts[0].unstored.pop().unwrap()
}

#[test]
fn file_counts_as_stored_once_the_peer_reports_it() {
    let mut net = net();
    let transfer = received(&mut net);
    let finished = |event: &Event| matches!(event, Event::Finished { .. });
    assert!(net.hosts[1].events.iter().any(finished), "not all bytes were sent");
    assert_eq!(fates(&net, 1), []);
    net.give(0, Input::Stored { transfer, name: name("x") });
    net.run();
    assert_eq!(fates(&net, 1), [("x", 7, &Delivery::Stored)]);
}

/// Files that are stored together, later, make room for those after them, and none is confirmed before.
#[test]
fn deferred_files_make_room_and_are_confirmed_once_stored() {
    const FILES: usize = 40;
    let mut net = net();
    let session = net.call(0, "b");
    net.hosts[0].delays_storing = true;
    for at in 0..FILES {
        let file = format!("file {at}");
        net.hosts[1].files.insert(file.clone(), b"receipt".into());
        net.get(0, session, &file, 7);
    }
    let limit = xcher_core::Limits::default().transfers;
    assert_eq!(net.hosts[0].unstored.len(), limit, "more than the limit came at once");
    for at in 0..FILES {
        let transfer = net.hosts[0].unstored[at];
        for _ in 0..2 {
            net.give(0, Input::Deferred { transfer });
            net.run();
        }
        let arrived = net.hosts[0].unstored.len();
        assert_eq!(arrived, (limit + at + 1).min(FILES), "after {} were deferred", at + 1);
    }
    assert_eq!(fates(&net, 1), [], "confirmed before they were stored");
    for transfer in std::mem::take(&mut net.hosts[0].unstored) {
        net.give(0, Input::Stored { transfer, name: name("x") });
    }
    net.run();
    assert_eq!(fates(&net, 1).len(), FILES);
    assert!(fates(&net, 1).iter().all(|(_, _, fate)| **fate == Delivery::Stored));
    // Later files take their places again.
    for at in 0..FILES {
        net.get(0, session, &format!("file {at}"), 7);
    }
    assert_eq!(net.hosts[0].unstored.len(), limit);
}

#[test]
fn reason_for_not_storing_reaches_the_sender() {
    let mut net = net();
    let transfer = received(&mut net);
    let (reason, why) = (NotStored::Space, "no space left on device".into());
    net.give(0, Input::StoreFailed { transfer, reason, why });
    net.run();
    assert_eq!(fates(&net, 1), [("x", 7, &Delivery::NotStored(NotStored::Space))]);
    let why = "no space left on device".into();
    assert_eq!(net.errors(0), [Error::NotStored { reason: NotStored::Space, why }]);
}

#[test]
fn unconfirmed_file_is_not_counted_when_the_session_ends() {
    let mut net = net();
    received(&mut net);
    let (theirs, _) = net.opened(1).unwrap();
    net.with(1, |peer, now, actions| peer.end(theirs, now, actions)).unwrap();
    assert_eq!(fates(&net, 1), [("x", 7, &Delivery::Unconfirmed)]);
    let ended = net.hosts[1].events.iter().position(|event| matches!(event, Event::Ended { .. }));
    let fate =
        net.hosts[1].events.iter().position(|event| matches!(event, Event::Delivered { .. }));
    assert!(fate < ended, "reported after the end of the session");
}

#[test]
fn base_protocol_peer_sends_no_receipt() {
    let mut net = Net::new(vec![("a", None), ("b", Some(encryption(2)))]);
    net.hosts[1].files.insert("x".into(), b"receipt".into());
    let session = net.call(0, "b");
    net.get(0, session, "x", 7);
    assert_eq!(fates(&net, 1), [("x", 7, &Delivery::HandedOver)]);
    net.with(0, |peer, now, actions| peer.want(session, Want::default(), now, actions)).unwrap();
    let written = String::from_utf8_lossy(&net.hosts[0].written).into_owned();
    assert!(!written.contains("X_STORED") && !written.contains("X_WANT"), "{written}");
}

#[test]
fn changed_file_is_reported_as_not_sent() {
    let mut net = net();
    let session = net.call(0, "b");
    net.get(0, session, "x", 6);
    net.get(0, session, "gone", 6);
    let fates = fates(&net, 1);
    let [("x", 0, Delivery::Unsent(_)), ("gone", 0, Delivery::Unsent(_))] = fates[..] else {
        panic!("expected two files that were not sent, got {fates:?}");
    };
    assert_eq!(net.errors(0), [Error::Refused, Error::Refused]);
}

#[test]
fn cancelled_file_is_reported_as_cancelled() {
    let mut net = net();
    let transfer = received(&mut net);
    net.with(0, |peer, now, actions| peer.cancel(transfer, now, actions)).unwrap();
    assert_eq!(fates(&net, 1), [("x", 7, &Delivery::NotStored(NotStored::Cancelled))]);
}

#[test]
fn number_of_wanted_files_reaches_the_sender() {
    let mut net = net();
    let session = net.call(0, "b");
    let want = Want { files: 3, bytes: 21, already_stored: 1 };
    net.with(0, |peer, now, actions| peer.want(session, want, now, actions)).unwrap();
    let (session, _) = net.opened(1).unwrap();
    assert!(net.hosts[1].events.contains(&Event::Wanted { session, want }));
}

#[test]
fn skipped_file_is_named_with_the_reason() {
    let mut net = net();
    let session = net.call(0, "b");
    net.run();
    net.with(0, |peer, now, actions| {
        peer.skip(session, &name("x"), NotStored::Name, now, actions).unwrap();
    });
    net.run();
    assert_eq!(fates(&net, 1), [("x", 0, &Delivery::NotStored(NotStored::Name))]);
}

#[test]
fn base_protocol_peer_is_not_sent_skipped_files() {
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("b", None)]);
    let session = net.call(0, "b");
    net.run();
    let written = net.hosts[0].written.len();
    net.with(0, |peer, now, actions| {
        peer.skip(session, &name("x"), NotStored::Name, now, actions).unwrap();
    });
    net.run();
    assert_eq!(net.hosts[0].written.len(), written);
}

#[test]
fn file_cancelled_before_its_request_is_named() {
    let mut net = net();
    let session = net.call(0, "b");
    net.run();
    // The lookup of a partial file takes time.
    net.hosts[0].slow = true;
    let (size, stat) = (xcher_core::Size::Exact(7), xcher_core::Stat::default());
    let transfer = net.with(0, |peer, now, actions| {
        peer.get(session, name("x"), size, stat, now, actions).unwrap()
    });
    net.with(0, |peer, now, actions| peer.cancel(transfer, now, actions)).unwrap();
    net.run();
    assert_eq!(fates(&net, 1), [("x", 0, &Delivery::NotStored(NotStored::Cancelled))]);
}
