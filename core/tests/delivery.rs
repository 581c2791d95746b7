//! Reports of a sender about its files, for every order of events.

#![allow(clippy::unwrap_used)]

use xcher_core::delivery::{CodeDelivery, Offer, Status};
use xcher_core::peer::{
    Delivery, Direction, Error, Event, KeyStatus, Path, RefusedRequest, Security, SessionId,
    TransferId,
};
use xcher_core::secure::Identity;
use xcher_core::session::Want;
use xcher_core::{FileName, NotStored, Size};

const US: SessionId = SessionId(1);

fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

fn opened(session: SessionId) -> Event {
    let key = Identity::new([7; 32]).public();
    Event::Opened {
        session,
        peer: "192.0.2.7:4000".parse().unwrap(),
        nick: None,
        incoming: true,
        path: Path::Direct,
        near: false,
        security: Security::Encrypted { key, status: KeyStatus::ByCode },
        device: None,
    }
}

fn wants(session: SessionId, files: u64, here: u64) -> Event {
    Event::Wanted { session, want: Want { files, bytes: 0, already_stored: here } }
}

fn started(session: SessionId, transfer: u64, text: &str, size: Size) -> Event {
    let (transfer, direction) = (TransferId(transfer), Direction::Send);
    Event::Started { transfer, session, direction, name: name(text), size, from: 0, more: 0 }
}

fn finished(session: SessionId, transfer: u64, text: &str) -> Event {
    let (transfer, direction) = (TransferId(transfer), Direction::Send);
    Event::Finished { transfer, session, direction, name: name(text), bytes: 5 }
}

fn delivered(session: SessionId, transfer: u64, text: &str, delivery: Delivery) -> Event {
    let transfer = Some(TransferId(transfer));
    Event::Delivered { session, transfer, name: name(text), bytes: 5, delivery }
}

fn ended(session: SessionId, error: Option<Error>) -> Event {
    Event::Ended { session, error }
}

fn full() -> Delivery {
    Delivery::NotStored(NotStored::Space)
}

#[test]
fn offer_is_settled_when_each_file_is_stored_declined_or_failed() {
    let mut offer = Offer::new(US, ["a", "b", "c"].map(name));
    offer.event(&delivered(US, 1, "a", Delivery::Stored));
    offer.event(&Event::Declined { session: US, name: "b".into() });
    offer.event(&Event::Declined { session: US, name: "b".into() });
    offer.event(&delivered(SessionId(2), 1, "c", Delivery::Stored));
    assert!(!offer.is_settled());
    offer.event(&delivered(US, 2, "c", full()));
    assert!(offer.is_settled());
    let outcome = offer.outcome();
    assert_eq!((outcome.stored, outcome.declined, outcome.bytes), (1, 1, 5));
    assert!(!outcome.is_complete());
    let missing: Vec<_> = outcome.missing().collect();
    assert_eq!(missing, [(&name("c"), &full())]);
}

#[test]
fn transfer_under_way_keeps_an_offer_open() {
    let mut offer = Offer::new(US, [name("a")]);
    offer.event(&delivered(US, 1, "a", full()));
    offer.event(&started(US, 2, "a", Size::Exact(5)));
    assert!(!offer.is_settled());
    offer.event(&finished(US, 2, "a"));
    offer.event(&delivered(US, 2, "a", Delivery::Stored));
    assert!(offer.is_settled() && offer.outcome().is_complete());
}

#[test]
fn interrupted_offer_is_not_complete() {
    let mut offer = Offer::new(US, ["a", "b"].map(name));
    offer.event(&delivered(US, 1, "a", Delivery::Stored));
    offer.event(&ended(US, None));
    assert!(offer.is_settled() && offer.is_interrupted());
    assert_eq!(offer.outcome().missing_count(), 1);
}

#[test]
fn code_stays_valid_until_everything_wanted_is_stored() {
    let mut delivery = CodeDelivery::new();
    delivery.event(&opened(US));
    delivery.event(&wants(US, 3, 0));
    delivery.event(&delivered(US, 1, "a", Delivery::Stored));
    delivery.event(&delivered(US, 2, "b", full()));
    assert_eq!(delivery.status(false), Status::Pending, "a session is open");
    delivery.event(&ended(US, None));
    assert_eq!(delivery.status(true), Status::Pending, "a transfer is under way");
    let Status::Incomplete(outcome) = delivery.status(false) else { panic!("the code is used up") };
    // One file failed, and one that was wanted was never requested.
    assert_eq!((outcome.stored, outcome.missing_count(), outcome.not_requested), (1, 2, 1));
    assert_eq!(delivery.status(false), Status::Pending);

    let again = SessionId(2);
    delivery.event(&opened(again));
    delivery.event(&wants(again, 3, 0));
    delivery.event(&wants(again, 0, 1));
    delivery.event(&delivered(again, 3, "b", Delivery::Stored));
    delivery.event(&delivered(again, 4, "c", Delivery::Stored));
    delivery.event(&ended(again, None));
    let Status::Complete(outcome) = delivery.status(false) else { panic!("everything is stored") };
    // The file of the first session was not present before.
    assert_eq!((outcome.stored, outcome.already_present, outcome.missing_count()), (3, 0, 0));
}

#[test]
fn cut_session_does_not_complete_the_delivery() {
    let mut delivery = CodeDelivery::new();
    delivery.event(&opened(US));
    delivery.event(&delivered(US, 1, "a", Delivery::Stored));
    delivery.event(&ended(US, Some(Error::Closed(None))));
    assert!(matches!(delivery.status(false), Status::Incomplete(_)));
}

