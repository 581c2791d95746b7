//! Bad input gets one clear message that names it.

#![allow(clippy::unwrap_used)]

mod system;

use std::fs;

use system::process::{Done, xcher};
use system::relay::Relay;
use system::wire::{Chat, Conn};
use tempfile::tempdir;

/// Asserts that a line names the input, in harmless characters.
#[track_caller]
fn assert_clear(line: &str, got: &str) {
    assert!(line.contains(got), "{line:?}");
    assert!(!line.contains(xcher_core::is_deceptive), "{line:?}");
    assert!(line.len() < 1_000, "{} bytes: {line:?}", line.len());
}

/// Asserts that a command failed with one such line.
#[track_caller]
fn assert_one_clear_error(done: Done, got: &str) {
    let is_error = |line: &&String| line.starts_with("error: ") || line.starts_with("xcher: ");
    let errors: Vec<_> = done.err.iter().filter(is_error).collect();
    assert_eq!(errors.len(), 1, "{done}");
    assert_clear(errors[0], got);
    assert!(
        done.code != Some(0) && !done.err.iter().any(|line| line.contains("panicked")),
        "{done}"
    );
}

#[test]
fn bad_input_from_the_command_line_gets_one_clear_message() {
    let folder = tempdir().unwrap();
    let long = "x".repeat(10_000);
    for (args, got) in [
        (&["ls", "a\u{1b}[2Jb"][..], "a\\u{1b}[2Jb"),
        (&["ls", &long], "xxx"),
        (&["check", "bob", "../x"], "../x"),
        (&["check", "bob", "a\u{202e}b"], "a\\u{202e}b"),
        (&["check", "bob", &long], "xxx"),
        (&["get", "4821-no-such-words"], "\"no\""),
        (&["who", "--limit-send", "1"], "1"),
        (&["who", "--relay", "a b"], "a b"),
        (&["who", "--relay", "http://"], "http://"),
        (&["get", "bob", "x", "--max-size", "much"], "much"),
        (&["peers", "pin", "bob", "AAAA"], "AAAA"),
    ] {
        assert_one_clear_error(xcher(args).dir(folder.path()).run(), got);
    }
    let config = folder.path().join("config.toml");
    for (text, got) in [("timeout = [1]\n", "one value"), ("nosuch = 1\n", "nosuch")] {
        fs::write(&config, text).unwrap();
        assert_one_clear_error(xcher(["who", "--config"]).args([&config]).run(), got);
    }
}

#[test]
fn bad_input_from_a_peer_gets_one_clear_message() {
    let relay = Relay::start();
    let long = "A".repeat(9_000);
    let bad: [(&[u8], &str); 9] = [
        (b"NONSENSE\n", "NONSENSE"),
        (b"GET / HTTP/1.1\r\n", "GET / HTTP/1.1"),
        (b"\xff\xfe\n", "ff"),
        (long.as_bytes(), "8192"),
        (b"X_FILELIST ../x 1\nX_FILELIST EOF EOF\n", "../x"),
        (b"X_FILELIST a\x1b[2Jb 1\nX_FILELIST EOF EOF\n", "2Jb"),
        (b"X_FILELIST a much\nX_FILELIST EOF EOF\n", "much"),
        (b"X_FILELIST a 99999999999999999999999\nX_FILELIST EOF EOF\n", "99999"),
        (b"X_REQUEST a 1 0\n", "0"),
    ];
    for (number, (input, got)) in bad.into_iter().enumerate() {
        let nick = format!("bob{number}");
        let mut bob = Chat::join(relay.address, &nick);
        let ls = relay.xcher(["ls", &nick, "--timeout", "5"]).start();
        let mut control = bob.called();
        control.hears("X_FILELIST");
        control.try_say(input);
        assert_one_clear_error(ls.wait(), got);
    }
}

#[test]
fn bad_input_to_a_relay_gets_one_clear_message() {
    let relay = Relay::start();
    for (input, got) in [
        ("GET / HTTP/1.1\r\n", "GET / HTTP/1.1"),
        ("X_NICK a b\n", "a b"),
        ("X_NICK me\nX_INIT bob 1.2.3.4 99999\n", "99999"),
        ("X_NICK me\nX_INIT bob 1.2.3 5000\n", "1.2.3"),
        ("X_NICK me\nX_INIT bob nowhere 5000\n", "nowhere"),
    ] {
        let mut conn = Conn::to(relay.address);
        conn.say(input);
        conn.finish();
        let errors: Vec<_> =
            conn.lines().into_iter().filter(|line| line.starts_with("X_ERR")).collect();
        assert_eq!(errors.len(), 1, "{input:?}: {errors:?}");
        assert!(errors[0].contains("expected "), "{errors:?}");
        assert_clear(&errors[0], got);
    }
}
