//! Every command as a user sees it, in text and with `--json`.

#![allow(clippy::unwrap_used)]

mod system;

use rustix::process::Signal;
use serde_json::{Value, json};
use system::process::{COMMANDS, Done, xcher};
use system::relay::Relay;
use system::tree;
use tempfile::{TempDir, tempdir};

/// Creates a folder `share` with two files.
fn shared() -> TempDir {
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("share/a b.txt", "hello\n"), ("share/sub/träd", "")]);
    folder
}

/// The first events of an encrypted session.
fn opening(nick: &str, known: &str) -> [Value; 2] {
    let session = json!({"event": "session", "state": "open", "nick": nick, "path": "direct", "private": true,
                      "known": known, "device": "terminal"});
    [session, json!({"event": "safety-words"})]
}

/// The events without the fields that vary between runs: identifiers, addresses, keys and safety words.
fn events(done: &Done) -> Vec<Value> {
    let mut events = done.events();
    for event in &mut events {
        let event = event.as_object_mut().unwrap();
        for name in ["session", "transfer", "peer", "key", "words", "modified", "seconds", "rate"] {
            if event.get(name).is_some_and(|value| value.is_number() || value.is_string()) {
                event.remove(name);
            }
        }
    }
    events.retain(|event| event["state"] != "progress");
    events
}

#[test]
fn relay_prints_its_address() {
    let relay = Relay::start();
    assert!(relay.address.ip().is_loopback());
    assert_ne!(relay.address.port(), 0);
    let json = xcher(["relay", "--listen", "127.0.0.1:0", "--json"]).start();
    let event = json.event(&[("event", "relay")]);
    let address = event["address"].as_str().unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{event}");
    json.stop(Signal::TERM).code(0);
    relay.process.stop(Signal::INT).code(0);
}

#[test]
fn ls_prints_size_tab_name() {
    let (relay, folder) = (Relay::start(), shared());
    let _bob = relay.share("bob", &folder.path().join("share"));
    let ls = relay.xcher(["ls", "bob"]).run().code(0).quiet();
    ls.out(&["6\tshare/a b.txt", "0\tshare/sub/träd"]);
    let ls = relay.xcher(["ls", "bob", "--nick", "amy", "--json"]).run().code(0).quiet();
    let [session, words] = opening("bob", "first");
    assert_eq!(
        events(&ls),
        [
            json!({"event": "online", "nick": "amy"}),
            session,
            words,
            json!({"event": "file", "name": "share/a b.txt", "size": 6}),
            json!({"event": "file", "name": "share/sub/träd", "size": 0}),
            json!({"event": "listing", "files": 2}),
            json!({"event": "session", "state": "ended"}),
        ]
    );
}

#[test]
fn ls_of_an_empty_folder_shows_the_folder() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let _bob = relay.share("bob", &folder.path().join("empty"));
    relay.xcher(["ls", "bob"]).run().code(0).quiet().out(&["0\tempty/"]);
    // The base protocol lists files alone, so the listing is empty.
    relay.xcher(["ls", "bob", "--plain"]).run().code(0).quiet().out(&[]);
}

#[test]
fn check_prints_yes_or_no() {
    let (relay, folder) = (Relay::start(), shared());
    let _bob = relay.share("bob", &folder.path().join("share"));
    let check = |name: &str| relay.xcher(["check", "bob", name]).run();
    check("share/a b.txt").code(0).quiet().out(&["share/a b.txt YES"]);
    check("share/none").code(1).quiet().out(&["share/none NO"]);
    check("share").code(1).quiet().out(&["share NO"]);
    for (name, code, yes) in [("share/sub/träd", 0, true), ("x YES", 1, false)] {
        let check = relay.xcher(["check", "bob", name, "--nick", "amy", "--json"]).run();
        let check = check.code(code).quiet();
        let [session, words] = opening("bob", "first");
        let failed = json!({"event": "error", "code": 1,
                            "reason": "the events before this one say what failed"});
        let expected = [
            json!({"event": "online", "nick": "amy"}),
            session,
            words,
            json!({"event": "checked", "name": name, "shared": yes}),
            json!({"event": "session", "state": "ended"}),
        ];
        let expected: Vec<_> = expected.into_iter().chain((!yes).then_some(failed)).collect();
        assert_eq!(events(&check), expected);
    }
}

