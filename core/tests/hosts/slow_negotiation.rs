//! A probe, or its answer, that is late: silence is no answer (section 9.2).

use std::time::Duration;

use xcher_core::peer::{Config, Error, Event, Notice, Security, SessionId, Wait};

use crate::net::{Net, encryption};

const PROBE: &str = "X_CHK //xcher/2";
const YES: &str = "X_CHK //xcher/2 YES\n";

/// A calls B and wants its list, over a network in which the bytes of one are late.
fn call(late: usize, tickets: bool, b_encrypts: bool) -> (Net, SessionId) {
    let b = b_encrypts.then(|| encryption(2));
    let hosts = vec![("a", Some(encryption(1))), ("b", b)];
    let tickets = if tickets { |_| true } else { |_| false };
    let mut net = Net::with_tickets(hosts, &Config::default(), tickets);
    net.delays = [|host| host == 0, |host| host == 1][late];
    let session = net.call(0, "b");
    net.with(0, |peer, now, actions| peer.list(session, now, actions)).unwrap();
    (net, session)
}

/// Lets time pass as a driver does, which calls again and again.
fn wait(net: &mut Net, seconds: u64) {
    for _ in 0..seconds {
        net.wait(1);
    }
}

/// What A and B have sent each other, without tickets.
fn said(net: &Net) -> [String; 2] {
    [0, 1].map(|host| {
        let text = String::from_utf8_lossy(&net.hosts[host].written).into_owned();
        text.lines().filter(|line| !line.starts_with("X_TICKET")).collect::<Vec<_>>().join("\n")
    })
}

/// Returns true if a host has reported a session, or that there will be none.
fn has_reported(net: &Net, host: usize) -> bool {
    let is_report = |event: &Event| {
        matches!(event, Event::Opened { .. } | Event::OpenFailed { .. } | Event::Ended { .. })
    };
    net.hosts[host].events.iter().any(is_report)
}

fn is_encrypted(net: &Net, host: usize) -> bool {
    matches!(net.opened(host), Some((_, Security::Encrypted { .. })))
}

#[test]
fn late_probe_or_answer_leads_to_an_encrypted_session() {
    for tickets in [false, true] {
        // Without a ticket, a caller that is late may be one of the base protocol.
        for late in usize::from(!tickets)..2 {
            let (mut net, session) = call(late, tickets, true);
            wait(&mut net, 29);
            let [a, b] = said(&net);
            // A ticket that is late, too, leaves A without a connection to send the probe on.
            let has_probed = !(tickets && late == 1);
            assert_eq!(a, if has_probed { PROBE } else { "" }, "late: {late}, tickets: {tickets}");
            assert_eq!(b.starts_with(YES), has_probed && late == 1, "{b}");
            assert!(!has_reported(&net, 0) && !has_reported(&net, 1));
            net.arrive();
            assert!(is_encrypted(&net, 0) && is_encrypted(&net, 1), "{:?}", net.errors(0));
            let listed = |event: &Event| matches!(event, Event::ListEnd { .. });
            assert!(net.hosts[0].events.iter().any(listed));
            net.with(0, |peer, now, actions| peer.end(session, now, actions)).unwrap();
            assert_eq!([net.errors(0), net.errors(1)], [vec![], vec![]]);
        }
    }
}

/// The YES has come, or was sent; what follows it is late.
#[test]
fn late_capabilities_lead_to_an_encrypted_session() {
    for late in 0..2 {
        let (mut net, _) = call(1, false, true);
        net.delays = |_| true;
        net.wait(0);
        net.arrive();
        net.delays = [|host| host == 0, |host| host == 1][late];
        wait(&mut net, 20);
        net.arrive();
        assert!(is_encrypted(&net, 0) && is_encrypted(&net, 1));
    }
}

/// An attacker that drops everything, or a host that is none, gets no session and no packet beyond the probe.
#[test]
fn answer_that_never_comes_ends_the_call() {
    let after = Duration::from_secs(30);
    let timed_out = |waited_for| Error::TimedOut { waited_for, after };
    for (late, tickets) in [(1, false), (0, true)] {
        let (mut net, _) = call(late, tickets, true);
        wait(&mut net, 60);
        let [a, b] = said(&net);
        assert_eq!((a.as_str(), b.starts_with(YES)), (PROBE, late == 1));
        assert!(net.hosts.iter().all(|host| !host.peer.is_busy()));
        assert!(net.opened(0).is_none() && net.opened(1).is_none());
        // Without a ticket another host may be the callee.
        let waited_for = if tickets { Wait::ProbeAnswer } else { Wait::ConnectionBack };
        assert_eq!(net.errors(0), [timed_out(waited_for)]);
        let error = timed_out(Wait::ProbeAnswer);
        let is_told = |event: &Event| matches!(event, Event::Notice { notice: Notice::NotTheCallee { error: why, .. }, .. } if *why == error);
        assert_eq!(net.hosts[0].events.iter().any(is_told), !tickets);
        assert_eq!(net.errors(1).len(), 1, "{:?}", net.errors(1));
    }
}

/// A peer that does not encrypt answers, however late; its NO is the answer.
#[test]
fn late_no_leads_to_an_unencrypted_session() {
    for late in 0..2 {
        let (mut net, _) = call(late, false, false);
        wait(&mut net, 20);
        assert!(!has_reported(&net, 0));
        net.arrive();
        assert!(matches!(net.opened(0), Some((_, Security::Unencrypted(_)))));
        assert_eq!(said(&net)[0], "X_CHK //xcher/2\nX_FILELIST");
    }
}

/// A callee asks nothing before the caller has sent a packet, whatever its user wants.
#[test]
fn callee_does_not_ask_first() {
    let hosts = vec![("a", None), ("b", Some(encryption(2)))];
    let mut net = Net::with_tickets(hosts, &Config::default(), |_| true);
    let session = net.call(0, "b");
    wait(&mut net, 20);
    assert!(!has_reported(&net, 1));
    net.with(0, |peer, now, actions| peer.list(session, now, actions)).unwrap();
    let (at_b, security) = net.opened(1).expect("A has sent a packet");
    assert!(matches!(security, Security::Unencrypted(_)));
    net.with(1, |peer, now, actions| peer.list(at_b, now, actions)).unwrap();
    assert_eq!(said(&net)[1], "X_FILELIST EOF EOF\nX_FILELIST");
}

/// But a caller of the base protocol may wait to be asked.
#[test]
fn callee_asks_a_silent_caller_without_a_ticket() {
    let mut net = Net::new(vec![("a", None), ("b", Some(encryption(2)))]);
    net.call(0, "b");
    wait(&mut net, 2);
    assert!(!has_reported(&net, 1));
    wait(&mut net, 1);
    let (at_b, security) = net.opened(1).expect("3 s have passed");
    assert!(matches!(security, Security::Unencrypted(_)));
    net.with(1, |peer, now, actions| peer.list(at_b, now, actions)).unwrap();
    assert_eq!(said(&net), ["X_FILELIST EOF EOF", "X_FILELIST"]);
}
