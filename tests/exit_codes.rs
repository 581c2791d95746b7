//! Every exit code, from every command that can end with it.

#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::net::SocketAddr;

use rustix::process::Signal;
use serde_json::json;
use system::process::{COMMANDS, Done, xcher};
use system::relay::{Relay, at};
use system::wire::{Chat, Conn, FakeRelay, Port};
use tempfile::{TempDir, tempdir};

/// Starts a relay and a provider of one file, `file`.
fn bob() -> (Relay, TempDir, system::process::Process) {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    fs::write(folder.path().join("file"), "12345").unwrap();
    let bob = relay.share("bob", &folder.path().join("file"));
    (relay, folder, bob)
}

/// An address without a listener.
fn unused_address() -> SocketAddr {
    Port::open().address()
}

#[test]
fn zero_on_success() {
    let (relay, folder, bob) = bob();
    let out = folder.path().join("out");
    relay.xcher(["ls", "bob"]).run().code(0);
    relay.xcher(["check", "bob", "file"]).run().code(0);
    relay.xcher(["get", "bob", "file", "-o"]).args([out]).run().code(0);
    relay.xcher(["who"]).run().code(0);
    xcher(["completions", "zsh"]).run().code(0);
    xcher(["man"]).run().code(0);
    xcher(["--help"]).run().code(0);
    bob.stop(Signal::TERM).code(0);
    relay.process.stop(Signal::TERM).code(0);
    let up = xcher(["up", "--listen", "127.0.0.1:0"]).args([folder.path()]).start();
    up.out("online ");
    up.stop(Signal::TERM).code(0);
}

#[test]
fn one_when_the_peer_refuses() {
    let (relay, folder, _bob) = bob();
    relay.xcher(["check", "bob", "other"]).run().code(1).out(&["other NO"]);
    let get = relay.xcher(["get", "bob", "file", "other", "x\"y"]).dir(folder.path()).run();
    let get = get.code(1).out(&["file (1)"]);
    get.error(&["bob does not share \"other\""]).error(&["bob does not share \"x\\\"y\""]);
    // A provider that lists a file and then refuses it.
    let mut amy = Chat::join(relay.address, "amy");
    let get = relay.xcher(["get", "amy", "file"]).dir(folder.path()).start();
    let mut control = amy.called();
    control.lists(&["file 5"]);
    control.requested("file", "5");
    control.say("X_CHK file NO\n");
    let get = get.wait().code(1).out(&[]);
    get.one_error(&["file: the peer refused"]);
}

#[test]
fn one_when_the_nick_is_taken() {
    let (relay, folder, _bob) = bob();
    let taken = &["the nick bob is taken at ", "--nick"];
    let share = relay.xcher(["share", "--nick", "bob"]).args([folder.path()]).run();
    share.code(1).one_error(taken).out(&[]);
    for command in
        [vec!["ls", "amy"], vec!["check", "amy", "x"], vec!["get", "amy", "x"], vec!["who"]]
    {
        relay.xcher(command).args(["--nick", "bob"]).run().code(1).one_error(taken).out(&[]);
    }
}

#[test]
fn one_when_a_transfer_is_incomplete() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let mut bob = Chat::join(relay.address, "bob");
    let get = relay.xcher(["get", "bob", "file", "--json"]).dir(folder.path()).start();
    let mut control = bob.called();
    control.lists(&["file 5"]);
    Conn::to(control.requested("file", "5")).say("123");
    let get = get.wait().code(1).error(&["file: incomplete: 3 B of 5 B"]);
    let events = get.events();
    let failed = events.iter().find(|event| event["state"] == "failed").unwrap();
    assert_eq!((&failed["kind"], &failed["name"]), (&json!("incomplete"), &json!("file")));
}

