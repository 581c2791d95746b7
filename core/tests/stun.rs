//! The STUN server, with the test vectors of RFC 5769 and with what is not STUN.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use xcher_core::stun::{StunOutcome, StunServer};

/// RFC 5769, section 2.1: with PRIORITY, which belongs to ICE, and with FINGERPRINT.
const REQUEST: [u8; 108] = [
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73,
    0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09,
    0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
    0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
];
/// XOR-MAPPED-ADDRESS of the answers in sections 2.2 and 2.3, to the same transaction.
const MAPPED: [(&str, &[u8]); 2] = [
    ("192.0.2.1:32853", &[0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]),
    (
        "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
        &[
            0, 0x20, 0, 20, 0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc,
            0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ],
    ),
];

/// Builds a request with these attributes, each with its length and padding.
fn request(attributes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(attributes.len()).unwrap().to_be_bytes();
    [&[0, 1][..], &len, &REQUEST[4..20], attributes].concat()
}

fn from(at: &str) -> SocketAddr {
    at.parse().unwrap()
}

fn ask(datagram: &[u8], at: &str) -> (StunOutcome, Vec<u8>) {
    let mut answer = Vec::new();
    let outcome = StunServer::default().receive(datagram, from(at), Duration::ZERO, &mut answer);
    (outcome, answer)
}

#[test]
fn tells_an_address_as_the_test_vectors_do() {
    for (at, mapped) in MAPPED {
        let len = u8::try_from(mapped.len()).unwrap();
        let expected = [&[1, 1, 0, len], &REQUEST[4..20], mapped].concat();
        assert_eq!(ask(&request(&[]), at), (StunOutcome::Answered, expected), "{at}");
    }
    let mapped = ask(&request(&[]), "[::ffff:192.0.2.1]:32853");
    assert_eq!(mapped, ask(&request(&[]), "192.0.2.1:32853"), "an IPv4 address in IPv6");
}

#[test]
fn refuses_a_request_that_demands_what_it_does_not_do() {
    // The test vector's fingerprint is right, so the request was read; the answer has one, too.
    let (outcome, answer) = ask(&REQUEST, "192.0.2.1:32853");
    assert_eq!(outcome, StunOutcome::UnknownAttribute);
    let values: &[u8] = &[0, 9, 0, 4, 0, 0, 4, 20, 0, 0x0a, 0, 2, 0, 0x24, 0, 0];
    let head = [&[1, 0x11, 0, 24], &REQUEST[4..20], values, &[0x80, 0x28, 0, 4]].concat();
    assert_eq!((&answer[..40], answer.len()), (&head[..40], 44));
    // CHANGE-REQUEST of RFC 5780.
    let (outcome, _) = ask(&request(&[0, 3, 0, 4, 0, 0, 0, 6]), "192.0.2.1:32853");
    assert_eq!(outcome, StunOutcome::UnknownAttribute);
}

#[test]
fn ignores_what_is_not_a_valid_request() {
    let mut bad_fingerprint = REQUEST;
    bad_fingerprint[107] ^= 1;
    let mut altered = REQUEST;
    altered[30] ^= 1;
    let wrong = |at: usize, to: u8| {
        let mut datagram = request(&[]);
        datagram[at] = to;
        datagram
    };
    let (_, answer) = ask(&request(&[]), "192.0.2.1:32853");
    for (datagram, what) in [
        (Vec::new(), "nothing"),
        (b"X_ADDR\n".to_vec(), "a packet of the relay"),
        (bad_fingerprint.to_vec(), "a wrong fingerprint"),
        (altered.to_vec(), "a bit that is not what was sent"),
        (wrong(4, 0), "no cookie: RFC 3489"),
        (wrong(1, 0x11), "an indication"),
        (wrong(1, 3), "a request of TURN"),
        (wrong(0, 1), "an answer"),
        (answer, "its own answer"),
        (wrong(3, 4), "a length that is too large"),
        (request(&[])[..19].to_vec(), "a header that ends early"),
        (request(&[0x80, 0x22, 0]), "an attribute that ends early"),
        (request(&[0x80, 0x22, 0, 1]), "an attribute without its value"),
        (request(&[0x80, 0x22, 0, 1, b'x']), "an attribute without padding"),
    ] {
        assert_eq!(ask(&datagram, "192.0.2.1:5"), (StunOutcome::NotARequest, Vec::new()), "{what}");
    }
}

#[test]
fn answers_so_many_requests_of_an_address_in_a_minute() {
    let mut server = StunServer::default();
    let mut answered = |at: &str, requests, seconds| {
        let answers = (0..requests).filter(|_| {
            let (mut out, now) = (Vec::new(), Duration::from_secs(seconds));
            let outcome = server.receive(&request(&[]), from(at), now, &mut out);
            assert_eq!(out.is_empty(), outcome == StunOutcome::Rate);
            outcome == StunOutcome::Answered
        });
        answers.count()
    };
    assert_eq!(answered("192.0.2.1:5", 1000, 1), 600);
    assert_eq!(answered("192.0.2.1:6", 1000, 2), 10, "the address counts, not the port");
    assert_eq!(answered("192.0.2.2:5", 1000, 2), 600);
    assert_eq!(answered("[2001:db8::1]:5", 400, 2), 400);
    assert_eq!(answered("[2001:db8::2]:5", 400, 2), 200, "one /64");
}

/// Bytes that are random, or a request in which a few bytes are.
fn datagrams() -> impl Strategy<Value = Vec<u8>> {
    let attributes = vec((any::<u16>(), vec(any::<u8>(), 0..40)), 0..20).prop_map(|attributes| {
        let all = attributes.into_iter().flat_map(|(kind, mut value)| {
            let len = u16::try_from(value.len()).unwrap();
            value.resize(value.len().next_multiple_of(4), 0);
            [&kind.to_be_bytes()[..], &len.to_be_bytes(), &value].concat()
        });
        request(&all.collect::<Vec<_>>())
    });
    let altered = (attributes, vec((any::<Index>(), any::<u8>()), 0..3));
    let altered = altered.prop_map(|(mut datagram, changes)| {
        for (at, to) in changes {
            *at.get_mut(&mut datagram) = to;
        }
        datagram
    });
    prop_oneof![vec(any::<u8>(), 0..2048), altered, Just(REQUEST.to_vec())]
}

proptest! {
    #[test]
    fn no_datagram_is_answered_by_many_bytes_or_in_a_circle(datagram in datagrams()) {
        let (outcome, answer) = ask(&datagram, "[2001:db8::1]:32853");
        match outcome {
            StunOutcome::NotARequest | StunOutcome::Rate => prop_assert!(answer.is_empty()),
            StunOutcome::Answered => prop_assert!(answer.len() <= datagram.len() + 24),
            // Of each unknown attribute the answer has the type alone.
            StunOutcome::UnknownAttribute => prop_assert!(answer.len() <= datagram.len() + 12),
        }
        if !answer.is_empty() {
            prop_assert_eq!(answer.len() % 4, 0);
            prop_assert_eq!(&answer[4..20], &datagram[4..20], "the transaction");
            let len = usize::from(u16::from_be_bytes([answer[2], answer[3]]));
            prop_assert_eq!(len, answer.len() - 20);
        }
        prop_assert_eq!(ask(&answer, "[2001:db8::1]:32853").0, StunOutcome::NotARequest);
    }
}
