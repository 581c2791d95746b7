//! Links by WebRTC between two hosts behind a bridge (section 24).

use std::time::Duration;

use xcher_core::peer::{
    Config, Error, Event, Input, LinkPolicy, LinkReport, LinkStep, Notice, Path, PathPolicy,
    SessionId, TransferId,
};
use xcher_core::secure::Side;
use xcher_core::session::MAX_DESCRIPTION_LEN;
use xcher_core::{Size, Stat};

use crate::net::{Net, encryption, name};

const FILE: &[u8] = b"a file that takes some path";
const SIZE: u64 = FILE.len() as u64;
const MIB: u64 = 1 << 20;

fn config(via: PathPolicy) -> Config {
    Config { via, ..Config::default() }
}

fn bridged() -> Config {
    config(PathPolicy::Only(Path::Bridge))
}

/// A calls B through the bridge, each with its policy. Both share `x`, and a file of a GiB that never moves by
/// itself.
fn net(policies: [LinkPolicy; 2]) -> (Net, SessionId) {
    let net = unopened(policies, &bridged());
    opened(net)
}

fn unopened(policies: [LinkPolicy; 2], config: &Config) -> Net {
    let [a, b] = policies;
    let hosts =
        vec![("a", Some(encryption(1).with_links(a))), ("b", Some(encryption(2).with_links(b)))];
    let mut net = Net::with_config(hosts, config);
    for host in &mut net.hosts {
        host.files.insert("x".into(), FILE.into());
        host.files.insert("y, idle".into(), vec![0; 1000]);
    }
    net
}

fn opened(mut net: Net) -> (Net, SessionId) {
    let session = net.call(0, "b");
    assert_eq!(net.opened(0).unwrap().0, session);
    (net, session)
}

fn linked() -> (Net, SessionId) {
    let (net, session) = net([LinkPolicy::Always; 2]);
    assert!(net.link.is_open);
    (net, session)
}

/// Each change of the path of a host's files.
fn changes(net: &Net, host: usize) -> Vec<bool> {
    let change = |event: &Event| match event {
        Event::Link { is_used, .. } => Some(*is_used),
        _ => None,
    };
    net.hosts[host].events.iter().filter_map(change).collect()
}

fn notices(net: &Net, host: usize) -> Vec<Notice> {
    let notice = |event: &Event| match event {
        Event::Notice { notice, .. } => Some(notice.clone()),
        _ => None,
    };
    net.hosts[host].events.iter().filter_map(notice).collect()
}

fn ended(net: &Net, host: usize) -> bool {
    net.hosts[host].events.iter().any(|event| matches!(event, Event::Ended { .. }))
}

/// Has both hosts fetch a file; returns how many streams of the link that took.
fn exchange(net: &mut Net) -> usize {
    let before = net.link.streams();
    for host in [0, 1] {
        net.hosts[host].stored.clear();
        let (session, _) = net.opened(host).unwrap();
        net.get(host, session, "x", SIZE);
        assert_eq!(net.hosts[host].stored["x"], FILE);
    }
    assert!(net.listeners.is_empty(), "a listener is left");
    net.link.streams() - before
}

/// Begins to fetch the file that moves only as a test says.
fn begin(net: &mut Net, host: usize) -> TransferId {
    let (session, _) = net.opened(host).unwrap();
    net.with(host, |peer, now, actions| {
        peer.get(session, name("y, idle"), Size::Exact(1000), Stat::default(), now, actions)
            .unwrap()
    })
}

/// Reports progress of `rate` bytes a second for `seconds`, from the beginning of a file on.
fn moves(net: &mut Net, host: usize, transfer: TransferId, rate: u64, seconds: u64) {
    moves_from(net, host, transfer, 0, rate, seconds);
}

fn moves_from(
    net: &mut Net,
    host: usize,
    transfer: TransferId,
    mut bytes: u64,
    rate: u64,
    seconds: u64,
) {
    for _ in 0..10 * seconds {
        net.now += Duration::from_millis(100);
        bytes += rate / 10;
        net.with(host, |peer, now, actions| {
            peer.handle(Input::Progress { transfer, bytes }, now, actions);
        });
    }
}

#[test]
fn files_of_both_take_the_link() {
    let (mut net, _) = linked();
    assert_eq!(exchange(&mut net), 2);
    assert_eq!((changes(&net, 0), changes(&net, 1)), (vec![true], vec![true]));
    let steps: Vec<_> = net.link.steps.iter().map(|(host, _)| *host).collect();
    assert_eq!(steps, [0, 1, 0, 1, 0], "offer, answer, accept, and a stream from each provider");
    assert_eq!(net.link.steps[1].1, LinkStep::Answer("offer".into()));
    assert_eq!(net.link.steps[2].1, LinkStep::Accept("answer".into()));
}

#[test]
fn no_link_where_a_side_does_not_permit_it_or_nothing_is_between() {
    use LinkPolicy::{Always, Never};
    for policies in [[Always, Never], [Never, Always], [Never, Never]] {
        let (mut net, _) = net(policies);
        assert_eq!(exchange(&mut net), 0);
        assert!(net.link.steps.is_empty(), "{policies:?}");
    }
    let (mut net, _) = opened(unopened([Always; 2], &config(PathPolicy::Only(Path::Direct))));
    assert_eq!(exchange(&mut net), 0);
    assert!(net.link.steps.is_empty(), "both connect directly");
}