#[test]
fn one_when_the_peer_breaks_the_protocol_or_a_folder_cannot_be_made() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let mut bob = Chat::join(relay.address, "bob");
    let ls = relay.xcher(["ls", "bob"]).start();
    let mut control = bob.called();
    control.say("X_FILELIST a 1\nNONSENSE\n");
    let expected = "the session with bob ended: expected an XCHER packet, got \"NONSENSE\"";
    ls.wait().code(1).error(&[expected]);
    fs::write(folder.path().join("file"), "").unwrap();
    let get = relay.xcher(["get", "bob", "x", "-o", "file/out"]).dir(folder.path()).run();
    get.code(1).one_error(&["cannot receive into \"file/out\"", "Not a directory"]);
    let man = xcher(["man", "-o", "file/out"]).dir(folder.path()).run();
    man.code(1).one_error(&["Not a directory"]);
}

#[test]
fn two_on_a_usage_error() {
    let folder = tempdir().unwrap();
    let usage = |args: &[&str], parts: &[&str]| {
        let done = xcher(args).dir(folder.path()).run().code(2).out(&[]);
        done.error(parts);
    };
    usage(&[], &["Usage"]);
    usage(&["fly"], &["fly"]);
    for command in COMMANDS {
        usage(&[command, "--no-such-option"], &["--no-such-option"]);
    }
    for command in ["send", "share", "ls", "check", "up", "completions"] {
        usage(&[command], &["required"]);
    }
    usage(&["get"], &["name a nick, a code or a link"]);
    usage(&["who", "someone"], &["someone"]);
    let long = "x".repeat(33);
    for nick in ["", "a b", "a/b", "a\nb", "EOF", &long] {
        usage(&["ls", nick], &["expected a nick of 1 to 32 characters"]);
        usage(&["get", nick, "x"], &["expected a nick"]);
        usage(&["check", nick, "x"], &["expected a nick"]);
        usage(&["who", "--nick", nick], &["expected a nick"]);
        usage(&["share", ".", "--nick", nick], &["expected a nick"]);
    }
    for name in ["", "/etc/passwd", "../x", "a//b", "a/./b", "a\u{202e}b", "a\nb"] {
        usage(&["check", "bob", name], &["expected a relative file name, got "]);
        usage(&["get", "bob", "good", name], &["expected a relative file name, got "]);
    }
    usage(&["get", "bob"], &["name the files to fetch"]);
    usage(&["get", "bob", "x", "--all"], &["--all"]);
    usage(&["get", "bob", "x", "--on-conflict", "guess"], &["guess"]);
    for relay in ["", "9247", ":1", "a b", "127.0.0.1:0", "127.0.0.1:99999", "h:p", "::1"] {
        usage(&["who", "--relay", relay], &["expected HOST:PORT, HOST", "URL", "[::1]:9247"]);
    }
    for timeout in ["0", "-1", "x", "86401"] {
        usage(&["who", &format!("--timeout={timeout}")], &["--timeout"]);
    }
    for listen in ["x", "h:0", "::1", "65536", "127.0.0.1:65536"] {
        usage(&["relay", "--listen", listen], &["--listen", "IP:PORT, IP or PORT"]);
        usage(&["up", ".", "--listen", listen], &["--listen", "IP:PORT, IP or PORT"]);
        usage(
            &["bridge", "--http", listen],
            &["--http", "off, unix:PATH, nor IP:PORT, IP or PORT"],
        );
    }
    usage(&["share", "missing"], &["cannot share \"missing\": no such file or folder"]);
    usage(&["share", "/dev/null"], &["cannot share \"/dev/null\": it is a pipe, socket or device"]);
    usage(&["completions", "tcl"], &["tcl"]);
    // `up` starts its relay before it checks its paths.
    let up = xcher(["up", "--listen", "127.0.0.1:0", "missing"]).dir(folder.path()).run();
    up.code(2).one_error(&["\"missing\": no such file or folder"]);
}

#[test]
fn two_when_a_host_calls_its_own_nick() {
    let relay = Relay::start();
    for command in [vec!["ls", "me"], vec!["check", "me", "x"], vec!["get", "me", "x"]] {
        let done = relay.xcher(command).args(["--nick", "me"]).run();
        done.code(2).one_error(&["that is your own nick"]);
    }
}

