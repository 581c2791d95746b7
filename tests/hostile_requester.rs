//! Requesters that break the rules, against `share`, which goes on.

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

    /// Expects that others are served as before.
    #[track_caller]
    fn still_serves(&self) {
        let check = self.relay.xcher(["check", "bob", "s/file", "--nick", "honest"]).run();
        check.code(0).quiet().out(&["s/file YES"]);
    }
}

#[test]
fn a_caller_that_is_no_peer_is_told_and_left() {
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
    for (number, (said, expected)) in cases.into_iter().enumerate() {
        let nick = format!("amy{number}");
        let mut control = bob.chat(&nick).call("bob");
        control.try_say(said);
        control.finish();
        assert_eq!(control.lines(), [""; 0], "{expected}");
        bob.process.err(expected);
        // One who speaks also clears the address of those who did not.
        bob.still_serves();
    }
    bob.process.stop(Signal::TERM).code(0).out(&["online bob"]);
}

#[test]
fn a_caller_that_says_nothing_is_told_to_whom_it_may_concern() {
    let bob = Bob::start(&["-v"]);
    let mut control = bob.chat("amy").call("bob");
    control.finish();
    assert_eq!(control.lines(), [""; 0]);
    bob.process.err("a session did not open: connection closed");
    bob.still_serves();
}

