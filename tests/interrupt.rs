//! Commands that are stopped, killed or lose their reader in the middle of their work.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod system;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::thread::scope;
use std::time::Duration;

use rustix::process::Signal;
use system::pace::Pace;
use system::patience::until;
use system::process::{Done, Process, xcher};
use system::relay::{Relay, at};
use system::tree;
use system::wire::{Chat, Conn, FakeRelay, Port};
use tempfile::tempdir;

const HALF_LEN: usize = 1_500_000;

/// Starts a `get` that has half of a file and waits for the rest; returns it with the provider's ends of its
/// control and data connections.
fn start_half_fetched(relay: &Relay, out: &Path) -> (Process, Conn, Conn) {
    let mut bob = Chat::join(relay.address, "bob");
    let get = ["get", "bob", "file", "--json", "-o"];
    let get = relay.xcher(get).args([out]).start();
    let mut control = bob.called();
    control.lists(&[&format!("file {}", 2 * HALF_LEN)]);
    let mut data = Conn::to(control.requested("file", &(2 * HALF_LEN).to_string()));
    data.say(tree::bytes(1, HALF_LEN));
    get.until("half of the file", |lines| {
        lines.out.iter().any(|line| line.contains(&format!("\"bytes\":{HALF_LEN}"))).then_some(())
    });
    (get, control, data)
}

#[test]
fn get_sends_x_end_and_keeps_the_partial_file() {
    for signal in [Signal::INT, Signal::TERM] {
        let (relay, folder) = (Relay::start(), tempdir().unwrap());
        let (get, mut control, mut data) = start_half_fetched(&relay, folder.path());
        let done = get.stop(signal).code(1);
        assert_eq!(control.lines(), ["X_END"]);
        data.rest();
        let kept = tree::partials(folder.path());
        let (name, bytes) = kept.first_key_value().unwrap();
        assert!(kept.len() == 1 && *bytes == tree::bytes(1, HALF_LEN), "{done}");
        let kept = format!("kept the first 1.43 MiB in {}", folder.path().display());
        done.error(&[&kept, name]);
        assert!(tree::finished(folder.path()).is_empty());
    }
}

#[test]
fn a_stopped_request_sends_x_end() {
    let relay = Relay::start();
    let end = &|number: usize, command: &[&str], signal| {
        let nick = format!("bob{number}");
        let mut bob = Chat::join(relay.address, &nick);
        let done = relay.xcher([command[0], &nick]).args(&command[1..]).start();
        let mut control = bob.called();
        assert_ne!(control.line(), None, "expected a request");
        done.stop(signal).code(1).quiet().out(&[]);
        assert_eq!(control.lines(), ["X_END"]);
    };
    scope(|scope| {
        let commands = [&["ls"][..], &["check", "x"], &["get", "x"]];
        for (number, command) in commands.into_iter().enumerate() {
            scope.spawn(move || end(number, command, Signal::INT));
            scope.spawn(move || end(number + 3, command, Signal::TERM));
        }
    });
}

#[test]
fn a_command_that_waits_for_the_relay_or_a_call_stops_with_x_end() {
    let relay = FakeRelay::start();
    for (command, question) in [
        (vec!["who"], "X_WHO"),
        (vec!["ls", "bob"], "X_INIT bob 127.0.0.1 "),
        (vec!["share", "."], ""),
    ] {
        let done = at(relay.address(), command).args(["--nick", "me"]).start();
        let mut link = relay.brings_online("me");
        if question.is_empty() {
            done.out("online me");
        } else {
            assert!(link.line().unwrap().starts_with(question));
        }
        let code = if question.is_empty() { 0 } else { 1 };
        done.stop(Signal::INT).code(code).quiet();
        assert_eq!(link.lines(), ["X_END"]);
    }
    // Stops before the relay has answered.
    let done = at(relay.address(), ["who"]).start();
    let mut link = relay.0.accept();
    assert!(link.line().unwrap().starts_with("X_NICK "));
    done.stop(Signal::TERM).code(1).quiet();
    assert_eq!(link.lines(), ["X_END"]);
}

/// Starts a provider in the middle of a file; returns it with the requester's control and data connections.
fn start_sending(up: bool) -> (Option<Relay>, Process, Conn, Conn, tempfile::TempDir) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("file");
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let (relay, bob, address) = if up {
        let up = xcher(["up", "--listen", "127.0.0.1:0", "--nick", "bob"]).args([&path]).start();
        up.out("online bob");
        let address = up.out("relay ").parse().unwrap();
        (None, up, address)
    } else {
        let relay = Relay::start();
        let (bob, address) = (relay.share("bob", &path), relay.address);
        (Some(relay), bob, address)
    };
    let mut control = Chat::join(address, "amy").call("bob");
    let port = Port::open();
    // In the base protocol only the end of the stream marks the end of a file.
    control.say(format!("X_REQUEST file 1tb {}\n", port.number()));
    let mut data = port.accept();
    data.bytes(100_000);
    (relay, bob, control, data, folder)
}

