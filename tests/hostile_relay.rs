//! Hosts against relays that break the protocol, and `relay` against clients that do.

#![allow(clippy::unwrap_used)]

mod system;

use std::thread::scope;

use rustix::process::Signal;
use system::relay::{Relay, at};
use system::wire::{Conn, FakeRelay, Port};
use tempfile::tempdir;

#[test]
fn an_invalid_answer_is_quoted() {
    let cases: [(&[u8], i32, &str); 10] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", 1, " is an HTTP port, not a relay's TCP port"),
        (b"SSH-2.0-OpenSSH\r\n", 1, "expected an XCHER packet, got \"SSH-2.0-OpenSSH\""),
        (b"\xff\xfe\n", 1, "expected UTF-8, got the bytes [ff]"),
        (&[b'A'; 9000], 1, "expected a line of at most 8192 bytes, got a longer one"),
        (b"X_NICK other YES\n", 3, "no answer from "),
        (b"X_NICK me", 3, " closed the connection"),
        (b"", 3, " closed the connection"),
        (b"X_ERR X_NICK go \x1b[2Jaway\n", 3, " refused: \"go \\u{1b}[2Jaway\""),
        (b"X_NICK me NO\n", 1, "the nick me is taken at "),
        (b"X_END\n", 3, " closed the connection"),
    ];
    scope(|scope| {
        for (answer, code, expected) in cases {
            scope.spawn(move || {
                let relay = FakeRelay::start();
                let who = ["who", "--nick", "me", "--timeout", "1"];
                let who = at(relay.address(), who).start();
                let mut link = relay.0.accept();
                link.hears("X_NICK me");
                link.say(answer);
                if answer != b"X_NICK other YES\n" {
                    link.finish();
                }
                let who = who.wait().code(code).out(&[]);
                let who = who.one_error(&[&relay.address().to_string(), expected]);
                assert!(!who.err[0].contains(char::is_control), "{who}");
            });
        }
    });
}

#[test]
fn control_characters_in_a_reason_of_the_relay_are_escaped() {
    let relay = FakeRelay::start();
    let ls = at(relay.address(), ["ls", "bob", "--nick", "me"]).start();
    let mut link = relay.brings_online("me");
    assert!(link.line().unwrap().starts_with("X_INIT bob 127.0.0.1 "));
    link.say("X_ERR X_INIT \u{1b}[2Jno\u{202e} such nick: bob\n");
    let ls = ls.wait().code(3).one_error(&["cannot reach bob: the relay says ", "no"]);
    assert!(!ls.err[0].contains(|c: char| c.is_control() || c == '\u{202e}'), "{ls}");
}

#[test]
fn invalid_nicks_are_not_shown() {
    let relay = FakeRelay::start();
    let who = at(relay.address(), ["who", "--nick", "me"]).start();
    let mut link = relay.brings_online("me");
    link.hears("X_WHO");
    link.say("X_WHO \u{1b}[2J\nX_WHO a/b\nX_WHO \u{202e}x\nX_WHO good\nX_WHO EOF\n");
    who.wait().code(0).out(&["good"]);
}

#[test]
fn calls_to_addresses_that_cannot_be_a_peer_are_refused() {
    let (relay, folder) = (FakeRelay::start(), tempdir().unwrap());
    let share = ["share", "--nick", "me", "--json", "-v"];
    let share = at(relay.address(), share).args([folder.path()]).start();
    let mut link = relay.brings_online("me");
    let trap = Port::open();
    let port = trap.number();
    let refused = [
        // These would all reach the trap if they were dialled.
        (format!("0.0.0.0 {port}"), "0.0.0.0 is not a routable host address"),
        (format!(":: {port}"), ":: is not a routable host address"),
        (format!("::ffff:127.0.0.1 {port}"), "::ffff:127.0.0.1 is not a routable host address"),
        (format!("::127.0.0.1 {port}"), "is not a routable host address"),
        ("127.0.0.1 1023".into(), "port 1023 is below 1024"),
        ("127.0.0.1 80".into(), "port 80 is below 1024"),
        ("127.0.0.1 1".into(), "port 1 is below 1024"),
        // The metadata service of cloud machines.
        ("169.254.169.254 8080".into(), "is not allowed over this relay"),
        ("fe80::1 8080".into(), "is not allowed over this relay"),
        ("224.0.0.1 4000".into(), "224.0.0.1 is not a routable host address"),
        ("255.255.255.255 4000".into(), "is not a routable host address"),
        ("ff02::1 4000".into(), "is not a routable host address"),
    ];
    for (address, _) in &refused {
        link.say(format!("X_INIT me {address}\n"));
    }
    let malformed = [
        format!("X_INIT me localhost {port}"),
        format!("X_INIT me example.org {port}"),
        format!("X_INIT me [::1] {port}"),
        format!("X_INIT me 127.1 {port}"),
        format!("X_INIT me 2130706433 {port}"),
        format!("X_INIT me 0x7f000001 {port}"),
        format!("X_INIT me 127.0.0.1:{port} {port}"),
        "X_INIT me 127.0.0.1 0".into(),
        "X_INIT me 127.0.0.1 65536".into(),
        "X_INIT me 127.0.0.1 -1".into(),
        "X_INIT me 127.0.0.1".into(),
        "X_INIT".into(),
    ];
    for line in &malformed {
        link.say(format!("{line}\n"));
    }
    // A call to another nick.
    link.say(format!("X_INIT you 127.0.0.1 {port}\n"));
    // A valid call, which is accepted after all of those.
    let good = Port::open();
    link.say(format!("X_INIT me 127.0.0.1 {}\n", good.number()));
    let mut control = good.accept();
    control.say("X_FILELIST\n");
    control.hears("X_FILELIST EOF EOF");
    trap.is_untouched();
    drop(link);
    let share = share.stop(Signal::TERM).code(0);
    let events = share.events();
    let refusals: Vec<_> = events.iter().filter(|event| event["state"] == "refused").collect();
    assert_eq!(refusals.len(), refused.len(), "{share}");
    for ((_, expected), event) in refused.iter().zip(refusals) {
        assert_eq!(event["kind"], "policy");
        assert!(event["reason"].as_str().unwrap().contains(expected), "{event}: {expected}");
    }
    for line in malformed {
        let quoted = format!("expected X_INIT nick ip port, got \\\"{line}\\\"");
        assert!(share.out.iter().any(|event| event.contains(&quoted)), "{quoted}\n{share}");
    }
}