#[test]
fn two_on_an_invalid_configuration_file() {
    let folder = tempdir().unwrap();
    for (text, parts) in [
        ("relay", vec!["config.toml"]),
        ("no-such-option = 1", vec!["is not an option", "no-such-option"]),
        ("relay = [1]", vec!["relay takes one value"]),
        ("relay = \"x:y\"", vec!["expected HOST:PORT"]),
        ("timeout = 0", vec!["timeout"]),
        ("json = \"perhaps\"", vec!["json"]),
        ("config = \"x\"", vec!["is not an option"]),
        ("nick = \"a b\"", vec!["expected a nick"]),
    ] {
        fs::write(folder.path().join("config.toml"), text).unwrap();
        let who = xcher(["who", "--config", "config.toml"]).dir(folder.path()).run();
        who.code(2).error(&parts).out(&[]);
    }
    let who = xcher(["who", "--config", "missing.toml"]).dir(folder.path()).run();
    who.code(2).one_error(&["cannot read missing.toml", "No such file"]);
}

#[test]
fn three_when_no_relay_is_running() {
    let folder = tempdir().unwrap();
    for command in [
        vec!["share", "."],
        vec!["ls", "bob"],
        vec!["check", "bob", "x"],
        vec!["get", "bob", "x"],
        vec!["who"],
    ] {
        let done = at(unused_address(), command).dir(folder.path()).run();
        done.code(3)
            .one_error(&["no relay at ", "(connection refused)", "start one: xcher relay"])
            .out(&[]);
    }
    let json = at(unused_address(), ["who", "--json"]).run().code(3);
    let events = json.events();
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["code"]), (&json!("error"), &json!(3)), "{json}");
    assert!(last["reason"].as_str().unwrap().contains("connection refused"), "{json}");
}

#[test]
fn three_when_a_relay_cannot_listen() {
    let taken = Port::open();
    let listen = format!("--listen={}", taken.address());
    for command in [vec!["relay", &listen], vec!["up", ".", &listen]] {
        let done = xcher(command).run().code(3).out(&[]);
        done.one_error(&["cannot listen on", &taken.number().to_string(), "in use"]);
    }
}

#[test]
fn three_when_the_relay_does_not_answer() {
    // The relay accepts the connection and stays silent.
    let silent = Port::open();
    for command in [vec!["who"], vec!["ls", "bob"], vec!["share", "."]] {
        let done = at(silent.address(), command).args(["--timeout", "1"]).run().code(3);
        done.one_error(&["no answer from ", " within 1 s", "--relay"]);
    }
    let relay = FakeRelay::start();
    let who = at(relay.address(), ["who", "--nick", "me"]).start();
    drop(relay.0.accept());
    who.wait().code(3).error(&["the relay at ", " closed the connection"]);
    // The relay disconnects later, for good: a command that waits for its answer cannot continue.
    let who = at(relay.address(), ["who", "--nick", "me"]).start();
    let mut link = relay.brings_online("me");
    link.hears("X_WHO");
    link.say("X_WHO amy\n");
    drop(link);
    who.wait().code(3).out(&["amy"]).error(&["the relay at ", " closed the connection"]);
    // The relay is alive but does not answer.
    let who = at(relay.address(), ["who", "--nick", "me", "--timeout", "1"]).start();
    let mut link = relay.brings_online("me");
    link.hears("X_WHO");
    link.say("X_PING 1\n");
    link.hears("X_PONG 1");
    who.wait().code(3).one_error(&["the relay at ", " did not list its nicks within 1 s"]);
}

#[test]
fn three_when_the_nick_does_not_exist() {
    let relay = Relay::start();
    for command in [vec!["ls", "bob"], vec!["check", "bob", "x"], vec!["get", "bob", "x"]] {
        let done = relay.xcher(command).run().code(3).out(&[]);
        done.one_error(&["cannot reach bob", "no such nick: bob", "xcher who"]);
    }
}

#[test]
fn three_when_the_peer_never_connects() {
    let relay = Relay::start();
    let mut bob = Chat::join(relay.address, "bob");
    for command in [vec!["ls", "bob"], vec!["check", "bob", "x"], vec!["get", "bob", "x"]] {
        let done = relay.xcher(command).args(["--timeout", "1"]).start();
        bob.called_from();
        let done = done.wait().code(3).out(&[]);
        done.one_error(&["bob did not connect back within 1 s", "--relay http://127.0.0.1:"]);
    }
}

