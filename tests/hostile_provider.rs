//! Providers that break the rules, against `ls`, `check` and `get`.

#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::os::unix::fs::symlink;
use std::thread::scope;

use system::process::{Done, xcher};
use system::relay::{Relay, by};
use system::tree;
use system::wire::{Chat, Conn};
use tempfile::tempdir;

/// First lines of programs that are not peers, and the error for each.
fn first_lines_of_non_peers() -> Vec<(Vec<u8>, &'static str)> {
    vec![
        (b"HELLO\n".into(), "expected an XCHER packet, got \"HELLO\""),
        (b"x_filelist\n".into(), "expected an XCHER packet, got \"x_filelist\""),
        (b"\n".into(), "expected an XCHER packet, got \"\""),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".into(), "got \"GET / HTTP/1.1\""),
        (b"POST / HTTP/1.1\r\n\r\nX_FILELIST EOF EOF\n".into(), "got \"POST / HTTP/1.1\""),
        (b"X_FUTURE 1\n".into(), "expected an XCHER packet, got \"X_FUTURE 1\""),
        (b"X_INIT bob 127.0.0.1 4000\n".into(), "expected a packet of a control connection"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\xff".into(), "expected UTF-8, got the bytes [fc]"),
        ([0xff; 300].into(), "expected UTF-8, got the bytes [ff]"),
        (vec![b'A'; 9000], "expected a line of at most 8192 bytes, got a longer one: \"AAAA"),
        (vec![b'X'; 200_000], "expected a line of at most 8192 bytes"),
        (b"X_FI".into(), "got the end of the connection after \"X_FI\""),
        (b"".into(), "connection closed"),
    ]
}

#[test]
fn a_program_that_is_not_a_peer_is_reported_and_ignored() {
    let relay = Relay::start();
    scope(|scope| {
        for (number, (bytes, expected)) in first_lines_of_non_peers().into_iter().enumerate() {
            let relay = &relay;
            scope.spawn(move || {
                let nick = format!("bob{number}");
                let mut bob = Chat::join(relay.address, &nick);
                let ls = relay.xcher(["ls", &nick, "--timeout", "1"]).start();
                let mut control = Conn::to(bob.called_from());
                control.hears("X_CHK //xcher/2");
                control.try_say(bytes);
                drop(control);
                let ls = ls.wait().code(3).out(&[]);
                let parts = ["did not connect back within 1 s", expected];
                ls.one_error(&parts);
            });
        }
    });
}

/// Runs `check bob x` against a provider that proves to be a peer and then sends `input`.
fn after_a_packet(relay: &Relay, nick: &str, input: &[u8]) -> Done {
    let mut bob = Chat::join(relay.address, nick);
    let check = relay.xcher(["check", nick, "x", "--timeout", "2"]).start();
    let mut control = bob.called();
    control.hears("X_CHK x");
    control.say("X_CHK y\n");
    control.hears("X_CHK y NO");
    control.try_say(input);
    control.finish();
    check.wait()
}

#[test]
fn an_invalid_line_ends_the_session_and_is_quoted() {
    let relay = Relay::start();
    let over = format!("X_CHK {}\n", "x".repeat(8192));
    let cases: [(&[u8], &str); 22] = [
        (b"HELLO\n", "expected an XCHER packet, got \"HELLO\""),
        (b"x_chk x\n", "expected an XCHER packet, got \"x_chk x\""),
        (b"\n", "expected an XCHER packet, got \"\""),
        (b"\x1b[2J\n", "expected an XCHER packet, got \"\\u{1b}[2J\""),
        (b"X_CHK\n", "expected X_CHK name, got \"X_CHK\""),
        (b"X_CHK \n", "expected X_CHK name, got \"X_CHK \""),
        (b"X_FILELIST a\n", "X_FILELIST name size"),
        (b"X_FILELIST a -1\n", "X_FILELIST name size"),
        (b"X_FILELIST a 18446744073709551616\n", "got \"X_FILELIST a 18446744073709551616\""),
        (b"X_FILELIST a 99999999999999999999999tb\n", "X_FILELIST name size"),
        (b"X_FILELIST a 1\n", "unsolicited response: \"X_FILELIST a 1\""),
        (b"X_FILELIST EOF EOF\n", "unsolicited response: "),
        (b"X_REQUEST a 1\n", "expected X_REQUEST name size port, got \"X_REQUEST a 1\""),
        (b"X_REQUEST a 1 0\n", "expected X_REQUEST name size port, got \"X_REQUEST a 1 0\""),
        (b"X_REQUEST a 1 65536\n", "expected X_REQUEST name size port"),
        (b"X_REQUEST a 18446744073709551616 4000\n", "expected X_REQUEST name size port"),
        (b"X_END now\n", "expected X_END, got \"X_END now\""),
        (b"X_INIT bob 127.0.0.1 4000\n", "expected a packet of a control connection"),
        (b"X_CHK \xc3\x28\n", "expected UTF-8, got the bytes [c3]"),
        (b"X_CHK x YES", "got the end of the connection after \"X_CHK x YES\""),
        (b"\xe6\x97", "expected the rest of a line, got the end of the connection after"),
        (over.as_bytes(), "expected a line of at most 8192 bytes, got a longer one"),
    ];
    for (number, (input, expected)) in cases.into_iter().enumerate() {
        let nick = format!("bob{number}");
        let done = after_a_packet(&relay, &nick, input);
        let done = done.code(1).out(&[]);
        done.one_error(&[&format!("the session with {nick} ended: "), expected]);
    }
}

