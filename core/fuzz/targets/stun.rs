//! Any datagram at a STUN server, and any attributes of a request: few bytes answer, and no answer is answered.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use xcher_core::stun::{StunOutcome, StunServer};

fuzz_target!(|data: &[u8]| {
    check(data);
    let len = u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes();
    check(&[&[0, 1], &len[..], b"\x21\x12\xa4\x42transaction.", data].concat());
});

fn check(datagram: &[u8]) {
    let (outcome, answer) = ask(datagram);
    match outcome {
        StunOutcome::NotARequest | StunOutcome::Rate => assert!(answer.is_empty()),
        StunOutcome::Answered => assert!(answer.len() <= datagram.len() + 24),
        StunOutcome::UnknownAttribute => assert!(answer.len() <= datagram.len() + 12),
    }
    assert_eq!(ask(&answer).0, StunOutcome::NotARequest);
}

fn ask(datagram: &[u8]) -> (StunOutcome, Vec<u8>) {
    let (mut answer, from) = (Vec::new(), "[2001:db8::1]:3478".parse().unwrap());
    let outcome = StunServer::default().receive(datagram, from, Duration::ZERO, &mut answer);
    (outcome, answer)
}