#[test]
fn the_caller_decides() {
    for policies in [[LinkPolicy::Auto, LinkPolicy::Always], [LinkPolicy::Always, LinkPolicy::Auto]]
    {
        let (net, _) = net(policies);
        assert_eq!(net.link.is_open, policies[0] == LinkPolicy::Always, "{policies:?}");
    }
}

#[test]
fn callee_that_makes_none_says_so() {
    let mut net = unopened([LinkPolicy::Always; 2], &bridged());
    net.link.fails = true;
    let (mut net, _) = opened(net);
    assert_eq!(exchange(&mut net), 0);
    let refused = Notice::LinkFailed { why: "the peer makes none".into() };
    assert_eq!(notices(&net, 0), [refused]);
    let closed = net.link.steps.iter().filter(|step| **step == (0, LinkStep::Close));
    assert_eq!(closed.count(), 1, "the offered connection is closed");
}

#[test]
fn silent_driver_costs_a_session_nothing() {
    let mut net = unopened([LinkPolicy::Always; 2], &bridged());
    net.link.is_silent = true;
    let (mut net, _) = opened(net);
    assert_eq!(exchange(&mut net), 0);
    net.wait(11);
    let steps: Vec<_> = net.link.steps.iter().map(|(_, step)| step.clone()).collect();
    assert_eq!(steps, [LinkStep::Offer, LinkStep::Close]);
    assert_eq!(exchange(&mut net), 0);
    assert!(!ended(&net, 0) && !ended(&net, 1));
    // What the driver reports after that is too late.
    let (session, _) = net.opened(0).unwrap();
    for report in [LinkReport::Described("offer".into()), LinkReport::Up] {
        net.give(0, Input::Link { session, report });
        net.run();
    }
    assert_eq!((net.link.steps.len(), changes(&net, 0).len()), (2, 0));
}

#[test]
fn description_that_is_too_long_is_not_sent() {
    let mut net = unopened([LinkPolicy::Always; 2], &bridged());
    net.link.description = Some("x".repeat(MAX_DESCRIPTION_LEN + 1));
    let (mut net, _) = opened(net);
    assert_eq!(exchange(&mut net), 0);
    assert!(net.link.steps.iter().all(|(host, _)| *host == 0), "B heard of it");
    assert_eq!(notices(&net, 0).len(), 1);
}

#[test]
fn what_moves_on_a_link_that_goes_down_fails_and_the_rest_takes_the_bridge() {
    for requester in [0, 1] {
        let (mut net, _) = linked();
        begin(&mut net, requester);
        assert_eq!(net.link.streams(), 1);
        net.cut_link();
        net.run();
        let errors = net.errors(requester);
        assert!(matches!(&errors[..], [Error::Incomplete { .. }]), "{errors:?}");
        assert!(matches!(&net.errors(1 - requester)[..], [Error::Unsent(_)]));
        assert_eq!((changes(&net, 0), changes(&net, 1)), (vec![true, false], vec![true, false]));
        assert!(!ended(&net, 0) && !ended(&net, 1));
        assert_eq!(exchange(&mut net), 0);
        assert!(!net.link.is_open, "a session has one link");
    }
}

#[test]
fn part_of_a_file_resumes_through_the_bridge() {
    let (mut net, session) = linked();
    net.cut_link();
    net.run();
    net.hosts[0].partials.insert("x".into(), FILE[..10].into());
    net.get(0, session, "x", SIZE);
    assert_eq!((&net.hosts[0].stored["x"][..], net.hosts[1].sent), (FILE, SIZE - 10));
}

#[test]
fn stream_that_cannot_be_opened_takes_the_bridge() {
    let (mut net, _) = linked();
    net.link.refuses_streams = true;
    for host in [0, 1] {
        let (session, _) = net.opened(host).unwrap();
        net.get(host, session, "x", SIZE);
        assert_eq!(net.hosts[host].stored["x"], FILE);
    }
    assert_eq!(net.link.streams(), 0);
}

#[test]
fn stream_for_no_request_is_closed() {
    let (mut net, session) = linked();
    let transfer = begin(&mut net, 0);
    for (side, number) in [(Side::Caller, 0), (Side::Caller, 7), (Side::Callee, 0)] {
        let conn = net.hosts[0].peer.new_conn();
        let report = LinkReport::Stream { conn, side, number };
        net.give(0, Input::Link { session, report });
        net.run();
        assert!(net.closed_outsiders.contains(&conn), "{side:?} {number}");
    }
    assert!(net.hosts[0].receiving.contains_key(&transfer), "the first was the right one");
}

#[test]
fn link_outlives_its_session_until_nothing_moves_on_it() {
    let (mut net, session) = linked();
    begin(&mut net, 0);
    net.link.is_silent = true;
    net.with(0, |peer, now, actions| peer.end(session, now, actions)).unwrap();
    let closes: Vec<_> =
        net.link.steps.iter().filter(|(_, step)| *step == LinkStep::Close).collect();
    assert_eq!(closes.len(), 2, "each side once");
    assert!(net.errors(0).is_empty(), "the file goes on");
}

