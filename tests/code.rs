//! Files by a code: from `xcher send PATH` to `xcher get CODE`.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use system::process::{Process, Xcher, xcher};
use system::recorder::Recorder;
use system::relay::{Relay, by};
use system::terminal::Terminal;
use system::tree;
use system::wire::{Chat, FakeRelay};
use tempfile::tempdir;

fn files() -> Vec<(String, Vec<u8>)> {
    let named = [("a b.txt", 5), ("träd/日本.bin", 3_000_000), ("empty", 0), ("a/b/c/d", 70_000)];
    let with_bytes = |(seed, (name, size)): (usize, (&str, usize))| {
        (name.to_owned(), tree::bytes(seed as u64, size))
    };
    named.into_iter().enumerate().map(with_bytes).collect()
}

fn at(relay: &str, command: &[&str]) -> Xcher {
    xcher(by(relay)).args(command)
}

/// Starts `xcher send` of a path; returns it with the code it prints.
fn send(relay: &str, path: &Path, options: &[&str]) -> (Process, String) {
    let process = at(relay, &["send"]).args(options).args([path]).start();
    let code = process.until("a code", |lines| lines.out.first().cloned());
    (process, code)
}

fn get(relay: &str, code: &str, out: &Path) -> Xcher {
    at(relay, &["get", code, "--yes", "-o"]).args([out])
}

/// A code with the same number and other words.
fn wrong(code: &str) -> String {
    let number = code.split('-').next().unwrap();
    let words = ["crossover-clockwork-universe", "adroitness-aardvark-adroitness"];
    let words = words.iter().find(|words| !code.ends_with(*words)).unwrap();
    format!("{number}-{words}")
}

#[test]
fn a_code_transfers_every_file_over_every_path() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(&folder.path().join("s"), files());
    let paths = [relay.address.to_string(), relay.tunnel()];
    for from in &paths {
        for to in &paths {
            let out = tempdir().unwrap();
            let (sender, code) = send(from, &folder.path().join("s"), &[]);
            let get = get(to, &code, out.path()).run().code(0);
            let get = get
                .session_line(&["the session is encrypted: key ", ", authenticated by the code"]);
            assert_eq!(get.out.len(), files().len());
            assert!(tree::read(out.path()) == tree::read(folder.path()), "{from} to {to}");
            let sender = sender.wait().code(0).out(&[&code]);
            let sender = sender.error(&["in another terminal: ", &format!(" get {code}")]);
            sender.error(&["sent 4 files (2.93 MiB)"]).session_line(&["authenticated by the code"]);
        }
    }
}

#[test]
fn the_command_and_link_printed_with_a_code_work() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/file", "12345")]);
    let (sender, code) = send(&relay.tunnel(), &folder.path().join("s"), &[]);
    let line = sender.err("in another terminal: ");
    let command = line.split_once("terminal: ").unwrap().1.to_owned();
    let page = relay.process.out("http ");
    assert!(sender.err("in a browser: ").ends_with(&format!(": {page}#{code}")));
    let get = Xcher::other("sh").args(["-c", &format!("{command} --yes")]).dir(folder.path());
    get.run().code(0).out(&["s/file (1)"]);
    sender.wait().code(0);
}

#[test]
fn json_events_report_the_code_the_manifest_and_the_files_sent() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("file", "12345")]);
    let options = ["send", "--json", "--page-url", "https://a.example/"];
    let sender = relay.xcher(options).args([folder.path().join("file")]).start();
    let event = sender.event(&[("event", "code")]);
    let code = event["code"].as_str().unwrap();
    assert_eq!(event["link"], format!("https://a.example/#{code}"));
    assert!(event["command"].as_str().unwrap().contains(code));
    let out = folder.path().join("out");
    let get = relay.xcher(["get", code, "--yes", "--json", "-o"]).args([&out]).run().code(0);
    let events = get.events();
    let manifest = events.iter().find(|event| event["event"] == "manifest").unwrap();
    assert_eq!((&manifest["files"], &manifest["bytes"]), (&Value::from(1), &Value::from(5)));
    let sender = sender.wait().code(0);
    let sent = sender.events().into_iter().find(|event| event["event"] == "sent").expect("sent");
    assert_eq!((&sent["files"], &sent["bytes"]), (&Value::from(1), &Value::from(5)));
}

