//! Callees that decline, and what their callers learn (section 5.13).

use xcher_core::peer::{CallPolicy, Config, Error, Event, SessionId};

use crate::net::{Fate, Net, encryption};

fn net(calls: CallPolicy, tickets: fn(usize) -> bool) -> Net {
    let hosts = vec![("a", Some(encryption(1))), ("b", Some(encryption(2)))];
    Net::with_tickets(hosts, &Config { calls, ..Config::default() }, tickets)
}

/// The call that a host asks its user about.
fn asked(net: &Net, host: usize) -> SessionId {
    let calls = net.hosts[host].events.iter().rev();
    let mut calls = calls.filter_map(|event| match event {
        Event::Call { session, .. } => Some(*session),
        _ => None,
    });
    calls.next().expect("a call")
}

/// The reasons why calls of a host failed.
fn failures(net: &Net, host: usize) -> Vec<(SessionId, Error)> {
    let failure = |event: &Event| match event {
        Event::OpenFailed { session, error } => Some((*session, error.clone())),
        _ => None,
    };
    net.hosts[host].events.iter().filter_map(failure).collect()
}

#[test]
fn a_caller_learns_at_once_that_its_call_is_declined() {
    let mut net = net(CallPolicy::Ask, |_| true);
    let session = net.call(0, "b");
    let call = asked(&net, 1);
    net.with(1, |peer, now, actions| peer.reject(call, now, actions)).unwrap();
    assert_eq!(net.declined, net.drawn);
    assert_eq!(failures(&net, 0), [(session, Error::CallDeclined)]);
    assert_eq!(failures(&net, 1), [(call, Error::Declined)]);
    assert!(net.listeners.is_empty() && net.dials.is_empty());
    // The next one is another call.
    let session = net.call(0, "b");
    let call = asked(&net, 1);
    net.with(1, |peer, now, actions| peer.accept(call, now, actions)).unwrap();
    assert_eq!(net.opened(0).map(|(id, _)| id), Some(session));
}

/// A user answers for all calls of a nick that have come by then, and sees one of them (section 10.4): the caller learns
/// it of each, so that it can call again.
#[test]
fn a_call_that_comes_just_before_the_answer_is_declined_with_the_one_shown() {
    let mut net = net(CallPolicy::Ask, |_| true);
    let first = net.call(0, "b");
    let call = asked(&net, 1);
    let second = net.call(0, "b");
    assert_eq!(asked(&net, 1), call, "asked twice");
    net.with(1, |peer, now, actions| peer.reject(call, now, actions)).unwrap();
    let declined = [first, second].map(|session| (session, Error::CallDeclined));
    assert_eq!((failures(&net, 0), &net.declined), (declined.into(), &net.drawn));
    // The one that comes just after it is shown.
    net.call(0, "b");
    assert_ne!(asked(&net, 1), call);
}

#[test]
fn a_host_that_ignores_calls_declines_each() {
    let mut net = net(CallPolicy::Ignore, |_| true);
    let session = net.call(0, "b");
    assert_eq!(failures(&net, 0), [(session, Error::CallDeclined)]);
    assert!(net.hosts[1].events.iter().all(|event| !matches!(event, Event::Call { .. })));
    assert!(net.dials.is_empty());
}

#[test]
fn nothing_is_sent_without_a_ticket() {
    for tickets in [|_| false, |host| host == 0, |host| host == 1] as [fn(usize) -> bool; 3] {
        let mut net = net(CallPolicy::Ask, tickets);
        net.call(0, "b");
        let call = asked(&net, 1);
        net.with(1, |peer, now, actions| peer.reject(call, now, actions)).unwrap();
        assert_eq!((net.declined.len(), failures(&net, 0)), (0, vec![]));
        net.wait(31);
        assert!(matches!(failures(&net, 0)[..], [(_, Error::TimedOut { .. })]));
    }
}

#[test]
fn a_caller_ignores_declines_of_other_calls_and_of_those_that_are_over() {
    let mut net = net(CallPolicy::Accept, |_| true);
    net.fate = |_, _, _| Fate::Lost;
    net.call(0, "b");
    let ticket = net.drawn[0].clone();
    for other in ["AAAAAAAAAAAAAAAAAAAAAA==", "-", "x", &ticket[1..]] {
        net.relay_says(0, &format!("X_DECLINE {other}\n"));
    }
    assert_eq!(failures(&net, 0), []);
    net.fate = |_, _, _| Fate::Connected;
    net.call(0, "b");
    assert!(net.opened(0).is_some());
    let ticket = net.drawn.last().unwrap().clone();
    net.relay_says(0, &format!("X_DECLINE {ticket}\n"));
    assert_eq!(failures(&net, 0), []);
    net.relay_says(0, &format!("X_DECLINE {}\n", net.drawn[0]).repeat(2));
    assert_eq!(failures(&net, 0).len(), 1);
}
