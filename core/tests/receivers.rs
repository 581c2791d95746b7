//! One code for several receivers: who is counted, and when the code ends.

#![allow(clippy::unwrap_used)]

use core::num::NonZeroU32;

use xcher_core::delivery::{Progress, Receivers};
use xcher_core::peer::{
    Delivery, Direction, Error, Event, KeyStatus, Path, Security, SessionId, TransferId,
};
use xcher_core::secure::Identity;
use xcher_core::session::Want;
use xcher_core::{FileName, NotStored, Size};

fn receivers(limit: u32) -> Receivers {
    Receivers::new(NonZeroU32::new(limit))
}

fn opened(session: u64) -> Event {
    Event::Opened {
        session: SessionId(session),
        peer: "192.0.2.7:4000".parse().unwrap(),
        nick: None,
        incoming: true,
        path: Path::Direct,
        near: false,
        security: Security::Encrypted {
            // A receiver shows another key in each session.
            key: Identity::new([session as u8; 32]).public(),
            status: KeyStatus::ByCode,
        },
        device: None,
    }
}

fn wants(session: u64, files: u64, here: u64) -> Event {
    let want = Want { files, bytes: 0, already_stored: here };
    Event::Wanted { session: SessionId(session), want }
}

fn started(session: u64, transfer: u64, more: u64) -> Event {
    Event::Started {
        transfer: TransferId(transfer),
        session: SessionId(session),
        direction: Direction::Send,
        name: FileName::new("a").unwrap(),
        size: Size::Exact(5),
        from: 0,
        more,
    }
}

fn delivered(session: u64, transfer: u64, delivery: Delivery) -> Event {
    Event::Delivered {
        session: SessionId(session),
        transfer: Some(TransferId(transfer)),
        name: FileName::new("a").unwrap(),
        bytes: 5,
        delivery,
    }
}

fn ended(session: u64) -> Event {
    Event::Ended { session: SessionId(session), error: None }
}

fn cut(session: u64) -> Event {
    Event::Ended { session: SessionId(session), error: Some(Error::Closed(None)) }
}

/// The events of a host that gets one file.
fn served(session: u64) -> [Event; 4] {
    let stored = delivered(session, session, Delivery::Stored);
    [opened(session), wants(session, 1, 0), started(session, session, 0), stored]
}

fn take(receivers: &mut Receivers, events: &[Event]) -> Vec<Progress> {
    let mut all = Vec::new();
    for event in events {
        receivers.event(event);
        loop {
            match receivers.next_progress() {
                Progress::Pending => break,
                Progress::Done => {
                    all.push(Progress::Done);
                    break;
                }
                Progress::CodeExhausted => {
                    all.push(Progress::CodeExhausted);
                    break;
                }
                progress => all.push(progress),
            }
        }
    }
    all
}

/// Expects this number of new complete receivers, and nothing else before the end.
fn counts(progress: &[Progress]) -> usize {
    let is_new = |it: &&Progress| matches!(it, Progress::Complete { is_new: true, .. });
    progress.iter().filter(is_new).count()
}

#[test]
fn each_receiver_counts_once_and_the_last_ends_the_code() {
    let mut receivers = receivers(2);
    assert_eq!(take(&mut receivers, &served(1)), []);
    assert_eq!(receivers.complete(), 0, "its session is open");
    let progress = take(&mut receivers, &[ended(1)]);
    assert_eq!((counts(&progress), receivers.complete()), (1, 1));
    // The same host once more, which has everything.
    let again = [opened(2), wants(2, 1, 1), ended(2)];
    let progress = take(&mut receivers, &again);
    assert!(matches!(&progress[..], [Progress::Complete { is_new: false, .. }]), "{progress:?}");
    let [a, b, c, d] = served(3);
    let progress = take(&mut receivers, &[a, b, c, d, ended(3)]);
    assert_eq!((counts(&progress), progress.last()), (1, Some(&Progress::Done)));
    assert_eq!((receivers.total().stored, receivers.total().bytes), (2, 10));
}

#[test]
fn receivers_are_served_at_the_same_time() {
    let mut receivers = receivers(2);
    let sessions: Vec<_> = (1..=3).flat_map(|n| served(n)[..3].to_vec()).collect();
    assert_eq!(take(&mut receivers, &sessions), []);
    let stored = |session| [delivered(session, session, Delivery::Stored), ended(session)];
    assert_eq!(counts(&take(&mut receivers, &stored(2))), 1);
    // The count is full, and the third is still being sent a file.
    let progress = take(&mut receivers, &stored(3));
    assert!(matches!(&progress[..], [Progress::Complete { is_new: true, .. }]), "{progress:?}");
    assert!(receivers.is_sending());
    // Who comes now is too late.
    assert_eq!(take(&mut receivers, &[opened(4)]), [Progress::Late(SessionId(4))]);
    let progress = take(&mut receivers, &stored(1));
    assert_eq!((counts(&progress), progress.last()), (1, Some(&Progress::Done)));
    assert_eq!(receivers.complete(), 3);
}

