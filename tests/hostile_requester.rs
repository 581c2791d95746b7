//! `share` against requesters that break the protocol: it keeps serving.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod system;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::process::Signal;
use system::process::Process;
use system::relay::Relay;
use system::tree;
use system::wire::{Chat, Conn, Port};
use tempfile::{TempDir, tempdir};

/// A provider of one file, `s/file` of 5 bytes.
struct Bob {
    relay: Relay,
    folder: TempDir,
    process: Process,
}

impl Bob {
    fn start(options: &[&str]) -> Self {
        let (relay, folder) = (Relay::start(), tempdir().unwrap());
        tree::write(folder.path(), [("s/file", "12345"), ("secret", "67890")]);
        let process = relay.xcher(["share", "--nick", "bob"]).args(options);
        let process = process.args([folder.path().join("s")]).start();
        process.out("online ");
        Self { relay, folder, process }
    }

    fn chat(&self, nick: &str) -> Chat {
        Chat::join(self.relay.address, nick)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Asserts that other requesters are served as before.
    #[track_caller]
    fn still_serves(&self) {
        let check = self.relay.xcher(["check", "bob", "s/file", "--nick", "honest"]).run();
        check.code(0).quiet().out(&["s/file YES"]);
    }
}

#[test]
fn a_caller_that_is_not_a_peer_is_reported_and_disconnected() {
    let bob = Bob::start(&[]);
    let cases: [(&[u8], &str); 11] = [
        (b"HELLO\n", "expected an XCHER packet, got \"HELLO\""),
        (b"x_end\n", "expected an XCHER packet, got \"x_end\""),
        (b"\r\n", "expected an XCHER packet, got \"\""),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "got \"HTTP/1.1 400 Bad Request\""),
        (b"X_FUTURE\n", "expected an XCHER packet, got \"X_FUTURE\""),
        (b"X_INIT bob 127.0.0.1 4000\n", "expected a packet of a control connection"),
        (b"X_CHK\n", "expected X_CHK name, got \"X_CHK\""),
        (b"SSH-2.0-x\x00\xff\n", "expected UTF-8, got the bytes [ff]"),
        (&[b'A'; 9000], "expected a line of at most 8192 bytes, got a longer one: \"AAAA"),
        (&[0; 100_000], "expected a line of at most 8192 bytes"),
        (b"X_CHK s/fi", "got the end of the connection after \"X_CHK s/fi\""),
    ];
    for (number, (input, expected)) in cases.into_iter().enumerate() {
        let nick = format!("amy{number}");
        let mut control = bob.chat(&nick).call("bob");
        control.try_say(input);
        control.finish();
        assert_eq!(control.lines(), [""; 0], "{expected}");
        bob.process.err(expected);
        // A caller that speaks also clears its address of those that did not.
        bob.still_serves();
    }
    bob.process.stop(Signal::TERM).code(0).out(&["online bob"]);
}

#[test]
fn a_silent_caller_is_reported_with_verbose() {
    let bob = Bob::start(&["-v"]);
    let mut control = bob.chat("amy").call("bob");
    control.finish();
    assert_eq!(control.lines(), [""; 0]);
    bob.process.err("a session did not open: connection closed");
    bob.still_serves();
}

#[test]
fn an_address_that_is_not_a_peer_is_not_dialled_again_soon() {
    let bob = Bob::start(&[]);
    let mut amy = bob.chat("amy");
    for _ in 0..4 {
        let mut control = amy.call("bob");
        control.say("HELLO\n");
        assert_eq!(control.line(), None);
    }
    let port = Port::open();
    amy.init("bob", &port);
    bob.process.err("a call from 127.0.0.1:");
    bob.process.err("127.0.0.1 did not speak XCHER when it was last dialled");
    port.is_untouched();
}

#[test]
fn an_invalid_line_ends_the_session_and_is_quoted() {
    let bob = Bob::start(&[]);
    let cases = [
        ("HELLO\n", "expected an XCHER packet, got \"HELLO\""),
        ("X_REQUEST s/file 5 0\n", "X_REQUEST name size port, got \"X_REQUEST s/file 5 0\""),
        ("X_REQUEST s/file 5 65536\n", "got \"X_REQUEST s/file 5 65536\""),
        ("X_REQUEST s/file 5 -1\n", "got \"X_REQUEST s/file 5 -1\""),
        ("X_REQUEST s/file 5 port\n", "got \"X_REQUEST s/file 5 port\""),
        ("X_REQUEST s/file 18446744073709551616 4000\n", "18446744073709551616 4000\""),
        (
            "X_REQUEST s/file 9999999999999tb 4000\n",
            "got \"X_REQUEST s/file 9999999999999tb 4000\"",
        ),
        ("X_REQUEST s/file 5\n", "got \"X_REQUEST s/file 5\""),
        ("X_REQUEST\n", "got \"X_REQUEST\""),
        ("X_FILELIST x 1\n", "unsolicited response: \"X_FILELIST x 1\""),
        ("X_FILELIST EOF EOF\n", "unsolicited response: "),
        (
            "X_CHK \u{1b}[2J\u{202e}",
            "got the end of the connection after \"X_CHK \\u{1b}[2J\\u{202e}\"",
        ),
    ];
    for (number, (input, expected)) in cases.into_iter().enumerate() {
        let mut control = bob.chat(&format!("amy{number}")).call("bob");
        control.say("X_CHK s/file\n");
        control.hears("X_CHK s/file YES");
        control.say(input);
        control.finish();
        assert_eq!(control.lines(), [""; 0]);
        bob.process.err(&format!("amy{number} (127.0.0.1) is gone: "));
        bob.process.err(expected);
    }
    bob.still_serves();
    let bob = bob.process.stop(Signal::TERM).code(0);
    assert!(bob.err.iter().all(|line| !line.contains(char::is_control)), "{bob}");
}