#[test]
fn get_prints_a_line_for_each_finished_file() {
    let (relay, folder, out) = (Relay::start(), shared(), tempdir().unwrap());
    let share = folder.path().join("share");
    let _bob = relay.share("bob", &share);
    let get = relay.xcher(["get", "bob", "--all"]).dir(out.path()).run().code(0).quiet();
    get.out_sorted(&["share/a b.txt", "share/sub/träd"]);
    assert_eq!(tree::read(&out.path().join("share")), tree::read(&share));

    let get = relay.xcher(["get", "bob", "share/a b.txt", "-o", "x/y"]).dir(out.path()).run();
    get.code(0).quiet().out(&["x/y/share/a b.txt"]);

    std::fs::write(out.path().join("share/a b.txt"), "mine").unwrap();
    let get = ["get", "bob", "share/a b.txt", "--nick", "amy", "--json"];
    let get = relay.xcher(get).dir(out.path()).run().code(0).quiet();
    let [session, words] = opening("bob", "first");
    assert_eq!(
        events(&get),
        [
            json!({"event": "online", "nick": "amy"}),
            session,
            words,
            json!({"event": "file", "name": "share/a b.txt", "size": 6}),
            json!({"event": "file", "name": "share/sub/träd", "size": 0}),
            json!({"event": "listing", "files": 2}),
            json!({"event": "transfer", "state": "started", "direction": "receive",
                   "name": "share/a b.txt", "size": 6, "path": "share/a b.txt"}),
            json!({"event": "transfer", "state": "finished", "direction": "receive",
                   "name": "share/a b (1).txt", "bytes": 6, "path": "share/a b (1).txt"}),
            json!({"event": "summary", "files": 1, "bytes": 6, "here": 0, "skipped": 0, "failed": 0,
                   "path": "direct"}),
            json!({"event": "session", "state": "ended"}),
        ]
    );
}

#[test]
fn who_prints_nicks_except_its_generated_one() {
    let (relay, folder) = (Relay::start(), shared());
    let _bob = relay.share("bob", folder.path());
    relay.xcher(["who"]).run().code(0).quiet().out(&["bob"]);
    let _amy = relay.share("Åmy", folder.path());
    relay.xcher(["who"]).run().code(0).quiet().out_sorted(&["bob", "Åmy"]);
    let who = relay.xcher(["who", "--json", "--nick", "me"]).run().code(0).quiet();
    let nicks = who.events();
    for nick in ["bob", "Åmy", "me"] {
        assert!(nicks.contains(&json!({"event": "nick", "nick": nick})), "{nick}\n{who}");
    }
}

#[test]
fn share_reports_that_it_is_online_and_every_transfer() {
    let (relay, folder, out) = (Relay::start(), shared(), tempdir().unwrap());
    let share = ["share", "--nick", "bob", "--json"];
    let shared = folder.path().join("share");
    let bob = relay.xcher(share).args([&shared]).start();
    bob.event(&[("event", "online"), ("nick", "bob")]);
    let get = ["get", "bob", "share/a b.txt", "--nick", "amy", "-q"];
    relay.xcher(get).dir(out.path()).run().code(0).quiet();
    bob.event(&[("event", "session"), ("state", "ended")]);
    let bob = bob.stop(Signal::TERM).code(0);
    // A caller chooses its own nick, so it is not known.
    let [session, words] = opening("amy", "no");
    let path = shared.join("a b.txt");
    assert_eq!(
        events(&bob),
        [
            json!({"event": "online", "nick": "bob"}),
            session,
            words,
            json!({"event": "wanted", "files": 1, "bytes": 6, "here": 0}),
            json!({"event": "transfer", "state": "started", "direction": "send",
                   "name": "share/a b.txt", "size": 6, "path": path}),
            json!({"event": "transfer", "state": "finished", "direction": "send",
                   "name": "share/a b.txt", "bytes": 6, "path": path}),
            json!({"event": "delivered", "name": "share/a b.txt", "bytes": 6, "state": "stored"}),
            json!({"event": "session", "state": "ended"}),
        ]
    );
}

