//! Records of a control connection that are changed on their way.

use xcher_core::secure::{SecureError, Side};
use xcher_core::{FileName, ProtocolError};

use crate::endpoint::{Endpoint, assert_encrypted, exchange, pair, pass};

/// An encrypted session, and three records that one side sent and the other did not receive.
fn three_records(from: usize) -> ([Endpoint; 2], Vec<Vec<u8>>) {
    let mut both = pair();
    exchange(&mut both, &mut pass);
    assert_encrypted(&both);
    let records = ["a", "b", "c"].map(|name| {
        both[from].act(|session, out| session.check(FileName::parse(name).unwrap(), out).unwrap());
        both[from].take_output()
    });
    (both, records.into())
}

fn heard(from: usize, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Endpoint {
    let (both, mut records) = three_records(from);
    change(&mut records);
    let [a, b] = both;
    let mut to = if from == 0 { b } else { a };
    to.events.clear();
    to.receive(&records.concat());
    to
}

#[test]
fn record_out_of_order_ends_the_session() {
    type Change = fn(&mut Vec<Vec<u8>>);
    let changes: [(&str, Change, usize); 9] = [
        ("left out", |records| _ = records.remove(0), 0),
        ("left out in the middle", |records| _ = records.remove(1), 1),
        ("repeated", |records| records.insert(1, records[0].clone()), 1),
        ("repeated later", |records| records.push(records[0].clone()), 3),
        ("reordered", |records| records.swap(1, 2), 1),
        ("cut", |records| records[1].truncate(20), 1),
        ("a byte more", |records| records[1].push(0), 2),
        ("one put in", |records| records.insert(1, [&[0, 20][..], &[7; 20]].concat()), 1),
        ("a shorter length", |records| records[1][1] -= 1, 1),
    ];
    for from in [0, 1] {
        for (what, change, taken) in changes {
            let to = heard(from, change);
            assert!(matches!(to.error, Some(ProtocolError::Secure(_))), "{what}: {:?}", to.error);
            assert_eq!(to.events.len(), taken, "{what}: the records before it");
        }
    }
}

#[test]
fn unencrypted_bytes_are_rejected_after_the_handshake() {
    for from in [0, 1] {
        let to = heard(from, |records| records.insert(0, b"X_END\n".repeat(5000)));
        assert!(matches!(to.error, Some(ProtocolError::Secure(SecureError::InvalidRecord { .. }))));
        assert_eq!(to.events, []);
        // A length that no record has.
        let to = heard(from, |records| records.insert(0, vec![0, 15]));
        assert_eq!(to.error, Some(ProtocolError::Secure(SecureError::RecordLength { got: 15 })));
    }
}

/// It is an error like the end inside a line.
#[test]
fn end_inside_a_record_is_an_error() {
    for from in [0, 1] {
        let mut to = heard(from, |records| _ = records[2].pop());
        assert_eq!((to.events.len(), &to.error), (2, &None));
        assert!(to.session.close().is_err(), "the last record is incomplete");
        let mut to = heard(from, |_| {});
        assert_eq!((to.events.len(), to.session.close()), (3, Ok(())));
    }
}

/// The number of a request is part of the key of its data connection, so both sides must count alike.
#[test]
fn requests_with_invalid_names_are_counted() {
    let mut b = Endpoint::base_protocol();
    let asked = "X_REQUEST ../a 1 40001\nX_REQUEST b 1 40001\nX_CHK c\nX_REQUEST d 1 40001\n";
    b.session.receive(asked.as_bytes());
    let (mut numbers, mut out) = (Vec::new(), Vec::new());
    while b.session.next_event(&mut out).unwrap().is_some() {
        match b.session.take_request(&mut out) {
            Some(request) => numbers.push(request.number),
            None if b.session.question().is_some() => {
                b.session.answer_check(false, &mut out).unwrap();
            }
            None => {}
        }
    }
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn records_of_another_session_are_rejected() {
    let (_, records) = three_records(0);
    let mut both =
        [Side::Caller, Side::Callee].map(|side| Endpoint::new(crate::endpoint::terms(side, 101)));
    exchange(&mut both, &mut pass);
    assert_encrypted(&both);
    both[1].receive(&records[0]);
    assert!(matches!(both[1].error, Some(ProtocolError::Secure(_))));
}