#[test]
fn requests_for_unshared_files_or_unusable_ports_are_refused() {
    let bob = Bob::start(&[]);
    let mut control = bob.chat("amy").call("bob");
    let data = Port::open();
    let port = data.number();
    let unused = Port::open().number();
    let long = "x".repeat(2000);
    for (name, size, port) in [
        ("s/none", "5", port),
        ("s", "5", port),
        ("file", "5", port),
        ("s/file", "4", port),
        ("s/file", "18446744073709551615", port),
        ("../secret", "5", port),
        ("s/../../secret", "5", port),
        ("/etc/passwd", "5", port),
        ("s//file", "5", port),
        ("s/\u{7}", "5", port),
        (&long, "5", port),
        // A transfer must not reach a service at a system port.
        ("s/file", "5", 1),
        ("s/file", "5", 80),
        ("s/file", "5", 1023),
        ("s/file", "5", unused),
    ] {
        control.say(format!("X_REQUEST {name} {size} {port}\n"));
        control.hears(&format!("X_CHK {name} NO"));
    }
    data.is_untouched();
    control.say(format!("X_REQUEST s/file 5 {port}\n"));
    assert_eq!(data.accept().rest().bytes, b"12345");
}

#[test]
fn a_request_whose_port_never_accepts_is_refused_in_time() {
    let bob = Bob::start(&["--timeout", "1"]);
    let mut control = bob.chat("amy").call("bob");
    let (_full, port, _held) = system::wire::full_port();
    control.say(format!("X_REQUEST s/file 5 {port}\n"));
    control.hears("X_CHK s/file NO");
    bob.process.err("s/file: no data connection within 1 s");
    bob.still_serves();
}

#[test]
fn requesters_that_never_read_do_not_block_others() {
    let bob = Bob::start(&[]);
    let large = 1u64 << 40;
    fs::File::create(bob.path("s/large")).unwrap().set_len(large).unwrap();
    tree::write(&bob.path("s/many"), (0..4000).map(|n| (format!("{n:0>200}"), "")));
    let mut control = bob.chat("amy").call("bob");
    let ports: Vec<_> = (0..20).map(|_| Port::open()).collect();
    for port in &ports {
        control.say(format!("X_REQUEST s/large {large} {}\n", port.number()));
    }
    // Sixteen transfers start and stall; the others wait their turn.
    let held: Vec<Conn> = ports[..16].iter().map(Port::accept).collect();
    ports[16].is_untouched();
    // This requester does not read the listings it requests either.
    let mut deaf = bob.chat("deaf").call("bob");
    deaf.say("X_FILELIST\n".repeat(250));
    bob.still_serves();
    let out = bob.path("out");
    let get =
        bob.relay.xcher(["get", "bob", "s/file", "--nick", "honest", "-o"]).args([&out]).run();
    get.code(0).quiet();
    let peak = bob.process.peak();
    println!("peak of share: {peak} KiB");
    assert!(!cfg!(target_os = "linux") || peak < 24 << 10, "{peak} KiB");
    drop(held);
    bob.process.stop(Signal::TERM).code(0);
}

#[test]
fn a_requester_that_never_reads_is_not_read_either() {
    let bob = Bob::start(&[]);
    let idle = bob.process.peak();
    let mut deaf = bob.chat("deaf").call("bob");
    let max = 100 << 20;
    let request = format!("X_CHK {}\n", "x".repeat(7000));
    let sent = deaf.say_until_full(&request, max);
    assert!(sent < max, "all {sent} bytes were read");
    bob.still_serves();
    let peak = bob.process.peak();
    println!("peak of share: {peak} KiB after {sent} bytes (idle {idle})");
    assert!(!cfg!(target_os = "linux") || peak < idle + (6 << 10), "{idle}, then {peak} KiB");
}

#[test]
fn a_requester_that_stops_reading_is_disconnected() {
    let bob = Bob::start(&["--timeout", "1"]);
    fs::File::create(bob.path("s/large")).unwrap().set_len(1 << 40).unwrap();
    let mut control = bob.chat("amy").call("bob");
    let port = Port::open();
    control.say(format!("X_REQUEST s/large 1tb {}\n", port.number()));
    let mut data = port.accept();
    bob.process.until("the timeout of the transfer", |lines| {
        let error = "s/large: the peer received nothing within 2 s";
        lines.err.iter().any(|line| line.contains(error)).then_some(())
    });
    assert!(data.rest().reset);
    bob.still_serves();
}