#[test]
fn three_when_the_peer_disconnects() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let mut bob = Chat::join(relay.address, "bob");
    for (command, answer) in [
        (vec!["ls", "bob"], "X_FILELIST a 1\n"),
        (vec!["get", "bob", "a"], "X_FILELIST a 1\n"),
        (vec!["check", "bob", "a"], "X_CHK b\n"),
    ] {
        for last in ["", "X_END\n"] {
            let done = relay.xcher(command.clone()).dir(folder.path()).start();
            let mut control = bob.called();
            assert!(control.line().is_some());
            control.say(format!("{answer}{last}"));
            control.finish();
            let done = done.wait().code(3);
            done.error(&["the session with bob ended: connection closed"]);
        }
    }
}

#[test]
fn four_when_the_relay_refuses_the_address() {
    let (relay, folder, _bob) = bob();
    for command in [vec!["ls", "bob"], vec!["check", "bob", "x"], vec!["get", "bob", "x"]] {
        let done = relay.xcher(command).args(["--advertise", "8.8.8.8"]).dir(folder.path()).run();
        let done = done.code(4).out(&[]);
        done.one_error(&["refused: 8.8.8.8 is not your address; the relay sees you at 127.0.0.1"]);
    }
}

#[test]
fn four_when_a_listed_name_leaves_the_folder() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let out = folder.path().join("out");
    let mut bob = Chat::join(relay.address, "bob");
    let bad = ["../up 1", "/etc/x 1", "a/../../b 1", "good 1"];
    let ls = relay.xcher(["ls", "bob"]).start();
    bob.called().lists(&bad);
    let ls = ls.wait().code(4).out(&["1\tgood"]);
    let ls = ls.error(&[
        "skipped an invalid entry of the listing: expected a relative file name, got \"../up\"",
    ]);
    ls.error(&["\"/etc/x\""]).error(&["\"a/../../b\""]);

    let get = relay.xcher(["get", "bob", "--all", "-o"]).args([&out]).start();
    let mut control = bob.called();
    control.lists(&bad);
    Conn::to(control.requested("good", "1")).say("1");
    let get = get.wait().code(4).error(&["\"../up\""]);
    assert_eq!(get.out, [out.join("good").to_str().unwrap()]);
    assert_eq!(system::tree::read(folder.path()).len(), 1);
}

#[test]
fn one_takes_precedence_over_four() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let mut bob = Chat::join(relay.address, "bob");
    let get = relay.xcher(["get", "bob", "--all"]).dir(folder.path()).start();
    let mut control = bob.called();
    control.lists(&["../up 1", "good 1"]);
    control.requested("good", "1");
    control.say("X_CHK good NO\n");
    get.wait().code(1).error(&["good: the peer refused"]).error(&["\"../up\""]);
}

#[test]
fn an_invalid_command_line_ends_with_an_error_event_in_json_mode() {
    let folder = tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let write = |text: &str| fs::write(&config, text).unwrap();
    let assert_error_event = |done: Done, code: i32, part: &str| {
        let done = done.code(code);
        let events = done.events();
        let [error] = &events[..] else { panic!("expected one event\n{done}") };
        assert_eq!((&error["event"], &error["code"]), (&json!("error"), &json!(code)), "{done}");
        let reason = error["reason"].as_str().unwrap();
        assert!(reason.contains(part), "{done}");
        assert!(!done.err.is_empty(), "{done}");
    };
    for (args, part) in [
        (&["--json"][..], "requires a subcommand"),
        (&["--json", "fly"], "fly"),
        (&["send", "--json"], "PATH"),
        (&["get", "--json", "--bogus", "x"], "--bogus"),
        (&["peers", "pin", "a", "b", "--json"], "'b'"),
        (&["completions", "--json", "tcl"], "tcl"),
        (&["who", "--json", "--plain", "--secure"], "contradict each other"),
        (&["who", "--json", "--config", "/no/such/file"], "cannot read /no/such/file"),
        (&["ls", "--json", "a\u{202e}b"], "expected a nick"),
    ] {
        assert_error_event(xcher(args).run(), 2, part);
    }
    // The environment asks for JSON, or the configuration file where it can be read.
    assert_error_event(xcher([""; 0]).env("XCHER_JSON", "1").run(), 2, "requires a subcommand");
    assert_error_event(xcher(["send"]).env("XCHER_JSON", "yes").run(), 2, "PATH");
    let who = || xcher(["who", "--config"]).args([&config]);
    write("json = true\nnosuch = 1\n");
    assert_error_event(who().run(), 2, "nosuch");
    write("json = true\ntimeout = \"x\"\n");
    assert_error_event(who().run(), 2, "timeout");
    write("no TOML");
    assert_error_event(who().env("XCHER_JSON", "1").run(), 2, "cannot read");
    // Without JSON there is no event.
    who().run().code(2).out(&[]);
    write("json = true\nnosuch = 1\n");
    who().env("XCHER_JSON", "0").run().code(2).out(&[]);
    xcher(["send", "--bogus", "--", "--json"]).run().code(2).out(&[]);
}