#[test]
fn a_receiver_that_only_looks_does_not_delay_the_end() {
    let mut receivers = receivers(1);
    take(&mut receivers, &[opened(1)]);
    let [a, b, c, d] = served(2);
    let progress = take(&mut receivers, &[a, b, c, d, ended(2)]);
    assert_eq!(progress.last(), Some(&Progress::Done));
}

#[test]
fn who_misses_a_file_or_wants_none_does_not_count() {
    let full = Delivery::NotStored(NotStored::Space);
    for (end, events) in [
        (ended(1), vec![wants(1, 1, 0), started(1, 7, 0), delivered(1, 7, full)]),
        (ended(1), vec![wants(1, 2, 0), started(1, 7, 0), delivered(1, 7, Delivery::Stored)]),
        (cut(1), vec![wants(1, 1, 0), started(1, 7, 0), delivered(1, 7, Delivery::Stored)]),
        (cut(1), vec![wants(1, 1, 0)]),
    ] {
        let mut receivers = receivers(1);
        take(&mut receivers, &[opened(1)]);
        assert_eq!(take(&mut receivers, &events), []);
        let progress = take(&mut receivers, &[end]);
        assert!(matches!(&progress[..], [Progress::Incomplete { .. }]), "{progress:?}");
        assert_eq!(receivers.complete(), 0);
        // It resumes, and counts.
        let progress = take(&mut receivers, &[opened(2), wants(2, 1, 1), ended(2)]);
        assert_eq!((counts(&progress), progress.last()), (1, Some(&Progress::Done)));
    }
    let mut receivers = receivers(1);
    let progress = take(&mut receivers, &[opened(1), ended(1)]);
    assert_eq!(progress, [Progress::Declined { session: SessionId(1) }]);
}

#[test]
fn files_that_move_after_the_session_are_awaited() {
    for (fate, counted) in
        [(Delivery::HandedOver, 1), (Delivery::Unsent(Error::Unsent("cut".into())), 0)]
    {
        let mut receivers = receivers(1);
        // A batch of two, to a peer that confirms nothing.
        let events = [opened(1), started(1, 7, 1), ended(1), delivered(1, 7, fate.clone())];
        assert_eq!(take(&mut receivers, &events), []);
        assert!(receivers.is_sending());
        let progress = take(&mut receivers, &[delivered(1, 7, fate)]);
        assert_eq!(counts(&progress), counted, "{progress:?}");
    }
}

#[test]
fn wrong_codes_end_it_for_all_once_nobody_is_connected() {
    let mut receivers = receivers(0);
    take(&mut receivers, &served(1));
    assert_eq!(take(&mut receivers, &[Event::CodeExhausted]), []);
    let progress = take(&mut receivers, &[ended(1)]);
    assert_eq!((counts(&progress), progress.last()), (1, Some(&Progress::CodeExhausted)));
}

#[test]
fn without_a_limit_it_never_ends() {
    let mut receivers = receivers(0);
    for session in 0..1_000 {
        let [a, b, c, d] = served(session);
        let progress = take(&mut receivers, &[a, b, c, d, ended(session)]);
        assert!(matches!(&progress[..], [Progress::Complete { is_new: true, .. }]), "{progress:?}");
    }
    assert_eq!(receivers.complete(), 1_000);
}

#[test]
fn a_host_that_returns_for_the_rest_counts_then_and_only_then() {
    let mut receivers = receivers(3);
    let first = [wants(1, 2, 0), started(1, 1, 0), delivered(1, 1, Delivery::Stored), cut(1)];
    take(&mut receivers, &[opened(1)]);
    take(&mut receivers, &first);
    // Another host in between gets everything.
    let [a, b, c, d] = served(2);
    assert_eq!(counts(&take(&mut receivers, &[a, b, c, d, ended(2)])), 1);
    let rest = [wants(3, 2, 1), started(3, 3, 0), delivered(3, 3, Delivery::Stored), ended(3)];
    take(&mut receivers, &[opened(3)]);
    assert_eq!(counts(&take(&mut receivers, &rest)), 1);
    for session in 4..10 {
        let again = [opened(session), wants(session, 2, 2), ended(session)];
        assert_eq!(counts(&take(&mut receivers, &again)), 0);
    }
    assert_eq!(receivers.complete(), 2);
}