/// Requests a large file that changes while it is sent; returns the rest of the data connection.
fn change_while_sent(change: impl FnOnce(&Path)) -> (Bob, system::wire::Rest) {
    let bob = Bob::start(&[]);
    let size = 1u64 << 40;
    let path = bob.path("s/large");
    fs::File::create(&path).unwrap().set_len(size).unwrap();
    let mut control = bob.chat("amy").call("bob");
    let port = Port::open();
    control.say(format!("X_REQUEST s/large {size} {}\n", port.number()));
    let mut data = port.accept();
    data.bytes(1 << 20);
    change(&path);
    let rest = data.rest();
    (bob, rest)
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_is_aborted_and_reported() {
    let (bob, rest) = change_while_sent(|path| {
        fs::File::options().write(true).open(path).unwrap().set_len(1000).unwrap();
    });
    assert!(rest.reset, "the connection ended as if the file were complete");
    let line = bob.process.err("s/large: not sent completely");
    assert!(line.contains("the file shrank from 1099511627776 to "), "{line}");
    bob.still_serves();
}

#[test]
fn a_file_that_changed_since_it_was_listed_is_not_sent() {
    type Change = fn(&Path, &Path);
    let changes: [(&str, Change); 6] = [
        ("a link out", |path, secret| symlink(secret, path).unwrap()),
        ("a relative link out", |path, _| symlink("../secret", path).unwrap()),
        ("nothing", |_, _| {}),
        ("a folder", |path, _| fs::create_dir(path).unwrap()),
        ("a longer file", |path, _| fs::write(path, "123456").unwrap()),
        ("a pipe", |path, _| {
            let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
            assert!(made.success());
        }),
    ];
    for (what, change) in changes {
        let bob = Bob::start(&[]);
        let mut control = bob.chat("amy").call("bob");
        control.say("X_FILELIST\n");
        control.hears("X_FILELIST s/file 5");
        control.hears("X_FILELIST EOF EOF");
        let path = bob.path("s/file");
        fs::remove_file(&path).unwrap();
        change(&path, &bob.path("secret"));
        let data = Port::open();
        control.say(format!("X_REQUEST s/file 5 {}\n", data.number()));
        control.hears("X_CHK s/file NO");
        data.is_untouched();
        control.say("X_CHK s/file\n");
        let answer = if what == "a longer file" { "YES" } else { "NO" };
        control.hears(&format!("X_CHK s/file {answer}"));
    }
}

#[test]
fn a_shared_folder_replaced_by_a_link_exposes_no_other_files() {
    let bob = Bob::start(&[]);
    tree::write(bob.folder.path(), [("other/secret", "67890")]);
    fs::rename(bob.path("s"), bob.path("moved")).unwrap();
    symlink("other", bob.path("s")).unwrap();
    bob.relay.xcher(["check", "bob", "s/secret"]).run().code(1).out(&["s/secret NO"]);
    // The folder that was shared stays shared.
    bob.still_serves();
}

#[test]
fn a_disconnect_at_any_byte_does_no_harm() {
    let bob = Bob::start(&[]);
    let data = Port::open();
    let input = format!("X_CHK s/file\nX_REQUEST s/file 5 {}\nX_END\n", data.number());
    let first_line_len = "X_CHK s/file\n".len();
    // Callers that send no complete line alternate with those that do, or their address would be blocked.
    let silent = 0..first_line_len;
    let speaking = first_line_len..=input.len();
    let mut cuts: Vec<_> = speaking.collect();
    for (number, cut) in silent.enumerate() {
        cuts.insert(2 * number + 1, cut);
    }
    for (number, cut) in cuts.into_iter().enumerate() {
        let mut control = bob.chat(&format!("amy{number}")).call("bob");
        control.say(&input[..cut.min(first_line_len)]);
        if cut >= first_line_len {
            control.hears("X_CHK s/file YES");
            control.say(&input[first_line_len..cut]);
        }
        control.finish();
        // The transfer can fail once its session has ended.
        let rest = control.lines();
        assert!(rest.iter().all(|line| line == "X_CHK s/file NO"), "cut at {cut}: {rest:?}");
    }
    bob.still_serves();
    bob.process.stop(Signal::TERM).code(0);
}

#[test]
fn requests_in_one_segment_are_answered_one_by_one() {
    let bob = Bob::start(&[]);
    let mut control = bob.chat("amy").call("bob");
    let name = |at: usize| if at.is_multiple_of(2) { "s/file" } else { "s/none" };
    let requests: String = (0..256).map(|at| format!("X_CHK {}\n", name(at))).collect();
    for _ in 0..2 {
        control.say(&requests);
        for at in 0..256 {
            let answer = if name(at) == "s/file" { "YES" } else { "NO" };
            control.hears(&format!("X_CHK {} {answer}", name(at)));
        }
    }
}