#[test]
fn an_answer_that_never_ends_times_out() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    scope(|scope| {
        for (command, answer) in [
            (&["ls"][..], "X_FILELIST a 1\nX_FILELIST b"),
            (&["get", "a"], "X_FILELIST a 1\n"),
            (&["check", "a"], "X_CHK other\n"),
        ] {
            let (relay, folder) = (&relay, folder.path());
            scope.spawn(move || {
                let nick = format!("{}er", command[0]);
                let mut bob = Chat::join(relay.address, &nick);
                let done = relay.xcher([command[0], &nick, "--timeout", "1"]).args(&command[1..]);
                let done = done.dir(folder).start();
                let mut control = bob.called();
                assert_ne!(control.line(), None, "expected a request");
                control.say(answer);
                let parts = [
                    &format!("the session with {nick} ended: "),
                    "the peer did not answer within 2 s",
                ];
                done.wait().code(3).one_error(&parts);
            });
        }
    });
}

#[test]
fn unknown_packets_of_later_versions_are_ignored() {
    let relay = Relay::start();
    let done = after_a_packet(&relay, "bob", b"X_FUTURE a b c\nX_CAPS x\r\nX_CHK x YES\r\n");
    done.code(0).quiet().out(&["x YES"]);
}

/// Fetches `file` of 5 bytes from a provider that uses its data connection as `send` does.
fn receive(send: impl FnOnce(Conn)) -> (Done, tree::Tree, tree::Tree) {
    receive_with(&[], send)
}

fn receive_with(options: &[&str], send: impl FnOnce(Conn)) -> (Done, tree::Tree, tree::Tree) {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let mut bob = Chat::join(relay.address, "bob");
    let get = relay.xcher(["get", "bob", "file"]).args(options);
    let get = get.dir(folder.path()).start();
    let mut control = bob.called();
    control.lists(&["file 5"]);
    send(Conn::to(control.requested("file", "5")));
    assert_eq!(control.lines(), ["X_END"]);
    drop(control);
    let done = get.wait().out(&[]);
    (done, tree::finished(folder.path()), tree::partials(folder.path()))
}

#[test]
fn too_few_too_many_or_no_bytes_do_not_make_a_file() {
    type Case<'a> = (&'a [u8], &'a str, &'a [u8]);
    let cases: [Case<'_>; 5] = [
        (b"", "file: incomplete: 0 B of 5 B", b""),
        (b"123", "file: incomplete: 3 B of 5 B", b"123"),
        (b"1234", "file: incomplete: 4 B of 5 B", b"1234"),
        (b"123456", "file: the peer sent more than the announced 5 B", b"12345"),
        (b"GET / HTTP/1.1\r\n\r\n", "file: the peer sent more than the announced 5 B", b"GET /"),
    ];
    for (sent, expected, kept) in cases {
        let (done, finished, partials) = receive(|mut data| data.say(sent));
        let done = done.code(1).error(&[expected]);
        assert!(finished.is_empty(), "{finished:?}\n{done}");
        let partials: Vec<_> = partials.into_values().collect();
        let kept: &[&[u8]] = if kept.is_empty() { &[] } else { &[kept] };
        assert_eq!(partials, kept, "{done}");
    }
}

#[test]
fn a_reset_connection_does_not_complete_a_file() {
    let relay = Relay::start();
    for (path, nick) in [(relay.address.to_string(), "bob"), (relay.tunnel(), "ben")] {
        let folder = tempdir().unwrap();
        let mut provider = Chat::join(relay.address, nick);
        let get = xcher(["get", nick, "file", "--json"]).args(by(&path)).dir(folder.path()).start();
        let mut control = provider.called();
        control.lists(&["file 1kb"]);
        let mut data = Conn::to(control.requested("file", "1kb"));
        // The fewest bytes that a file of this rounded size has.
        data.say([7; 1024]);
        get.until("progress", |lines| {
            lines.out.iter().any(|line| line.contains("\"bytes\":1024")).then_some(())
        });
        data.reset();
        get.wait().code(1).error(&["file: incomplete: 1024 of 1kb bytes", "reset"]);
        assert!(tree::finished(folder.path()).is_empty(), "{path}");
    }
}