#[test]
fn a_flood_of_calls_does_not_flood_a_third_party() {
    let (relay, folder) = (FakeRelay::start(), tempdir().unwrap());
    let share =
        at(relay.address(), ["share", "--nick", "me", "--json"]).args([folder.path()]).start();
    let mut link = relay.brings_online("me");
    let victim = Port::open();
    link.say(format!("X_INIT me 127.0.0.1 {}\n", victim.number()).repeat(500));
    let refused = share.until("440 refusals", |lines| {
        let refused = lines.out.iter().filter(|line| line.contains("\"refused\""));
        let refused: Vec<_> = refused.cloned().collect();
        (refused.len() >= 440).then_some(refused)
    });
    // The first refusals come from the limit on the sessions of one caller.
    let limits = ["sessions at once", "too many calls in the last minute"];
    for refusal in &refused {
        assert!(limits.iter().any(|limit| refusal.contains(limit)), "{refusal}");
    }
    assert!(refused.last().unwrap().contains(limits[1]), "{refused:?}");
    drop(link);
    share.stop(Signal::TERM).code(0);
    let mut connections = 0;
    while victim.try_accept() {
        connections += 1;
    }
    assert!(connections <= 60, "{connections} connections");
}

#[test]
fn the_relay_reports_invalid_input_and_keeps_serving() {
    let relay = Relay::start();
    let over_long = [b'A'; 9000];
    let cases: [(&[u8], &str); 8] = [
        (
            b"GET / HTTP/1.1\r\n\r\n",
            "X_ERR - expected an XCHER packet such as X_NICK nick, got \"GET",
        ),
        (b"POST / HTTP/1.1\r\n\r\nX_NICK evil\n", "X_ERR - expected an XCHER packet"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\xff", "X_ERR - expected UTF-8, got the bytes ["),
        (&over_long, "X_ERR - expected a line of at most 8192 bytes, got a longer one"),
        (b"X_INIT bob 127.0.0.1 4000\n", "X_ERR X_INIT X_NICK must come first"),
        (b"X_NICK\n", "X_ERR X_NICK expected X_NICK nick, got \"X_NICK\""),
        (b"X_NICK a\x1b[2J\n", "X_NICK a\x1b[2J NO"),
        (b"X_NICK half", ""),
    ];
    for (input, expected) in cases {
        let mut client = Conn::to(relay.address);
        client.try_say(input);
        client.finish();
        let lines = client.lines();
        let first = lines.first().map_or("", String::as_str);
        assert!(
            first.starts_with(expected) && first.is_empty() == expected.is_empty(),
            "{lines:?}"
        );
        let mut good = Conn::to(relay.address);
        good.say("X_NICK evil\n");
        good.hears("X_NICK evil YES");
        good.say("X_END\n");
        assert_eq!(good.line(), None);
    }
    relay.process.stop(Signal::TERM).code(0);
}

#[test]
fn the_relay_refuses_addresses_other_than_the_callers() {
    let relay = Relay::start();
    let mut amy = Conn::to(relay.address);
    amy.say("X_NICK amy\n");
    amy.hears("X_NICK amy YES");
    let mut bob = system::wire::Chat::join(relay.address, "bob");
    for (ip, why) in [
        ("8.8.8.8", "8.8.8.8 is not your address; the relay sees you at 127.0.0.1"),
        ("127.0.0.2", "127.0.0.2 is not your address; the relay sees you at 127.0.0.1"),
        ("169.254.169.254", "is not your address; the relay sees you at "),
        ("::1", "is not your address; the relay sees you at "),
        ("0.0.0.0", "is not a routable host address"),
        ("::ffff:127.0.0.1", "is not a routable host address"),
    ] {
        amy.say(format!("X_INIT bob {ip} 4000\n"));
        let line = amy.line().unwrap();
        assert!(line.starts_with("X_ERR X_INIT refused: ") && line.contains(why), "{line}");
    }
    amy.say("X_INIT bob 127.0.0.1 4001\n");
    assert_eq!(bob.called_from(), "127.0.0.1:4001".parse().unwrap());
}