#[test]
fn slow_bridge_has_a_link_made() {
    for (rate, is_made) in [(MIB, true), (8 * MIB, false)] {
        for requester in [0, 1] {
            let (mut net, _) = net([LinkPolicy::Auto; 2]);
            let transfer = begin(&mut net, requester);
            // The caller measures, whichever side requests.
            let transfer = match requester {
                0 => transfer,
                _ => *net.hosts[0].sending.values().next().unwrap(),
            };
            moves(&mut net, 0, transfer, rate, 4);
            assert!(net.link.steps.is_empty(), "measured for too short a time");
            moves_from(&mut net, 0, transfer, 4 * rate, rate, 4);
            assert_eq!(net.link.is_open, is_made, "{rate} by {requester}");
            let streams = exchange(&mut net);
            assert_eq!(streams, if is_made { 2 } else { 0 });
            assert!(net.errors(0).is_empty(), "the file under way is not moved");
        }
    }
}

#[test]
fn files_that_move_together_count_together() {
    for (files, is_made) in [(3, true), (6, false)] {
        let (mut net, _) = net([LinkPolicy::Auto; 2]);
        let transfers: Vec<_> = (0..files).map(|_| begin(&mut net, 0)).collect();
        moves(&mut net, 0, transfers[0], MIB, 6);
        assert_eq!(net.link.is_open, is_made, "{files} files");
    }
}

#[test]
fn time_in_which_the_own_reader_was_slow_does_not_count() {
    let (mut net, _) = net([LinkPolicy::Auto; 2]);
    let transfer = begin(&mut net, 0);
    for _ in 0..4 {
        moves(&mut net, 0, transfer, MIB, 4);
        net.with(0, |peer, now, actions| {
            peer.handle(Input::Backpressure { transfer }, now, actions);
        });
    }
    assert!(net.link.steps.is_empty());
}

#[test]
fn link_that_is_slower_than_the_bridge_is_not_used() {
    let (mut net, _) = net([LinkPolicy::Auto; 2]);
    let slow = begin(&mut net, 0);
    moves(&mut net, 0, slow, 2 * MIB, 6);
    assert!(net.link.is_open);
    let by_link = begin(&mut net, 0);
    moves(&mut net, 0, by_link, 3 * MIB, 6);
    assert_eq!(exchange(&mut net), 2, "it is faster");
    moves_from(&mut net, 0, by_link, 18 * MIB, MIB, 12);
    assert_eq!(changes(&net, 0), [true, false]);
    assert_eq!(exchange(&mut net), 0, "it is slower");
    assert!(net.errors(0).is_empty() && net.link.is_open, "the file on it goes on");
}

/// Whatever drivers report, and whenever: the hosts keep their invariants, which debug builds assert, and can
/// exchange files.
#[test]
fn any_reports_leave_a_session_that_works() {
    for seed in 1..300u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut next = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let policies = [LinkPolicy::Auto, LinkPolicy::Always];
        let mut net = unopened([0, 1].map(|_| policies[next(2) as usize]), &bridged());
        net.link.is_silent = next(2) == 0;
        net.link.fails = next(4) == 0;
        let (mut net, _) = opened(net);
        for _ in 0..20 {
            let host = next(2) as usize;
            let (session, _) = net.opened(host).unwrap();
            let side = [Side::Caller, Side::Callee][next(2) as usize];
            let conn = net.hosts[host].peer.new_conn();
            let report = match next(9) {
                0 => LinkReport::Described("v=0".into()),
                1 => LinkReport::Up,
                2 => LinkReport::Stream { conn, side, number: next(3) },
                3 => LinkReport::Down("it failed".into()),
                4 => {
                    begin(&mut net, host);
                    continue;
                }
                5 => {
                    net.cut_link();
                    net.run();
                    continue;
                }
                6 => {
                    net.wait(next(12));
                    continue;
                }
                7 => {
                    net.link.refuses_streams = next(2) == 0;
                    continue;
                }
                _ => {
                    net.get(host, session, "x", SIZE);
                    continue;
                }
            };
            net.give(host, Input::Link { session, report });
            net.run();
        }
        assert!(!ended(&net, 0) && !ended(&net, 1), "seed {seed}");
        // What was said of a link that is none is over by now.
        for host in [0, 1] {
            let (session, _) = net.opened(host).unwrap();
            net.give(host, Input::Link { session, report: LinkReport::Down("it is over".into()) });
        }
        net.wait(61);
        net.link.refuses_streams = true;
        exchange_by_bridge(&mut net, seed);
    }
}

fn exchange_by_bridge(net: &mut Net, seed: u64) {
    for host in [0, 1] {
        net.hosts[host].stored.clear();
        let (session, _) = net.opened(host).unwrap();
        net.get(host, session, "x", SIZE);
        assert_eq!(net.hosts[host].stored.get("x").map(Vec::as_slice), Some(FILE), "seed {seed}");
    }
}