#[test]
fn share_sends_x_end_and_resets_its_transfers() {
    for (signal, up) in [(Signal::INT, false), (Signal::TERM, false), (Signal::INT, true)] {
        let (_relay, bob, mut control, mut data, _folder) = start_sending(up);
        // The transfer stalls, since the requester does not read and the connection is full.
        bob.stop(signal).code(0);
        assert_eq!(control.lines(), ["X_END"]);
        let rest = data.rest();
        assert!(rest.reset, "{} bytes, then an end as if the file were complete", rest.bytes.len());
    }
}

#[test]
fn a_killed_provider_does_not_appear_to_complete_the_file() {
    let (_relay, bob, mut control, mut data, _folder) = start_sending(false);
    bob.stop(Signal::KILL);
    assert_eq!(control.lines(), [""; 0]);
    let rest = data.rest();
    assert!(rest.reset, "{} bytes, then an end as if the file were complete", rest.bytes.len());
}

#[test]
fn an_unanswered_prompt_does_not_keep_share_from_stopping() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let bob = relay.xcher(["share", "--ask", "--nick", "bob"]).args([folder.path()]).start();
    bob.out("online bob");
    let port = Port::open();
    Chat::join(relay.address, "amy").init("bob", &port);
    bob.err("wants to see what you share");
    bob.stop(Signal::INT).code(0);
    port.is_untouched();
}

#[test]
fn relay_sends_x_end_to_every_client() {
    for signal in [Signal::INT, Signal::TERM] {
        let relay = Relay::start();
        let mut amy = Conn::to(relay.address);
        amy.say("X_NICK amy\n");
        amy.hears("X_NICK amy YES");
        let folder = tempdir().unwrap();
        let bob = relay.share("bob", folder.path());
        relay.process.stop(signal).code(0);
        assert_eq!(amy.lines(), ["X_END"]);
        bob.err("disconnected from the relay");
    }
}

#[test]
fn a_session_survives_its_relay() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let (get, _control, mut data) = start_half_fetched(&relay, folder.path());
    relay.process.stop(Signal::KILL);
    data.say(tree::bytes(2, HALF_LEN));
    drop(data);
    get.wait().code(0);
    let content = [tree::bytes(1, HALF_LEN), tree::bytes(2, HALF_LEN)].concat();
    assert!(fs::read(folder.path().join("file")).unwrap() == content, "bytes differ");
}

#[test]
fn share_reconnects_to_a_restarted_relay() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let bob = relay.share("bob", folder.path());
    let address = relay.address.to_string();
    relay.process.stop(Signal::KILL);
    bob.err("disconnected from the relay");
    let again = xcher(["relay", "--listen", &address]).start();
    again.out("relay ");
    bob.until("online for the second time", |lines| {
        (lines.out.iter().filter(|line| *line == "online bob").count() == 2).then_some(())
    });
    xcher(["ls", "bob", "--relay", &address]).run().code(0);
}

/// The side that is killed in the middle of a transfer.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Provider,
    Requester,
}