#[test]
fn an_address_that_never_speaks_is_not_dialled_for_a_while() {
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
fn a_line_that_is_wrong_ends_the_session_and_is_named() {
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
    for (number, (said, expected)) in cases.into_iter().enumerate() {
        let mut control = bob.chat(&format!("amy{number}")).call("bob");
        control.say("X_CHK s/file\n");
        control.hears("X_CHK s/file YES");
        control.say(said);
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
fn requests_that_are_not_to_be_served_get_a_no() {
    let bob = Bob::start(&[]);
    let mut control = bob.chat("amy").call("bob");
    let data = Port::open();
    let port = data.number();
    let nobody = Port::open().number();
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
        // No service of the system is to be reached by what pours into it.
        ("s/file", "5", 1),
        ("s/file", "5", 80),
        ("s/file", "5", 1023),
        ("s/file", "5", nobody),
    ] {
        control.say(format!("X_REQUEST {name} {size} {port}\n"));
        control.hears(&format!("X_CHK {name} NO"));
    }
    data.is_untouched();
    control.say(format!("X_REQUEST s/file 5 {port}\n"));
    assert_eq!(data.accept().rest().bytes, b"12345");
}

#[test]
fn a_port_that_never_accepts_gets_a_no_in_time() {
    let bob = Bob::start(&["--timeout", "1"]);
    let mut control = bob.chat("amy").call("bob");
    let (_full, port, _held) = system::wire::full_port();
    control.say(format!("X_REQUEST s/file 5 {port}\n"));
    control.hears("X_CHK s/file NO");
    bob.process.err("s/file: no data connection within 1 s");
    bob.still_serves();
}

#[test]
fn requesters_that_never_read_hold_nobody_up() {
    let bob = Bob::start(&[]);
    let large = 1u64 << 40;
    fs::File::create(bob.path("s/large")).unwrap().set_len(large).unwrap();
    tree::write(&bob.path("s/many"), (0..4000).map(|n| (format!("{n:0>200}"), "")));
    let mut control = bob.chat("amy").call("bob");
    let ports: Vec<_> = (0..20).map(|_| Port::open()).collect();
    for port in &ports {
        control.say(format!("X_REQUEST s/large {large} {}\n", port.number()));
    }
    // Sixteen are on their way and stand still; the others wait their turn.
    let held: Vec<Conn> = ports[..16].iter().map(Port::accept).collect();
    ports[16].is_untouched();
    // Nor does this one read the lists that it asks for.
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
fn one_who_asks_and_never_reads_is_not_read_either() {
    let bob = Bob::start(&[]);
    let idle = bob.process.peak();
    let mut deaf = bob.chat("deaf").call("bob");
    let most = 100 << 20;
    let question = format!("X_CHK {}\n", "x".repeat(7000));
    let said = deaf.say_until_full(&question, most);
    assert!(said < most, "all of {said} bytes were read");
    bob.still_serves();
    let peak = bob.process.peak();
    println!("peak of share: {peak} KiB after {said} bytes (idle {idle})");
    assert!(!cfg!(target_os = "linux") || peak < idle + (6 << 10), "{idle}, then {peak} KiB");
}

#[test]
fn a_requester_that_stops_reading_is_cut() {
    let bob = Bob::start(&["--timeout", "1"]);
    fs::File::create(bob.path("s/large")).unwrap().set_len(1 << 40).unwrap();
    let mut control = bob.chat("amy").call("bob");
    let port = Port::open();
    control.say(format!("X_REQUEST s/large 1tb {}\n", port.number()));
    let mut data = port.accept();
    bob.process.until("the end of its patience", |lines| {
        let said = "s/large: the peer received nothing within 2 s";
        lines.err.iter().any(|line| line.contains(said)).then_some(())
    });
    assert!(data.rest().reset);
    bob.still_serves();
}

/// A requester's view of a large file that changes while it is sent.
fn while_sent(change: impl FnOnce(&Path)) -> (Bob, system::wire::Rest) {
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
fn a_file_that_shrinks_while_it_is_sent_is_cut_and_told() {
    let (bob, rest) = while_sent(|path| {
        fs::File::options().write(true).open(path).unwrap().set_len(1000).unwrap();
    });
    assert!(rest.reset, "an end as if it were the file's");
    let said = bob.process.err("s/large: not sent completely");
    assert!(said.contains("the file shrank from 1099511627776 to "), "{said}");
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
fn a_shared_folder_that_is_swapped_for_a_link_leads_nowhere_else() {
    let bob = Bob::start(&[]);
    tree::write(bob.folder.path(), [("other/secret", "67890")]);
    fs::rename(bob.path("s"), bob.path("moved")).unwrap();
    symlink("other", bob.path("s")).unwrap();
    bob.relay.xcher(["check", "bob", "s/secret"]).run().code(1).out(&["s/secret NO"]);
    // What was shared is still what it was.
    bob.still_serves();
}

#[test]
fn an_end_at_any_byte_harms_nobody() {
    let bob = Bob::start(&[]);
    let data = Port::open();
    let whole = format!("X_CHK s/file\nX_REQUEST s/file 5 {}\nX_END\n", data.number());
    let spoken = "X_CHK s/file\n".len();
    // Those who say no whole line come between those who do, or the address would be left alone.
    let silent = 0..spoken;
    let speaking = spoken..=whole.len();
    let mut cuts: Vec<_> = speaking.collect();
    for (number, cut) in silent.enumerate() {
        cuts.insert(2 * number + 1, cut);
    }
    for (number, cut) in cuts.into_iter().enumerate() {
        let mut control = bob.chat(&format!("amy{number}")).call("bob");
        control.say(&whole[..cut.min(spoken)]);
        if cut >= spoken {
            control.hears("X_CHK s/file YES");
            control.say(&whole[spoken..cut]);
        }
        control.finish();
        // The file may fail to be sent once its session is gone.
        let rest = control.lines();
        assert!(rest.iter().all(|line| line == "X_CHK s/file NO"), "cut at {cut}: {rest:?}");
    }
    bob.still_serves();
    bob.process.stop(Signal::TERM).code(0);
}

#[test]
fn questions_in_one_chunk_are_answered_one_by_one() {
    let bob = Bob::start(&[]);
    let mut control = bob.chat("amy").call("bob");
    let question = |at: usize| if at.is_multiple_of(2) { "s/file" } else { "s/none" };
    let asked: String = (0..256).map(|at| format!("X_CHK {}\n", question(at))).collect();
    for _ in 0..2 {
        control.say(&asked);
        for at in 0..256 {
            let answer = if question(at) == "s/file" { "YES" } else { "NO" };
            control.hears(&format!("X_CHK {} {answer}", question(at)));
        }
    }
}