#[test]
fn every_transfer_event_has_the_path_of_the_file() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    let bytes = tree::bytes(1, 3 << 20);
    tree::write(folder.path(), [("s/in/long", &bytes[..]), ("single\nname", b"1")]);
    let bob = relay.xcher(["share", "--json", "--limit-send", "2mb", "--nick", "bob"]);
    let bob = bob.args(["s", "./single\nname"]).dir(folder.path()).start();
    bob.event(&[("event", "online")]);
    let get = relay.xcher(["get", "bob", "--all", "--json", "-o", "x/y"]).dir(out.path()).start();
    get.event(&[("event", "transfer"), ("state", "progress"), ("path", "x/y/s/in/long")]);
    bob.event(&[("event", "transfer"), ("state", "progress"), ("path", "s/in/long")]);
    // A file that changes while it is sent is not delivered.
    std::fs::write(folder.path().join("s/in/long"), &bytes[1..]).unwrap();
    let get = get.wait().code(1);
    bob.event(&[("event", "transfer"), ("state", "failed"), ("path", "s/in/long")]);
    let bob = bob.stop(Signal::TERM).code(0);
    let ends = |done: &Done| {
        let events = done.events();
        let transfers = events.iter().filter(|event| event["event"] == "transfer");
        let mut ends = Vec::new();
        for event in transfers.filter(|event| event["state"] != "kept") {
            let path = event["path"].as_str().unwrap_or_else(|| panic!("{event}\n{done}"));
            if let Some(end @ ("finished" | "failed")) = event["state"].as_str() {
                ends.push(format!("{path} {end}"));
            }
        }
        ends.sort();
        ends
    };
    let received = ["x/y/s/in/long failed", "x/y/single%{0A}name finished"];
    assert_eq!(ends(&get), received);
    assert_eq!(ends(&bob), ["./single\nname finished", "s/in/long failed"]);
}

#[test]
fn share_accepts_files_and_folders() {
    let (relay, folder) = (Relay::start(), shared());
    tree::write(folder.path(), [("single.bin", "123")]);
    let paths = [folder.path().join("share/sub"), folder.path().join("single.bin")];
    let bob = relay.xcher(["share", "--nick", "bob"]).args(&paths).start();
    bob.out("online bob");
    relay.xcher(["ls", "bob"]).run().code(0).out(&["3\tsingle.bin", "0\tsub/träd"]);
}

#[test]
fn share_once_ends_after_one_session() {
    let (relay, folder, out) = (Relay::start(), shared(), tempdir().unwrap());
    let bob = relay.xcher(["share", "--once", "--nick", "bob"]).args([folder.path()]).start();
    bob.out("online bob");
    // The folder's own name starts with a dot.
    relay.xcher(["get", "bob", "--all", "--hidden"]).dir(out.path()).run().code(0);
    bob.wait().code(0).out(&["online bob"]);
    assert_eq!(tree::read(out.path()).len(), 2);
}

#[test]
fn share_ask_reads_answers_from_standard_input() {
    let (relay, folder) = (Relay::start(), shared());
    let mut bob = relay
        .xcher(["share", "--ask", "--nick", "bob"])
        .args([folder.path().join("share")])
        .start();
    bob.out("online bob");
    let question = |nick: &str| format!("{nick} (127.0.0.1) wants to see what you share");
    let ls = |nick: &str, timeout: &str| {
        relay.xcher(["ls", "bob", "--nick", nick, "--timeout", timeout]).start()
    };
    for (nick, answer) in [("y", "y\n"), ("yes", "  YES \n")] {
        let caller = ls(nick, "30");
        bob.err(&question(nick));
        bob.say(answer);
        caller.wait().code(0).out(&["6\tshare/a b.txt", "0\tshare/sub/träd"]);
    }
    for (nick, answer) in [("n", "n\n"), ("other", "yup\n"), ("nothing", "\n")] {
        let caller = ls(nick, "60");
        bob.err(&question(nick));
        bob.say(answer);
        caller.wait().code(1).one_error(&["bob declined the call"]);
    }
    // No user can answer any more.
    bob.close_stdin();
    let caller = ls("late", "60");
    bob.err(&question("late"));
    caller.wait().code(1).out(&[]).one_error(&["bob declined the call"]);
    bob.stop(Signal::INT).code(0).out(&["online bob"]);
}