#[test]
fn more_bytes_than_a_rounded_size_allows_fail_the_transfer() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let mut bob = Chat::join(relay.address, "bob");
    let get = relay.xcher(["get", "bob", "file"]).dir(folder.path()).start();
    let mut control = bob.called();
    control.lists(&["file 1kb"]);
    Conn::to(control.requested("file", "1kb")).try_say([7; 3000]);
    get.wait().code(1).error(&["file: the peer sent more than the announced"]);
    assert!(tree::finished(folder.path()).is_empty());
}

#[test]
fn a_missing_data_connection_fails_one_file_alone() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let mut bob = Chat::join(relay.address, "bob");
    let get = ["get", "bob", "a", "b", "--timeout", "1"];
    let get = relay.xcher(get).dir(folder.path()).start();
    let mut control = bob.called();
    control.lists(&["a 1", "b 1"]);
    control.requested("a", "1");
    Conn::to(control.requested("b", "1")).say("1");
    let get = get.wait().code(1).out(&["b"]);
    get.one_error(&["a: no data connection within 1 s"]);
}

#[test]
fn a_stalled_data_connection_times_out() {
    let (done, finished, partials) = receive_with(&["--timeout", "1"], |mut data| {
        data.say("123");
        data.rest();
    });
    done.code(1).error(&["file: incomplete: 3 B of 5 B: the transfer stalled"]);
    assert!(finished.is_empty());
    assert_eq!(partials.into_values().collect::<Vec<_>>(), [b"123"]);
}

#[test]
fn a_third_party_at_the_data_port_is_disconnected() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let mut bob = Chat::join(relay.address, "bob");
    let get = relay.xcher(["get", "bob", "file", "-v"]).dir(folder.path()).start();
    let mut control = bob.called();
    control.lists(&["file 5"]);
    let port = control.requested("file", "5");
    for input in ["12345", "", "GET / HTTP/1.1\r\n\r\n"] {
        let mut outsider = Conn::from("127.0.0.2", port);
        outsider.try_say(input);
        assert_eq!(outsider.rest().bytes, b"", "expected it to be closed at once");
    }
    Conn::to(port).say("right");
    let get = get.wait().code(0).out(&["file"]);
    get.error(&["closed a data connection from 127.0.0.2: the peer is at 127.0.0.1"]);
    assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"right");
}

#[test]
fn a_third_party_at_the_control_port_does_not_block_the_peer() {
    let relay = Relay::start();
    let mut bob = Chat::join(relay.address, "bob");
    for (input, expected) in [
        ("GET / HTTP/1.1\r\n\r\n", "got \"GET / HTTP/1.1\""),
        ("garbage\n", "got \"garbage\""),
        ("", "closed"),
    ] {
        let check = relay.xcher(["check", "bob", "x", "-v"]).start();
        let port = bob.called_from();
        let mut outsider = Conn::from("127.0.0.2", port);
        outsider.try_say(input);
        outsider.finish();
        outsider.rest();
        let mut control = Conn::to(port);
        control.refuses_extensions();
        control.hears("X_CHK x");
        control.say("X_CHK x YES\n");
        let check = check.wait().code(0).out(&["x YES"]);
        check.error(&["closed a connection from 127.0.0.2, which is not the peer: ", expected]);
    }
}

#[test]
fn a_silent_third_party_at_the_control_port_is_ignored() {
    let relay = Relay::start();
    let mut bob = Chat::join(relay.address, "bob");
    let check = relay.xcher(["check", "bob", "x"]).start();
    let port = bob.called_from();
    let outsider = Conn::from("127.0.0.2", port);
    let mut control = Conn::to(port);
    control.refuses_extensions();
    control.hears("X_CHK x");
    control.say("X_CHK x YES\n");
    check.wait().code(0).quiet().out(&["x YES"]);
    drop(outsider);
}

