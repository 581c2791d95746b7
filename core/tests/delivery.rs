//! What a sender may report of its files, whatever happens in which order.

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
        security: Security::Encrypted { key, status: KeyStatus::ByCode },
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
fn an_offer_is_settled_when_each_file_is_stored_declined_or_failed() {
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
fn a_file_on_its_way_keeps_an_offer_open_though_all_failed_once() {
    let mut offer = Offer::new(US, [name("a")]);
    offer.event(&delivered(US, 1, "a", full()));
    offer.event(&started(US, 2, "a", Size::Exact(5)));
    assert!(!offer.is_settled());
    offer.event(&finished(US, 2, "a"));
    offer.event(&delivered(US, 2, "a", Delivery::Stored));
    assert!(offer.is_settled() && offer.outcome().is_complete());
}

#[test]
fn an_offer_that_is_cut_off_is_not_complete() {
    let mut offer = Offer::new(US, ["a", "b"].map(name));
    offer.event(&delivered(US, 1, "a", Delivery::Stored));
    offer.event(&ended(US, None));
    assert!(offer.is_settled() && offer.is_interrupted());
    assert_eq!(offer.outcome().missing_count(), 1);
}

#[test]
fn a_code_stays_good_until_everything_wanted_is_stored() {
    let mut served = CodeDelivery::new();
    served.event(&opened(US));
    served.event(&wants(US, 3, 0));
    served.event(&delivered(US, 1, "a", Delivery::Stored));
    served.event(&delivered(US, 2, "b", full()));
    assert_eq!(served.status(false), Status::Pending, "somebody is in");
    served.event(&ended(US, None));
    assert_eq!(served.status(true), Status::Pending, "something moves");
    let Status::Incomplete(outcome) = served.status(false) else { panic!("the code stays good") };
    // One failed, and one that was wanted was never asked for.
    assert_eq!((outcome.stored, outcome.missing_count(), outcome.not_requested), (1, 2, 1));
    assert_eq!(served.status(false), Status::Pending);

    let again = SessionId(2);
    served.event(&opened(again));
    served.event(&wants(again, 3, 0));
    served.event(&wants(again, 0, 1));
    served.event(&delivered(again, 3, "b", Delivery::Stored));
    served.event(&delivered(again, 4, "c", Delivery::Stored));
    served.event(&ended(again, None));
    let Status::Complete(outcome) = served.status(false) else { panic!("all is there") };
    // What arrived in the first session was not there before.
    assert_eq!((outcome.stored, outcome.already_present, outcome.missing_count()), (3, 0, 0));
}

#[test]
fn a_cut_is_no_end_though_everything_was_confirmed() {
    let mut served = CodeDelivery::new();
    served.event(&opened(US));
    served.event(&delivered(US, 1, "a", Delivery::Stored));
    served.event(&ended(US, Some(Error::Closed(None))));
    assert!(matches!(served.status(false), Status::Incomplete(_)));
}

#[test]
fn a_file_that_was_not_confirmed_is_missing_until_it_turns_out_to_be_there() {
    let mut served = CodeDelivery::new();
    served.event(&opened(US));
    served.event(&wants(US, 1, 0));
    served.event(&delivered(US, 1, "a", Delivery::Unconfirmed));
    served.event(&ended(US, None));
    assert!(matches!(served.status(false), Status::Incomplete(_)));
    let again = SessionId(2);
    served.event(&opened(again));
    served.event(&wants(again, 1, 1));
    served.event(&ended(again, None));
    let Status::Complete(outcome) = served.status(false) else { panic!("it is there") };
    assert_eq!((outcome.stored, outcome.already_present), (0, 1));
}

#[test]
fn what_can_be_sent_only_once_is_lost_unless_it_is_stored() {
    for (fate, lost) in [
        (Delivery::Stored, false),
        (Delivery::Unconfirmed, true),
        (Delivery::Unsent(Error::Unsent("cut".into())), true),
    ] {
        let mut served = CodeDelivery::new();
        served.event(&opened(US));
        served.event(&started(US, 1, "stdin", Size::UNKNOWN));
        served.event(&finished(US, 1, "stdin"));
        served.event(&delivered(US, 1, "stdin", fate.clone()));
        served.event(&ended(US, None));
        match served.status(false) {
            Status::Lost(why) => assert!(lost && why == fate, "{fate:?}"),
            Status::Complete(outcome) => assert!(!lost && outcome.stored == 1, "{fate:?}"),
            other => panic!("expected an end, got {other:?}"),
        }
    }
}

#[test]
fn a_pipe_that_is_all_there_is_ends_it_whatever_else_is_said_to_be_wanted() {
    for error in [None, Some(Error::Closed(None))] {
        let mut served = CodeDelivery::for_piped_input();
        served.event(&opened(US));
        served.event(&wants(US, 3, 0));
        served.event(&started(US, 1, "stdin", Size::UNKNOWN));
        served.event(&delivered(US, 1, "stdin", Delivery::Stored));
        served.event(&delivered(
            US,
            2,
            "other",
            Delivery::Unsent(Error::NotServed(RefusedRequest::NotShared)),
        ));
        assert_eq!(served.status(false), Status::Pending, "somebody is in");
        served.event(&ended(US, error));
        let Status::Complete(outcome) = served.status(false) else {
            panic!("nothing is left to send")
        };
        assert_eq!((outcome.stored, outcome.bytes, outcome.missing_count()), (1, 5, 0));
    }
}

#[test]
fn a_pipe_beside_files_leaves_the_code_good_for_those() {
    let mut served = CodeDelivery::new();
    served.event(&opened(US));
    served.event(&wants(US, 2, 0));
    served.event(&started(US, 1, "stdin", Size::UNKNOWN));
    served.event(&delivered(US, 1, "stdin", Delivery::Stored));
    served.event(&ended(US, None));
    assert!(matches!(served.status(false), Status::Incomplete(_)));
}

#[test]
fn a_dead_code_ends_when_whoever_is_in_has_left() {
    let mut served = CodeDelivery::new();
    served.event(&opened(US));
    served.event(&Event::CodeExhausted);
    assert_eq!(served.status(false), Status::Pending);
    served.event(&delivered(US, 1, "a", full()));
    served.event(&ended(US, None));
    assert!(matches!(served.status(false), Status::Incomplete(_)));
    assert!(matches!(served.status(false), Status::CodeExhausted(_)));
}

#[test]
fn a_peer_that_asks_for_countless_names_costs_bounded_memory() {
    let mut served = CodeDelivery::new();
    served.event(&opened(US));
    for number in 0..50_000 {
        served.event(&delivered(
            US,
            1,
            &format!("{number}"),
            Delivery::Unsent(Error::Unsent("none".into())),
        ));
    }
    let outcome = served.outcome();
    assert_eq!(outcome.missing().len(), 10_000);
    assert_eq!(outcome.missing_count(), 50_000);
}