#[test]
fn share_ask_asks_about_one_call_at_a_time() {
    let (relay, folder) = (Relay::start(), shared());
    let mut bob = relay
        .xcher(["share", "--ask", "--nick", "bob", "--json"])
        .args([folder.path().join("share")])
        .start();
    bob.event(&[("event", "online")]);
    let first = relay.xcher(["ls", "bob", "--nick", "first"]).start();
    bob.event(&[("state", "call"), ("nick", "first")]);
    let second = relay.xcher(["ls", "bob", "--nick", "second"]).start();
    bob.event(&[("state", "call"), ("nick", "second")]);
    bob.say("y\n");
    first.wait().code(0);
    bob.err("second (127.0.0.1) wants");
    bob.say("y\n");
    second.wait().code(0);
}

#[test]
fn up_runs_a_relay_and_a_share_and_prints_the_get_command() {
    let (folder, out) = (shared(), tempdir().unwrap());
    let up = xcher(["up", "--listen", "127.0.0.1:0", "--nick", "bob"])
        .args([folder.path().join("share")])
        .start();
    let (relay, http) = (up.out("relay "), up.out("http "));
    up.out("online bob");
    let hint = up.err("in another terminal");
    let (_, command) = hint.split_once(": ").unwrap().1.split_once(": ").unwrap();
    assert!(command.ends_with(&format!(" get bob --all --relay {relay}")), "{command}");
    // Pastes it into a shell in another folder, as a user would.
    let get = system::process::Xcher::other("sh").args(["-c", command]).dir(out.path());
    get.run().code(0).quiet().out_sorted(&["share/a b.txt", "share/sub/träd"]);
    assert_eq!(tree::read(out.path()), tree::read(folder.path()));
    up.stop(Signal::INT).code(0).out(&[
        &format!("relay {relay}"),
        &format!("http {http}"),
        "online bob",
    ]);
}

#[test]
fn up_accepts_the_options_of_relay_and_share() {
    let folder = shared();
    let up = ["up", "--listen", "127.0.0.1:0", "--once", "--json", "--nick", "bob"];
    let up = xcher(up).args([folder.path().join("share")]).start();
    let address = up.event(&[("event", "relay")])["address"].as_str().unwrap().to_owned();
    let http = up.event(&[("event", "http")])["url"].as_str().unwrap().to_owned();
    assert!(http.starts_with("http://127.0.0.1:"), "{http}");
    up.event(&[("event", "online"), ("nick", "bob")]);
    xcher(["ls", "bob", "--relay", &address]).run().code(0);
    up.wait().code(0);
}

#[test]
fn completions_exist_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = xcher(["completions", shell]).run().code(0).quiet();
        let text = script.out.join("\n");
        // Scripts either ask the program or contain what they offer.
        let words = match shell {
            "elvish" | "powershell" => ["xcher", "share", "on-conflict", "allow-private"],
            _ => ["xcher", "__complete", shell, "2>/dev/null"],
        };
        for word in words {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn man_prints_a_page_or_writes_one_for_each_command() {
    let page = xcher(["man"]).run().code(0).quiet();
    assert!(page.out.iter().any(|line| line.starts_with(".TH xcher 1")), "{page}");
    let folder = tempdir().unwrap();
    xcher(["man", "-o"]).args([folder.path().join("new")]).run().code(0).quiet().out(&[]);
    let pages = tree::read(&folder.path().join("new"));
    for command in COMMANDS {
        assert!(pages.contains_key(&format!("xcher-{command}.1")), "{command}: {:?}", pages.keys());
    }
    assert!(pages.contains_key("xcher.1"));
}