#[test]
fn unconfirmed_file_is_missing_until_it_turns_out_to_be_present() {
    let mut delivery = CodeDelivery::new();
    delivery.event(&opened(US));
    delivery.event(&wants(US, 1, 0));
    delivery.event(&delivered(US, 1, "a", Delivery::Unconfirmed));
    delivery.event(&ended(US, None));
    assert!(matches!(delivery.status(false), Status::Incomplete(_)));
    let again = SessionId(2);
    delivery.event(&opened(again));
    delivery.event(&wants(again, 1, 1));
    delivery.event(&ended(again, None));
    let Status::Complete(outcome) = delivery.status(false) else { panic!("the file is present") };
    assert_eq!((outcome.stored, outcome.already_present), (0, 1));
}

#[test]
fn pipe_is_lost_unless_it_is_stored() {
    for (fate, lost) in [
        (Delivery::Stored, false),
        (Delivery::Unconfirmed, true),
        (Delivery::Unsent(Error::Unsent("cut".into())), true),
    ] {
        let mut delivery = CodeDelivery::new();
        delivery.event(&opened(US));
        delivery.event(&started(US, 1, "stdin", Size::UNKNOWN));
        delivery.event(&finished(US, 1, "stdin"));
        delivery.event(&delivered(US, 1, "stdin", fate.clone()));
        delivery.event(&ended(US, None));
        match delivery.status(false) {
            Status::Lost(why) => assert!(lost && why == fate, "{fate:?}"),
            Status::Complete(outcome) => assert!(!lost && outcome.stored == 1, "{fate:?}"),
            other => panic!("expected an end, got {other:?}"),
        }
    }
}

#[test]
fn stored_pipe_completes_the_delivery_if_it_is_all_that_is_shared() {
    for error in [None, Some(Error::Closed(None))] {
        let mut delivery = CodeDelivery::for_piped_input();
        delivery.event(&opened(US));
        delivery.event(&wants(US, 3, 0));
        delivery.event(&started(US, 1, "stdin", Size::UNKNOWN));
        delivery.event(&delivered(US, 1, "stdin", Delivery::Stored));
        delivery.event(&delivered(
            US,
            2,
            "other",
            Delivery::Unsent(Error::NotServed(RefusedRequest::NotShared)),
        ));
        assert_eq!(delivery.status(false), Status::Pending, "a session is open");
        delivery.event(&ended(US, error));
        let Status::Complete(outcome) = delivery.status(false) else {
            panic!("nothing is left to send")
        };
        assert_eq!((outcome.stored, outcome.bytes, outcome.missing_count()), (1, 5, 0));
    }
}

#[test]
fn pipe_among_files_leaves_the_code_valid_for_the_others() {
    let mut delivery = CodeDelivery::new();
    delivery.event(&opened(US));
    delivery.event(&wants(US, 2, 0));
    delivery.event(&started(US, 1, "stdin", Size::UNKNOWN));
    delivery.event(&delivered(US, 1, "stdin", Delivery::Stored));
    delivery.event(&ended(US, None));
    assert!(matches!(delivery.status(false), Status::Incomplete(_)));
}

#[test]
fn exhausted_code_ends_after_open_sessions() {
    let mut delivery = CodeDelivery::new();
    delivery.event(&opened(US));
    delivery.event(&Event::CodeExhausted);
    assert_eq!(delivery.status(false), Status::Pending);
    delivery.event(&delivered(US, 1, "a", full()));
    delivery.event(&ended(US, None));
    assert!(matches!(delivery.status(false), Status::Incomplete(_)));
    assert!(matches!(delivery.status(false), Status::CodeExhausted(_)));
}

#[test]
fn memory_for_requested_names_is_limited() {
    let mut delivery = CodeDelivery::new();
    delivery.event(&opened(US));
    for number in 0..50_000 {
        delivery.event(&delivered(
            US,
            1,
            &format!("{number}"),
            Delivery::Unsent(Error::Unsent("none".into())),
        ));
    }
    let outcome = delivery.outcome();
    assert_eq!(outcome.missing().len(), 10_000);
    assert_eq!(outcome.missing_count(), 50_000);
}

#[test]
fn offer_resumes_with_what_was_not_confirmed() {
    let mut offer = Offer::new(US, ["a", "b", "c", "d"].map(name));
    let again = SessionId(2);
    for event in [
        started(US, 1, "a", Size::Exact(5)),
        finished(US, 1, "a"),
        delivered(US, 1, "a", Delivery::Stored),
        started(US, 2, "b", Size::Exact(5)),
        finished(US, 2, "b"),
        Event::Declined { session: US, name: "d".into() },
        ended(US, Some(Error::Closed(None))),
        delivered(US, 2, "b", Delivery::Unconfirmed),
    ] {
        offer.event(&event);
    }
    assert!(offer.is_settled() && offer.is_resumable());
    assert_eq!(offer.resume(again), ["b", "c"].map(name));
    assert!(!offer.is_settled());
    // The peer has it, so it declines it; that says nothing against the file.
    offer.event(&Event::Declined { session: again, name: "b".into() });
    offer.event(&started(again, 3, "c", Size::Exact(5)));
    offer.event(&finished(again, 3, "c"));
    offer.event(&delivered(again, 3, "c", Delivery::Stored));
    assert!(offer.is_settled() && !offer.is_resumable());
    let outcome = offer.outcome();
    assert_eq!((outcome.stored, outcome.already_present, outcome.declined), (2, 1, 1));
    assert_eq!(outcome.missing_count(), 0);
}