#[test]
fn a_transfer_survives_a_kill_of_either_side_at_a_random_moment() {
    let seed = std::env::var("XCHER_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    // Shown on failure; XCHER_SEED repeats the same moments.
    println!("XCHER_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (relay, folder) = (Relay::start(), tree::room_for(1 << 30));
    let path = folder.path().join("file");
    let content = tree::bytes(seed, 48 << 20);
    fs::write(&path, &content).unwrap();
    for round in 0..10 {
        let victim = if round % 2 == 0 { Victim::Provider } else { Victim::Requester };
        let moment = random.usize(1..content.len());
        println!("{victim:?} after {moment} bytes");
        let out = folder.path().join(round.to_string());
        let bob = format!("bob{round}");
        let provider = relay.xcher(["share", "-v", "--nick", &bob]).args([&path]).start();
        provider.out("online ");
        let requester = relay.xcher(["get", &bob, "file", "-o"]).args([&out]).start();
        until_received(&out, moment);
        match victim {
            Victim::Provider => {
                provider.stop(Signal::KILL);
                let done = requester.wait();
                match check(&out, &content, &done) {
                    true => drop(done.code(0)),
                    false => drop(done.code(1).error(&["file: incomplete: ", "of 48.00 MiB"])),
                }
            }
            Victim::Requester => {
                let done = requester.stop(Signal::KILL);
                check(&out, &content, &done);
                // The provider reports an incomplete transfer only if it had not handed over the last byte.
                provider.err("disconnected");
                let get = ["get", &bob, "file", "-o"];
                relay.xcher(get).args([out.join("other")]).run().code(0);
            }
        }
        let again = format!("{bob}-again");
        let _another = relay.share(&again, &path);
        let get = ["get", &again, "file", "--on-conflict=overwrite", "-o"];
        relay.xcher(get).args([&out]).run().code(0).quiet();
        assert!(fs::read(out.join("file")).unwrap() == content, "bytes differ");
    }
}

/// Returns true if the file is complete; otherwise asserts that only a partial file exists.
fn check(out: &Path, content: &[u8], done: &Done) -> bool {
    let finished = tree::finished(out);
    let partials = tree::partials(out);
    match finished.get("file") {
        Some(bytes) => {
            assert!(bytes == content, "the bytes differ from those sent\n{done}");
            assert!(finished.len() == 1 && partials.is_empty(), "{partials:?}\n{done}");
            true
        }
        None => {
            assert!(finished.is_empty(), "{finished:?}\n{done}");
            let part = partials.values().next().unwrap();
            assert!(partials.len() == 1 && content.starts_with(part), "\n{done}");
            false
        }
    }
}

/// Waits until that many bytes have arrived or the file is complete.
fn until_received(out: &Path, bytes: usize) {
    let part = || {
        let mut parts = fs::read_dir(out.join(tree::PARTIAL)).ok()?.filter_map(Result::ok);
        let part = parts.find(|part| part.path().extension().is_some_and(|kind| kind == "part"))?;
        Some(part.metadata().ok()?.len())
    };
    until(&format!("{bytes} bytes received"), || {
        part().is_some_and(|length| length >= bytes as u64) || out.join("file").exists()
    });
}

#[test]
fn ls_ends_quietly_when_its_reader_stops() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    // More than the buffer of a pipe holds.
    tree::write(folder.path(), (0..5000).map(|n| (format!("a rather long file name {n}"), "")));
    let _bob = relay.share("bob", folder.path());
    for json in [&["--json"][..], &[]] {
        let mut ls = relay.xcher(["ls", "bob", "-q"]).args(json).spawn();
        let mut lines = BufReader::new(ls.0.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'));
        drop(lines);
        let mut errors = String::new();
        ls.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!(errors, "");
        assert_eq!(ls.0.wait().unwrap().code(), Some(1));
    }
    let shell =
        format!("{} ls bob --relay {} | head -1", env!("CARGO_BIN_EXE_xcher"), relay.address);
    let head = system::process::Xcher::other("sh").args(["-c", &shell]).run().code(0).quiet();
    assert_eq!(head.out.len(), 1);
}

#[test]
fn get_fetches_files_without_a_reader_of_their_names() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let share = folder.path().join("s");
    tree::write(&share, (0..200).map(|n| (n.to_string(), tree::bytes(n, 100))));
    let _bob = relay.share("bob", &share);
    let out = folder.path().join("out");
    let mut get = relay.xcher(["get", "bob", "--all", "-q", "-o"]).args([&out]).spawn();
    drop(get.0.stdout.take());
    let mut errors = String::new();
    get.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!((errors.as_str(), get.0.wait().unwrap().code()), ("", Some(0)));
    assert_eq!(tree::read(&out.join("s")), tree::read(&share));
}

#[test]
fn other_commands_end_quietly_without_a_reader() {
    for command in [vec!["man"], vec!["completions", "bash"], vec!["--help"], vec!["get", "--help"]]
    {
        let mut held = xcher(command).spawn();
        drop(held.0.stdout.take());
        let mut errors = String::new();
        held.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!(errors, "");
        held.0.wait().unwrap();
    }
}

#[test]
fn a_transfer_completes_after_the_provider_ends_its_session() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let (get, mut control, mut data) = start_half_fetched(&relay, folder.path());
    control.say("X_END\n");
    drop(control);
    get.event(&[("event", "session"), ("state", "ended")]);
    data.say(tree::bytes(2, HALF_LEN));
    drop(data);
    let pace = Pace::start();
    let get = get.wait().code(0);
    assert!(pace.elapsed() < Duration::from_secs(10), "{get}");
    let content = [tree::bytes(1, HALF_LEN), tree::bytes(2, HALF_LEN)].concat();
    assert!(fs::read(folder.path().join("file")).unwrap() == content, "bytes differ");
}

#[test]
fn a_hangup_does_not_end_a_serving_process() {
    let relay = Relay::start();
    let (folder, at) = (tempdir().unwrap(), relay.address.to_string());
    let shared = folder.path().to_str().unwrap();
    for command in [
        &["relay", "--listen", "127.0.0.1:0", "--http", "off"][..],
        &["bridge", "--relay", &at, "--http", "127.0.0.1:0"],
        &["up", shared, "--listen", "127.0.0.1:0", "--http", "off"],
    ] {
        let process = xcher(command).start();
        process.out(match command[0] {
            "relay" => "relay ",
            "bridge" => "http ",
            _ => "online ",
        });
        for _ in 0..2 {
            process.signal(Signal::HUP);
        }
        process.err("nothing has changed");
        process.stop(Signal::TERM).code(0);
    }
}
