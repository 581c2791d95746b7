//! Fairness among callers (section 8).

use std::time::Duration;

use xcher_core::Limits;
use xcher_core::peer::{Error, Event, Input, TransferId};

use crate::net::{Net, encryption};

/// A provider, a greedy caller and another one, with these limits.
fn net(limits: Limits) -> Net {
    let hosts = vec![
        ("p", Some(encryption(1))),
        ("greedy", Some(encryption(2))),
        ("b", Some(encryption(3))),
    ];
    let mut net = Net::with_limits(hosts, limits);
    for number in 0..40 {
        net.hosts[0].files.insert(format!("{number}, idle"), b"1".into());
    }
    net.hosts[0].files.insert("x".into(), b"quick".into());
    net
}

fn refused(net: &Net) -> usize {
    let busy =
        |event: &&Event| matches!(event, Event::CallRefused { error: Error::TooManySessions, .. });
    net.hosts[0].events.iter().filter(busy).count()
}

/// The first transfer that the provider began.
fn first_begun(net: &Net) -> TransferId {
    let begun = net.hosts[0].events.iter().find_map(|event| match event {
        Event::Started { transfer, .. } => Some(*transfer),
        _ => None,
    });
    begun.unwrap()
}

#[test]
fn one_caller_gets_at_most_half_of_the_sessions() {
    let mut net = net(Limits { sessions: 8, ..Limits::default() });
    for _ in 0..6 {
        net.call(1, "p");
    }
    assert_eq!(refused(&net), 2);
    let session = net.call(2, "p");
    net.get(2, session, "x", 5);
    assert_eq!(net.hosts[2].stored["x"], b"quick");
    assert_eq!(refused(&net), 2);
}

#[test]
fn oldest_idle_session_makes_room() {
    let mut net = net(Limits { sessions: 8, ..Limits::default() });
    let sessions: Vec<_> = (0..4).map(|_| net.call(1, "p")).collect();
    // Keeps the first session in use.
    net.get(1, sessions[0], "0, idle", 1);
    net.wait(11);
    net.call(1, "p");
    assert_eq!(refused(&net), 0);
    let over = |event: &Event| match event {
        Event::Ended { session, .. } => sessions.iter().position(|one| one == session),
        _ => None,
    };
    let over: Vec<_> = net.hosts[1].events.iter().filter_map(over).collect();
    assert_eq!(over, [1]);
    let why =
        |event: &&Event| matches!(event, Event::Ended { error: Some(Error::TooManySessions), .. });
    assert_eq!(net.hosts[0].events.iter().filter(why).count(), 1);
}

#[test]
fn stalled_files_leave_room_for_other_callers() {
    let mut net = net(Limits { concurrent_sends: 8, transfers: 16, ..Limits::default() });
    for _ in 0..3 {
        let session = net.call(1, "p");
        for number in 0..10 {
            net.get(1, session, &format!("{number}, idle"), 1);
        }
    }
    let begun = |net: &Net| {
        let started = |event: &&Event| matches!(event, Event::Started { .. });
        net.hosts[0].events.iter().filter(started).count()
    };
    assert_eq!(begun(&net), 4, "half of the places");
    let session = net.call(2, "p");
    net.get(2, session, "x", 5);
    assert_eq!(net.hosts[2].stored["x"], b"quick");
    // A place that becomes free goes to a waiting file, in another session too.
    let before = begun(&net);
    let transfer = first_begun(&net);
    net.give(0, Input::SendEnded { transfer, bytes: 1, unsent: Vec::new(), why: None });
    net.run();
    assert_eq!(begun(&net), before + 1);
}

#[test]
fn ends_a_transfer_that_hardly_progresses() {
    let mut net = net(Limits::default());
    let session = net.call(1, "p");
    net.hosts[0].files.insert("large, idle".into(), vec![0; 1 << 20]);
    net.get(1, session, "large, idle", 1 << 20);
    let transfer = first_begun(&net);
    for minute in 1..=9 {
        net.now += Duration::from_secs(59);
        net.give(0, Input::Progress { transfer, bytes: minute });
        net.run();
        assert_eq!(net.errors(0), [], "minute {minute}");
    }
    net.now += Duration::from_secs(59);
    net.give(0, Input::Progress { transfer, bytes: 100_000 });
    net.run();
    assert_eq!(net.errors(0), [], "fast enough");
    net.now += Duration::from_secs(59);
    net.give(0, Input::Progress { transfer, bytes: 10 });
    net.run();
    assert!(matches!(net.errors(0)[..], [Error::TimedOut { .. }]), "{:?}", net.errors(0));
}