#[test]
fn ten_wrong_codes_invalidate_a_code() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/file", "12345")]);
    let relay_at = relay.address.to_string();
    let (sender, code) = send(&relay_at, &folder.path().join("s"), &[]);
    let out = folder.path().join("out");
    for left in (0..10).rev() {
        get(&relay_at, &wrong(&code), &out).run().code(5).one_error(&["wrong code"]);
        match left {
            0 => {}
            1 => drop(sender.err("a peer tried a wrong code; 1 try is left")),
            left => drop(sender.err(&format!("a peer tried a wrong code; {left} tries are left"))),
        }
    }
    sender.wait().code(5).error(&["this code no longer works after 10 wrong tries"]);
    get(&relay_at, &code, &out).run().code(3).one_error(&["no sender is online for this code"]);
    assert!(tree::read(&out).is_empty());
}

#[test]
fn nine_wrong_codes_leave_a_code_valid() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/file", "12345")]);
    let relay_at = relay.address.to_string();
    let (sender, code) = send(&relay_at, &folder.path().join("s"), &[]);
    let out = folder.path().join("out");
    for _ in 0..9 {
        get(&relay_at, &wrong(&code), &out).run().code(5);
    }
    get(&relay_at, &code, &out).run().code(0);
    sender.wait().code(0);
}

#[test]
fn a_client_without_the_code_gets_nothing() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/file", "12345")]);
    let relay_at = relay.address.to_string();
    let (sender, code) = send(&relay_at, &folder.path().join("s"), &[]);
    let nick = code.split('-').next().unwrap().to_owned();
    // Unencrypted.
    let mut amy = Chat::join(relay.address, "amy").call(&nick);
    amy.say("X_FILELIST\n");
    assert!(amy.lines().iter().all(|line| !line.contains("X_FILELIST")));
    // Encrypted.
    let ls = relay.xcher(["ls", &nick]).run();
    assert!(ls.out.is_empty() && ls.code != Some(0), "{ls}");
    let out = folder.path().join("out");
    get(&relay_at, &code, &out).run().code(0);
    sender.wait().code(0);
}

#[test]
fn the_words_of_a_code_reach_neither_the_relay_nor_the_log() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/secret-name", "12345")]);
    let tunnel: std::net::SocketAddr =
        relay.process.out("http http://").trim_end_matches('/').parse().unwrap();
    for (to, scheme) in [(relay.address, ""), (tunnel, "http://")] {
        let recorder = Recorder::before(to);
        let address = format!("{scheme}{}", recorder.address);
        let (sender, code) = send(&address, &folder.path().join("s"), &["-vv"]);
        let out = folder.path().join(format!("out{}", recorder.address.port()));
        let failed = get(&address, &wrong(&code), &out).args(["-vv"]).run().code(5);
        let get = get(&address, &code, &out).args(["-vv"]).run().code(0);
        let sender = sender.wait().code(0);
        let (first, second) = words(&code);
        let shown = sender.err.iter().filter(|line| !line.contains("in another terminal"));
        let shown = shown.filter(|line| !line.contains("in a browser"));
        for line in shown.chain(&get.err).chain(&failed.err) {
            assert!(!line.contains(&first) && !line.contains(&second), "{line}");
        }
        let recorded = recorder.heard();
        let nick = code.split('-').next().unwrap();
        let contains = |text: &str| recorded.windows(text.len()).any(|at| at == text.as_bytes());
        // Masking hides what a client sends through a tunnel, not what it receives.
        assert!(contains(nick), "nothing was recorded");
        for text in [&first, &second, "secret-name", "12345"] {
            assert!(!contains(text), "{text} was recorded");
        }
    }
}

fn words(code: &str) -> (String, String) {
    let mut parts = code.split('-').skip(1).map(str::to_owned);
    (parts.next().unwrap(), parts.next().unwrap())
}

#[test]
fn get_reads_a_code_from_standard_input() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/file", "12345")]);
    let (sender, code) = send(&relay.address.to_string(), &folder.path().join("s"), &[]);
    let out = folder.path().join("out");
    let mut get = relay.xcher(["get", "-", "--yes", "-o"]).args([&out]).start();
    get.say(&format!("  {}\n", code.to_uppercase().replace('-', " ")));
    get.wait().code(0).out(&[out.join("s/file").to_str().unwrap()]);
    sender.wait().code(0);
}

#[test]
fn get_fetches_files_of_a_code_by_name() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(&folder.path().join("s"), files());
    let (sender, code) = send(&relay.address.to_string(), &folder.path().join("s"), &[]);
    let out = folder.path().join("out");
    let get = relay.xcher(["get", &code, "s/a", "-y", "-o"]).args([&out]).run();
    get.code(0).out(&[out.join("s/a/b/c/d").to_str().unwrap()]);
    sender.wait().code(0).error(&["sent 1 file (68.36 KiB)"]);
}