#[test]
fn help_and_readme_describe_each_code_alike() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, table) = readme.split_once("### Exit codes").unwrap();
    let (table, _) = table.split_once("\n###").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let expected: Vec<_> = rows.skip(1).map(|row| row.replacen(" | ", "  ", 1)).collect();
    assert_eq!(expected.len(), 6, "{expected:?}");
    let help = xcher(["--help"]).run().code(0);
    let mut lines = help.out.iter().map(|line| line.trim());
    assert!(lines.any(|line| line == "Exit codes:"), "{help}");
    assert_eq!(lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>(), expected, "{help}");
}

/// Creates a folder `s` of two files, and a folder `out` that can store only one of them.
fn folder_for_one_of_two() -> TempDir {
    let folder = tempdir().unwrap();
    system::tree::write(folder.path(), [("s/good", "1"), ("s/bad", "22")]);
    fs::create_dir_all(folder.path().join("out/s/bad/in the way")).unwrap();
    folder
}

#[test]
fn one_when_up_once_delivers_only_some_files() {
    let folder = folder_for_one_of_two();
    let up = ["up", "--once", "--listen", "127.0.0.1:0", "--http", "off", "--nick", "bob", "s"];
    let up = xcher(up).dir(folder.path()).start();
    let relay = up.out("relay ");
    up.out("online ");
    let get = ["--relay", &relay, "get", "bob", "--all", "--on-conflict", "overwrite", "-o", "out"];
    xcher(get).dir(folder.path()).run().code(1);
    up.wait().code(1).error(&["s/bad"]);
    assert_eq!(fs::read(folder.path().join("out/s/good")).unwrap(), b"1");
}

/// A `receive` that is stopped has reported each failure already, and did its task.
#[test]
fn zero_when_a_waiting_receive_is_stopped() {
    let (relay, folder) = (Relay::start(), folder_for_one_of_two());
    let receive = ["receive", "--yes", "--on-conflict", "overwrite", "--nick", "kim", "-o", "out"];
    let kim = relay.xcher(receive).dir(folder.path()).start();
    kim.out("online ");
    relay.xcher(["send", "--to", "kim", "s"]).dir(folder.path()).run().code(1);
    kim.err("s/bad");
    kim.stop(Signal::TERM).code(0);
}

#[test]
fn one_when_partial_clear_finds_only_some_files() {
    let folder = tempdir().unwrap();
    let clear = |names: &[&str]| {
        xcher(["partial", "clear"]).args(names).args(["-o"]).args([folder.path()]).run()
    };
    let write_partial = || {
        system::tree::write(folder.path(), [(".xcher-partial/file.01234567.part", "12")]);
    };
    write_partial();
    clear(&["no-such"]).code(1).error(&["no incomplete download \"no-such\""]);
    let left = xcher(["partial", "-o"]).args([folder.path()]).run().code(0).out;
    assert_eq!(left.len(), 1, "{left:?}");
    clear(&["file", "no-such"]).code(1).error(&["no incomplete download \"no-such\""]);
    assert_eq!(xcher(["partial", "-o"]).args([folder.path()]).run().code(0).out.len(), 0);
    clear(&[]).code(0);
}
