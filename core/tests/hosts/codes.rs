//! Sessions by a code (section 12).

use xcher_core::code::{Code, CodeError};
use xcher_core::peer::{Error, Event, KeyStatus, Security, SessionId};
use xcher_core::{MisuseError, ProtocolError};

use crate::net::{Net, encryption, key};

fn code(words: &str) -> Code {
    format!("4821-{words}").parse().unwrap()
}

const RIGHT: &str = "crossover-clockwork-universe";

/// B made a code; A and C call with or without it.
fn net() -> Net {
    let b = encryption(2).with_code(code(RIGHT));
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("4821", Some(b)), ("c", None)]);
    net.hosts[1].files.insert("x".into(), b"file behind code.".into());
    net
}

fn call(net: &mut Net, words: &str) -> SessionId {
    let code = code(words);
    net.with(0, |peer, now, actions| peer.open_code(code, now, actions)).unwrap()
}

#[test]
fn admits_a_caller_that_knows_the_code() {
    let mut net = net();
    let session = call(&mut net, RIGHT);
    let keys = [0, 1].map(|host| match net.opened(host) {
        Some((_, Security::Encrypted { key, status: KeyStatus::ByCode })) => key,
        other => panic!("{other:?}"),
    });
    assert_eq!(net.opened(0).unwrap().0, session);
    // Neither side's long-term key is shown in the handshake.
    assert!(keys.iter().all(|shown| *shown != key(1) && *shown != key(2)), "{keys:?}");
    net.get(0, session, "x", 17);
    assert_eq!(net.hosts[0].stored["x"], b"file behind code.");
    // Safety words are reported after the session is open.
    for host in &net.hosts[..2] {
        let opened = host.events.iter().position(|event| matches!(event, Event::Opened { .. }));
        let words = host.events.iter().position(|event| matches!(event, Event::SafetyWords { .. }));
        assert!(opened < words && words.is_some(), "{:?}", host.events);
    }
    assert!(net.hosts.iter().all(|host| host.pins.is_empty()), "a nick of digits is not pinned");
}

#[test]
fn code_dies_after_ten_wrong_attempts() {
    let mut net = net();
    let wrong = Error::Protocol(ProtocolError::Code(CodeError::Wrong));
    for attempts in 1..=10 {
        assert!(!net.hosts[1].events.contains(&Event::CodeExhausted));
        call(&mut net, "crossover-acme-universe");
        assert_eq!(net.errors(1), vec![wrong.clone(); attempts]);
    }
    assert_eq!(
        net.hosts[1].events.iter().filter(|event| **event == Event::CodeExhausted).count(),
        1
    );
    // The right code is refused too, without a connection back.
    let written = net.hosts[1].written.len();
    call(&mut net, RIGHT);
    net.wait(40);
    assert!(net.opened(1).is_none() && net.opened(0).is_none());
    assert_eq!(net.errors(1).last(), Some(&Error::Declined));
    assert_eq!(net.hosts[1].written.len(), written);
    assert_eq!(net.hosts[1].looked_up, 0);
}

#[test]
fn each_code_has_its_own_key() {
    let shown = |net: &Net| match net.opened(0) {
        Some((_, Security::Encrypted { key, .. })) => key,
        other => panic!("{other:?}"),
    };
    let mut net = net();
    let first = call(&mut net, RIGHT);
    let key = shown(&net);
    net.with(0, |peer, now, actions| peer.end(first, now, actions)).unwrap();
    call(&mut net, RIGHT);
    assert_eq!(shown(&net), key, "the key of one code changed");
    let b = encryption(2).with_code(code("adroitness-acme-universe")).with_code(code(RIGHT));
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("4821", Some(b))]);
    call(&mut net, RIGHT);
    assert_ne!(shown(&net), key);
}

/// A caller with a pinned nick shows a different key with a code, and is admitted by the words.
#[test]
fn words_take_precedence_over_a_pin() {
    let mut b = encryption(2).with_code(code(RIGHT));
    b.pin(xcher_core::Nick::parse("a").unwrap(), key(1));
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("4821", Some(b))]);
    call(&mut net, RIGHT);
    assert!(net.opened(0).is_some() && net.opened(1).is_some(), "{:?}", net.errors(1));
}

#[test]
fn concurrent_attempts_count_as_attempts() {
    let mut net = net();
    for number in 0..20 {
        let code = code(if number == 19 { RIGHT } else { "crossover-acme-universe" });
        net.begin(0, |peer, now, actions| peer.open_code(code, now, actions)).unwrap();
    }
    net.run();
    net.wait(40);
    let wrong = Error::Protocol(ProtocolError::Code(CodeError::Wrong));
    let attempts = net.errors(1).into_iter().filter(|error| *error == wrong).count();
    assert_eq!(attempts, 10);
    assert!(net.opened(1).is_none() && net.opened(0).is_none());
    assert!(!net.hosts[1].peer.is_busy());
}

#[test]
fn caller_without_a_code_gets_nothing() {
    for caller in [0, 2] {
        let mut net = net();
        let session = net.call(caller, "4821");
        net.get(caller, session, "x", 17);
        net.wait(3);
        let listed = net.with(caller, |peer, now, actions| peer.list(session, now, actions));
        assert!(matches!(listed, Ok(()) | Err(MisuseError::NoSession)));
        net.wait(40);
        assert!(net.opened(1).is_none(), "B has a session");
        assert_eq!(net.hosts[1].looked_up, 0, "the disk was touched");
        assert!(net.hosts[caller].stored.is_empty());
        assert!(!net.hosts[1].events.contains(&Event::CodeExhausted));
        assert!(!net.hosts[1].peer.is_busy());
    }
}

#[test]
fn code_is_not_sent_to_an_unencrypted_peer() {
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("4821", None)]);
    call(&mut net, RIGHT);
    assert!(net.opened(0).is_none());
    assert!(!String::from_utf8_lossy(&net.hosts[0].written).contains("X_AUTH"));
    let mut net = Net::new(vec![("a", None)]);
    let opened = net.with(0, |peer, now, actions| peer.open_code(code(RIGHT), now, actions));
    assert_eq!(opened, Err(MisuseError::EncryptionDisabled));
}

/// A partial file is kept under the maker's long-term key, which only those who know the code learn. So the
/// transfer resumes under the next code.
#[test]
fn a_file_resumes_under_another_code() {
    for words in [RIGHT, "adroitness-acme-universe"] {
        let b = encryption(2).with_code(code(words));
        let mut net = Net::new(vec![("a", Some(encryption(1))), ("4821", Some(b))]);
        net.hosts[1].files.insert("x".into(), b"file behind code.".into());
        net.hosts[0].partials.insert("x".into(), b"file be".into());
        let session = call(&mut net, words);
        net.get(0, session, "x", 17);
        assert_eq!(net.hosts[0].partial_keys, [key(2)], "looked up under another key");
        assert_eq!(net.hosts[0].stored["x"], b"file behind code.");
        assert_eq!(net.hosts[1].sent, 10);
    }
}
