//! Who is let in by a code (section 12).

use xcher_core::code::{Code, CodeError};
use xcher_core::peer::{Error, Event, KeyStatus, Security, SessionId};
use xcher_core::{MisuseError, ProtocolError};

use crate::net::{Net, key, trust};

fn code(words: &str) -> Code {
    format!("4821-{words}").parse().unwrap()
}

const RIGHT: &str = "crossover-clockwork-universe";

/// B made a code up; A and C may know it.
fn net() -> Net {
    let b = trust(2).with_code(code(RIGHT));
    let mut net = Net::new(vec![("a", Some(trust(1))), ("4821", Some(b)), ("c", None)]);
    net.hosts[1].files.insert("x".into(), b"for whoever knows".into());
    net
}

fn call(net: &mut Net, words: &str) -> SessionId {
    let code = code(words);
    net.with(0, |peer, now, actions| peer.open_code(code, now, actions)).unwrap()
}

#[test]
fn who_knows_the_code_is_let_in() {
    let mut net = net();
    let session = call(&mut net, RIGHT);
    let keys = [0, 1].map(|host| match net.opened(host) {
        Some((_, Security::Encrypted { key, status: KeyStatus::ByCode })) => key,
        other => panic!("{other:?}"),
    });
    assert_eq!(net.opened(0).unwrap().0, session);
    // A key of their own: neither is shown to those who guess.
    assert!(keys.iter().all(|shown| *shown != key(1) && *shown != key(2)), "{keys:?}");
    net.get(0, session, "x", 17);
    assert_eq!(net.hosts[0].stored["x"], b"for whoever knows");
    // Nobody is shown words of a session that does not stand.
    for host in &net.hosts[..2] {
        let opened = host.events.iter().position(|event| matches!(event, Event::Opened { .. }));
        let words = host.events.iter().position(|event| matches!(event, Event::SafetyWords { .. }));
        assert!(opened < words && words.is_some(), "{:?}", host.events);
    }
    assert!(net.hosts.iter().all(|host| host.pins.is_empty()), "such a nick is nobody's");
}

#[test]
fn ten_wrong_codes_and_it_is_dead() {
    let mut net = net();
    let wrong = Error::Protocol(ProtocolError::Code(CodeError::Wrong));
    for tries in 1..=10 {
        assert!(!net.hosts[1].events.contains(&Event::CodeExhausted));
        call(&mut net, "crossover-acme-universe");
        assert_eq!(net.errors(1), vec![wrong.clone(); tries]);
    }
    assert_eq!(
        net.hosts[1].events.iter().filter(|event| **event == Event::CodeExhausted).count(),
        1
    );
    // Not even with the right one, and nobody is called back.
    let written = net.hosts[1].written.len();
    call(&mut net, RIGHT);
    net.wait(40);
    assert!(net.opened(1).is_none() && net.opened(0).is_none());
    assert_eq!(net.errors(1).last(), Some(&Error::Declined));
    assert_eq!(net.hosts[1].written.len(), written);
    assert_eq!(net.hosts[1].looked_up, 0);
}

/// A code has one key of its own; another code has another.
#[test]
fn a_code_keeps_its_key_and_shares_it_with_no_other() {
    let shown = |net: &Net| match net.opened(0) {
        Some((_, Security::Encrypted { key, .. })) => key,
        other => panic!("{other:?}"),
    };
    let mut net = net();
    let first = call(&mut net, RIGHT);
    let key = shown(&net);
    net.with(0, |peer, now, actions| peer.end(first, now, actions)).unwrap();
    call(&mut net, RIGHT);
    assert_eq!(shown(&net), key, "what was cut resumes");
    let b = trust(2).with_code(code("adroitness-acme-universe")).with_code(code(RIGHT));
    let mut net = Net::new(vec![("a", Some(trust(1))), ("4821", Some(b))]);
    call(&mut net, RIGHT);
    assert_ne!(shown(&net), key);
}

/// Who calls by a nick whose key is kept shows another one with a code, and is let in by its words.
#[test]
fn the_words_go_before_a_pin() {
    let mut b = trust(2).with_code(code(RIGHT));
    b.pin(xcher_core::Nick::parse("a").unwrap(), key(1));
    let mut net = Net::new(vec![("a", Some(trust(1))), ("4821", Some(b))]);
    call(&mut net, RIGHT);
    assert!(net.opened(0).is_some() && net.opened(1).is_some(), "{:?}", net.errors(1));
}

/// Many at once have no more tries than one after the other.
#[test]
fn tries_at_the_same_time_are_tries() {
    let mut net = net();
    for number in 0..20 {
        let code = code(if number == 19 { RIGHT } else { "crossover-acme-universe" });
        net.begin(0, |peer, now, actions| peer.open_code(code, now, actions)).unwrap();
    }
    net.run();
    net.wait(40);
    let wrong = Error::Protocol(ProtocolError::Code(CodeError::Wrong));
    let tries = net.errors(1).into_iter().filter(|error| *error == wrong).count();
    assert_eq!(tries, 10);
    assert!(net.opened(1).is_none() && net.opened(0).is_none());
    assert!(!net.hosts[1].peer.is_busy());
}

#[test]
fn who_shows_no_code_gets_nothing() {
    for caller in [0, 2] {
        let mut net = net();
        let session = net.call(caller, "4821");
        net.get(caller, session, "x", 17);
        net.wait(3);
        let listed = net.with(caller, |peer, now, actions| peer.list(session, now, actions));
        assert!(matches!(listed, Ok(()) | Err(MisuseError::NoSession)));
        net.wait(40);
        assert!(net.opened(1).is_none(), "not for B");
        assert_eq!(net.hosts[1].looked_up, 0, "its disk is not touched");
        assert!(net.hosts[caller].stored.is_empty());
        assert!(!net.hosts[1].events.contains(&Event::CodeExhausted));
        assert!(!net.hosts[1].peer.is_busy());
    }
}

#[test]
fn a_code_is_told_to_nobody_who_is_in_the_clear() {
    let mut net = Net::new(vec![("a", Some(trust(1))), ("4821", None)]);
    call(&mut net, RIGHT);
    assert!(net.opened(0).is_none());
    assert!(!String::from_utf8_lossy(&net.hosts[0].written).contains("X_AUTH"));
    let mut net = Net::new(vec![("a", None)]);
    let opened = net.with(0, |peer, now, actions| peer.open_code(code(RIGHT), now, actions));
    assert_eq!(opened, Err(MisuseError::EncryptionDisabled));
}

/// What a broken-off transfer left is kept by the maker's long-term key, which only those who know the
/// code learn: so it resumes under the next code.
#[test]
fn a_file_resumes_under_another_code() {
    for words in [RIGHT, "adroitness-acme-universe"] {
        let b = trust(2).with_code(code(words));
        let mut net = Net::new(vec![("a", Some(trust(1))), ("4821", Some(b))]);
        net.hosts[1].files.insert("x".into(), b"for whoever knows".into());
        net.hosts[0].left.insert("x".into(), b"for who".into());
        let session = call(&mut net, words);
        net.get(0, session, "x", 17);
        assert_eq!(net.hosts[0].kept_for, [key(2)], "it is looked for by who it is");
        assert_eq!(net.hosts[0].stored["x"], b"for whoever knows");
        assert_eq!(net.hosts[1].sent, 10);
    }
}