#[test]
fn names_that_move_a_cursor_or_leave_the_folder_are_escaped_and_left_out() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let out = folder.path().join("out");
    let long = format!("{} 1", "x".repeat(256));
    let bad = [
        "a\u{1b}[2Jb 1",
        "\u{202e}gpj.exe 1",
        "a\u{200b}b 1",
        "a\tb 1",
        "a\u{7f} 1",
        "a\u{85}b 1",
        "../../etc/passwd 1",
        ".. 1",
        ". 1",
        "/abs 1",
        "a//b 1",
        "a/ 1",
        "a/../b 1",
        &long,
        ".xcher-partial/x 1",
    ];
    let mut entries = bad.to_vec();
    entries.push("good 1");
    let mut bob = Chat::join(relay.address, "bob");
    let ls = relay.xcher(["ls", "bob"]).start();
    let mut control = bob.called();
    control.lists(&entries);
    let ls = ls.wait().code(4).out(&["1\t.xcher-partial/x", "1\tgood"]);
    assert_eq!(ls.err.len(), bad.len() - 1, "{ls}");
    drop(control);

    let get = relay.xcher(["get", "bob", "--all", "--hidden", "-o"]).args([&out]).start();
    let mut control = bob.called();
    control.lists(&entries);
    Conn::to(control.requested(".xcher-partial/x", "1")).say("1");
    Conn::to(control.requested("good", "1")).say("1");
    let get = get.wait().code(1).error(&["\".xcher-partial\" holds partial files"]);
    assert_eq!(tree::read(folder.path()).into_keys().collect::<Vec<_>>(), ["out/good"]);
    for line in ls.err.iter().chain(&get.err) {
        assert!(
            !line.contains(|c: char| c.is_control() || "\u{202e}\u{200b}".contains(c)),
            "{line:?}"
        );
        assert!(line.len() < 400, "{line}");
    }
    // Such a name cannot be requested on the command line either.
    relay.xcher(["get", "bob", "../../etc/passwd"]).run().code(2);
}

#[test]
fn a_file_and_a_folder_of_the_same_name_are_reported() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let mut bob = Chat::join(relay.address, "bob");
    let get = relay.xcher(["get", "bob", "--all", "--json"]).dir(folder.path()).start();
    let mut control = bob.called();
    control.lists(&["d 1", "d/x 1"]);
    let (file, below) = (control.requested("d", "1"), control.requested("d/x", "1"));
    Conn::to(file).say("1");
    get.event(&[("state", "finished"), ("name", "d")]);
    Conn::to(below).say("2");
    get.wait().code(1).error(&["d/x: ", "\"d\" is not a folder"]);
    assert_eq!(
        tree::finished(folder.path()).into_iter().collect::<Vec<_>>(),
        [("d".into(), b"1".into())]
    );
}

#[test]
fn nothing_is_written_through_a_link_that_leaves_the_folder() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    tree::write(folder.path(), [("outside/victim", "old"), ("s/x", "new"), ("s/y/z", "new")]);
    fs::create_dir_all(at("out")).unwrap();
    symlink("../outside", at("out/s")).unwrap();
    let _bob = relay.share("bob", &at("s"));
    let get = |args: &[&str]| relay.xcher(["get", "bob"]).args(args).dir(folder.path()).run();
    for names in [&["s/x"][..], &["s/y/z"], &["s/x", "--on-conflict=overwrite"]] {
        let get = get(&[names, &["-o", "out"]].concat()).code(1).out(&[]);
        get.error(&["\"s\" is a link, and links are not followed"]);
    }
    assert_eq!(
        tree::read(&at("outside")).into_iter().collect::<Vec<_>>(),
        [("victim".into(), b"old".into())]
    );
    // A link in place of the file itself is neither followed nor replaced.
    let before = |path: &str| tree::write(folder.path(), [(path, "")]);
    before("two/s/.keep");
    symlink("../../outside/victim", at("two/s/x")).unwrap();
    let done = get(&["s/x", "-o", "two", "--on-conflict=overwrite"]).code(1);
    done.error(&["a folder, link or device cannot be overwritten"]);
    get(&["s/x", "-o", "two"]).code(0).out(&["two/s/x (1)"]);
    assert_eq!(fs::read(at("outside/victim")).unwrap(), b"old");
    // The folder itself can be a link, since the user named it.
    fs::create_dir(at("real")).unwrap();
    symlink("real", at("named")).unwrap();
    get(&["s/x", "-o", "named"]).code(0).out(&["named/s/x"]);
    assert_eq!(fs::read(at("real/s/x")).unwrap(), b"new");
}

#[test]
fn a_partial_folder_that_is_a_link_is_refused() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    tree::write(folder.path(), [("x", "new"), ("outside/.keep", ""), ("out/.keep", "")]);
    symlink("../outside", at("out/.xcher-partial")).unwrap();
    let _bob = relay.share("bob", &at("x"));
    let get = relay.xcher(["get", "bob", "x", "-o", "out"]).dir(folder.path()).run();
    get.code(1).error(&["cannot create a partial file in \"out/.xcher-partial\""]);
    assert_eq!(tree::read(&at("outside")).len(), 1);
    assert!(!at("out/x").exists());
}