#[test]
fn an_invalid_code_is_a_usage_error() {
    let usage = |args: &[&str], parts: &[&str]| {
        let done = xcher(args).run().code(2).one_error(parts);
        assert!(!done.err[0].contains("clockwork") || parts[0].contains("clockwork"), "{done}");
    };
    usage(&["get", "4821-clockwork-clockwork", "-y"], &["unknown word \"clockwork\" in the code"]);
    usage(
        &["get", "4821-crosover-clockwork-universe", "-y"],
        &["unknown word \"crosover\" in the code: did you mean \"crossover\"?"],
    );
    usage(&["get", "4821-crossover-clockwork-universe"], &["no terminal to ask on"]);
    usage(&["get", "4821-crossover-clockwork-universe", "-y", "--plain"], &["leave out --plain"]);
    usage(&["get"], &["name a nick, a code or a link"]);
    usage(
        &["get", "-"],
        &["a code must start with a number, like 4821-crossover-clockwork-universe"],
    );
    usage(&["send", "/no/such/file"], &["/no/such/file"]);
    usage(&["send", "Cargo.toml", "--plain"], &["a code needs an encrypted session"]);
}

#[test]
fn the_same_command_resumes_after_a_break() {
    let (relay, folder) = (Relay::start(), tree::room_for(600 << 20));
    let share = folder.path().join("s");
    tree::write(&share, [("a first", tree::bytes(1, 2 << 20)), ("z last", tree::bytes(2, 5))]);
    fs::write(share.join("large"), tree::bytes(3, 200 << 20)).unwrap();
    let (sender, code) = send(&relay.address.to_string(), &share, &[]);
    let out = folder.path().join("out");
    let first = relay.xcher(["get", &code, "--yes", "--json", "-o"]).args([&out]).start();
    first.event(&[("event", "transfer"), ("state", "finished"), ("name", "s/a first")]);
    first.until("progress of the large file", |lines| {
        lines.out.iter().find_map(|line| {
            let event: Value = serde_json::from_str(line).ok()?;
            (event["state"] == "progress" && event["bytes"].as_u64()? > 8 << 20).then_some(())
        })
    });
    first.signal(Signal::KILL);
    drop(first);
    let get = relay.xcher(["get", &code, "--yes", "-o"]).args([&out]).run().code(0);
    get.error(&["existed already"]);
    assert!(tree::read(&out.join("s")) == tree::read(&share), "bytes differ, or there are copies");
    let sender = sender.wait().code(0);
    sender.error(&[
        "1 file did not arrive; the code is still valid, and the same command resumes there",
    ]);
}

#[test]
fn fetching_nothing_fails_on_both_sides() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/file", "12345")]);
    let (sender, code) = send(&relay.address.to_string(), &folder.path().join("s"), &[]);
    let get = relay.xcher(["get", &code, "no-such", "--yes"]).dir(folder.path()).run();
    get.code(1).error(&["does not share \"no-such\""]);
    sender.wait().code(1).error(&["the peer fetched nothing"]);
}

#[test]
fn send_picks_another_code_when_its_number_is_taken() {
    let (relay, folder) = (FakeRelay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("file", "12345")]);
    let file = folder.path().join("file");
    let sender = at(&relay.address().to_string(), &["send"]).args([&file]).start();
    let refused = [(); 2].map(|()| {
        let mut conn = relay.0.accept();
        let request = conn.line().unwrap();
        conn.say(format!("{request} NO\n"));
        request
    });
    assert_ne!(refused[0], refused[1]);
    let mut conn = relay.0.accept();
    let request = conn.line().unwrap();
    conn.say(format!("{request} YES\n"));
    conn.hears("X_CAPS from key move ticket decline meet");
    conn.hears("X_ADDR");
    conn.say("X_ADDR 127.0.0.1\n");
    let code = sender.until("a code", |lines| lines.out.first().cloned());
    assert_eq!(request, format!("X_NICK {}", code.split('-').next().unwrap()));
    sender.stop(Signal::TERM).code(1).out(&[&code]);
}

/// A requester that cannot fetch the files now may return; one that declines them may not.
#[test]
fn a_code_stays_valid_when_get_is_interrupted_at_the_question() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("s/file", "12345")]);
    let relay_at = relay.address.to_string();
    let (sender, code) = send(&relay_at, &folder.path().join("s"), &[]);
    let out = folder.path().join("out");
    let prompt = Terminal::start(at(&relay_at, &["get", &code, "-o"]).args([&out]));
    prompt.shows("Fetch?");
    prompt.signal(Signal::INT);
    prompt.wait().code(1);
    sender.err("1 file did not arrive; the code is still valid");
    get(&relay_at, &code, &out).run().code(0);
    sender.wait().code(0);
}
