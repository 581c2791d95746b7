//! Completion at a shell's prompt.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use system::not_tested;
use system::pace::Pace;
use system::process::{Done, Xcher, xcher};
use system::relay::Relay;
use system::terminal::Terminal;
use system::tree;
use system::wire::{FakeRelay, full_port};
use tempfile::{TempDir, tempdir};

/// A key that no host has.
const ANOTHER_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// Asks as the script for fish does, and expects an answer without errors; returns the candidates without their
/// help.
fn ask(command: Xcher) -> Vec<String> {
    let done = command.run().code(0).quiet();
    match done.out.split_first() {
        Some((what, values)) => {
            assert_eq!(what, "values", "{done}");
            values.iter().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
        }
        None => Vec::new(),
    }
}

/// Expects these candidates. The prompt waits for a second or two, in which a loaded machine may find none.
#[track_caller]
fn find(command: impl Fn() -> Xcher, expected: &[&str]) {
    let found = (0..10).map(|_| ask(command())).find(|found| found == expected);
    assert!(found.is_some(), "expected {expected:?}, not {:?}", ask(command()));
}

fn fish(words: &[&str]) -> Xcher {
    xcher(["__complete", "fish", "xcher"]).args(words)
}

fn shared() -> TempDir {
    let folder = tempdir().unwrap();
    tree::write(
        folder.path(),
        [("h/notes.txt", "1"), ("h/p/a", "1"), ("h/p/b", "1"), ("h/$(touch pwned);x", "1")],
    );
    folder
}

#[test]
fn completes_commands_options_and_values() {
    assert_eq!(ask(fish(&["ge"])), ["get"]);
    assert_eq!(ask(fish(&["get", "--on-conf"])), ["--on-conflict"]);
    assert_eq!(ask(fish(&["get", "--on-conflict", "ren"])), ["rename"]);
    assert_eq!(ask(fish(&["get", "--on-conflict=ren"])), ["--on-conflict=rename"]);
    let help = fish(&["who", "--js"]).run().code(0).quiet();
    assert!(help.out[1].starts_with("--json\tPrint events"), "{help}");
    for words in [&["share", "x"][..], &["send", ""], &["get", "-o", "x"], &["get", "--output=x"]] {
        fish(words).run().code(0).quiet().out(&["files"]);
    }
}

#[test]
fn completes_the_words_of_a_code() {
    // Nobody is asked.
    let offline = |words: &[&str]| ask(fish(words).env("XCHER_RELAY", "127.0.0.1:1"));
    assert_eq!(offline(&["get", "4821-cro"]), ["4821-crossover-"]);
    assert_eq!(offline(&["get", "4821-Crossover-Clockw"]), ["4821-Crossover-Clockwork-"]);
    assert_eq!(
        offline(&["get", "4821-crossover-clockwork-vag"]),
        ["4821-crossover-clockwork-vagabond"]
    );
    assert_eq!(offline(&["get", "4821", "cro"]), ["crossover"]);
    assert_eq!(offline(&["get", "4821", "crossover", "clockw"]), ["clockwork"]);
    assert_eq!(offline(&["get", "4821-crossover", "clockwork", "vag"]), ["vagabond"]);
    assert_eq!(offline(&["get", "4821-"]).len(), 256);
    for none in [
        &["get", "4821-clo"][..],
        &["get", "4821", "crossover", "clockwork", "universe", ""],
        &["get", "4821-crossover-clockwork-universe", ""],
        &["ls", "4821-cro"],
    ] {
        assert!(offline(none).iter().all(|value| value.starts_with('-')), "{none:?}");
    }
}

#[test]
fn completes_nicks_that_are_online_and_names_of_files() {
    let (relay, folder) = (Relay::start(), shared());
    let _kim = relay.share("kim", &folder.path().join("h"));
    let _bob = relay.share("bob;$(id)", &folder.path().join("h"));
    let at = relay.address.to_string();
    let here = |words: &[&str], expected: &[&str]| {
        find(|| fish(words).env("XCHER_RELAY", &at), expected);
    };
    for words in [&["get", ""][..], &["ls", ""], &["check", ""], &["send", "--to", ""]] {
        here(words, &["bob;$(id)", "kim"]);
    }
    here(&["ls", "k"], &["kim"]);
    here(&["get", "kim", ""], &["h/"]);
    here(&["get", "kim", "h/"], &["h/$(touch pwned);x", "h/notes.txt", "h/p/"]);
    here(&["get", "kim", "h/notes.txt", "h/p/"], &["h/p/a", "h/p/b"]);
    here(&["check", "kim", "h/n"], &["h/notes.txt"]);
    // The relay of the command line and of a link, instead of the one above.
    let elsewhere = |words: &[&str], expected: &[&str]| {
        find(|| fish(words).env("XCHER_RELAY", "127.0.0.1:1"), expected);
    };
    elsewhere(&["ls", "--relay", &at, "k"], &["kim"]);
    elsewhere(&["--relay", &at, "ls", "k"], &["kim"]);
    let link = format!("{}#kim", relay.tunnel());
    elsewhere(&["get", &link, "h/n"], &["h/notes.txt"]);
    elsewhere(&["check", &link, "h/n"], &["h/notes.txt"]);
    elsewhere(&["ls", "k"], &[]);
    let config = folder.path().join("config.toml");
    fs::write(&config, format!("relay = \"{at}\"\n")).unwrap();
    find(|| fish(&["--config", config.to_str().unwrap(), "ls", "k"]), &["kim"]);
}

/// Lists everything below a folder, if there is one.
fn left_behind(folder: &Path) -> Vec<String> {
    if folder.exists() { tree::read(folder).into_keys().collect() } else { Vec::new() }
}

#[test]
fn leaves_no_key_and_no_pin_behind_and_calls_no_other_key() {
    let (relay, folder) = (Relay::start(), shared());
    let _kim = relay.share("kim", &folder.path().join("h"));
    let (keys, at) = (folder.path().join("keys"), relay.address.to_string());
    let names = || fish(&["--relay", &at, "get", "kim", "h/n"]).env("XCHER_DATA_DIR", &keys);
    find(names, &["h/notes.txt"]);
    assert!(!keys.exists(), "{:?}", left_behind(&keys));
    let pin = xcher(["peers", "pin", "kim", ANOTHER_KEY, "--relay", &at]);
    pin.env("XCHER_DATA_DIR", &keys).run().code(0);
    let before = tree::read(&keys);
    assert_eq!(ask(names()), [""; 0], "the names of a host with another key");
    assert_eq!(tree::read(&keys), before);
}

#[test]
fn errors_mean_no_candidates() {
    let folder = tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, "relay = [1]\n").unwrap();
    let nothing = |command: Xcher| {
        let found = ask(command);
        assert!(found.iter().all(|value| value.starts_with('-')), "{found:?}");
    };
    for relay in ["127.0.0.1:1", "a b", "http://127.0.0.1:1/", "no-such-host.invalid"] {
        nothing(fish(&["--relay", relay, "ls", ""]));
        nothing(fish(&["--relay", relay, "get", "kim", ""]));
    }
    nothing(fish(&["ls", "k"]).env("XCHER_CONFIG", &config));
    nothing(fish(&["ls", "k", "--token-file", "missing", ""]));
    nothing(fish(&["get", "a/b", ""]));
    nothing(fish(&["get", "http://127.0.0.1:1/", ""]));
    for call in [vec![], vec!["tcsh", "xcher", ""], vec!["bash", "xcher 'a"], vec!["zsh"]] {
        xcher(["__complete"]).args(call).run().code(0).quiet().out(&[]);
    }
}

#[test]
fn a_relay_that_does_not_answer_delays_the_prompt_for_a_second() {
    let fake = FakeRelay::start();
    let (_socket, full, _backlog) = full_port();
    for at in [fake.address().to_string(), format!("127.0.0.1:{full}")] {
        let pace = Pace::start();
        assert_eq!(ask(fish(&["--relay", &at, "ls", "k"])), [""; 0]);
        let took = pace.elapsed();
        assert!(took < Duration::from_secs(2), "took {took:?}");
    }
}

/// A host that asks its user before each session shows the names to nobody before.
#[test]
fn a_host_that_does_not_answer_delays_the_prompt_for_two_seconds() {
    let (relay, folder) = (Relay::start(), shared());
    let mut kim = relay.xcher(["share", "--ask", "--nick", "kim"]);
    kim = kim.args([folder.path().join("h")]);
    let kim = kim.start();
    kim.out("online ");
    let pace = Pace::start();
    assert_eq!(ask(fish(&["--relay", &relay.address.to_string(), "get", "kim", "h"])), [""; 0]);
    let took = pace.elapsed();
    assert!(took < Duration::from_secs(3), "took {took:?}");
}

/// Returns a shell with xcher on its path.
fn shell(program: &str, folder: &Path, relay: &Relay) -> Option<Xcher> {
    Command::new(program).arg("--version").output().ok()?;
    let binary = Path::new(env!("CARGO_BIN_EXE_xcher")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let shell = Xcher::other(program).env("PATH", path).env("HOME", folder).dir(folder);
    Some(shell.env("XCHER_RELAY", relay.address.to_string()).env("PS1", "$ ").env("TERM", "dumb"))
}

/// The names come from the peer: inserted as they are, they would run commands.
#[test]
fn bash_quotes_names() {
    let (relay, folder) = (Relay::start(), shared());
    let Some(bash) = shell("bash", folder.path(), &relay) else {
        return not_tested("there is no bash");
    };
    tree::write(folder.path(), [("h/`id>pwned`", "1")]);
    let _kim = relay.share("kim", &folder.path().join("h"));
    let _bob = relay.share("b;$(id>pwned)", &folder.path().join("h"));
    let mut bash = Terminal::start(bash.args(["--norc", "--noprofile", "-i"]));
    bash.types("source <(xcher completions bash); bind 'set enable-bracketed-paste off'");
    bash.types("echo rea''dy >&2");
    bash.shows("ready");
    for (typed, completed) in [
        ("xcher check k\t", "xcher check kim "),
        ("h\t", "xcher check kim h/"),
        ("n\t", "xcher check kim h/notes.txt "),
    ] {
        bash.presses(typed);
        bash.shows(completed);
    }
    bash.types("");
    bash.says("h/notes.txt YES");
    bash.presses("xcher check kim h/\\$\t");
    bash.shows("\\(touch\\ pwned\\)\\;x ");
    bash.types("");
    bash.says("h/$(touch pwned);x YES");
    bash.presses("xcher ls b\t");
    bash.shows("b\\;\\$\\(id\\>pwned\\) ");
    bash.types("");
    bash.says("1\th/p/a");
    // Bash itself does not quote these.
    bash.presses("xcher check kim h/\\`\t");
    bash.shows("h/\\`id\\>pwned\\` ");
    bash.types("");
    bash.says("h/`id>pwned` YES");
    bash.presses("xcher check kim \"h/n\t");
    bash.shows("\"h/notes.txt\" ");
    bash.types("");
    bash.presses("xcher get 4821-cro\t");
    bash.shows("xcher get 4821-crossover-");
    bash.types("\u{15}exit");
    bash.wait();
    assert!(!folder.path().join("pwned").exists(), "a completed name was run");
}

fn lines(done: &Done) -> Vec<&str> {
    done.out.iter().map(String::as_str).filter(|line| !line.is_empty()).collect()
}

#[test]
fn zsh_gets_candidates_and_quotes_them_itself() {
    let (relay, folder) = (Relay::start(), shared());
    let Some(zsh) = shell("zsh", folder.path(), &relay) else {
        return not_tested("there is no zsh");
    };
    let _kim = relay.share("kim", &folder.path().join("h"));
    // In place of the functions of the completion system, which quotes what `compadd` is given.
    let script = r#"
        compdef() { : }
        _files() { print files }
        compset() { : }
        compadd() { print -r -- "$1"; print -rl -- "${(@P)@[-1]}" }
        source <(xcher completions zsh)
        at() { words=("$@"); CURRENT=$#; PREFIX=$words[-1]; _xcher }
        at xcher get k
        at xcher get kim h/
        at xcher get kim 'h/n'
        at xcher get kim 'h/\$'
        at xcher get 4821-cro
        at xcher share x
    "#;
    let done = zsh.args(["-f", "-c", script]).run().code(0).quiet();
    let open = "-S";
    let ended = "-V";
    let expected = [
        ended,
        "kim",
        open,
        "h/p/",
        ended,
        "h/$(touch pwned);x",
        "h/notes.txt",
        ended,
        "h/notes.txt",
        ended,
        "h/$(touch pwned);x",
        open,
        "4821-crossover-",
        "files",
    ];
    assert_eq!(lines(&done), expected, "{done}");
}

#[test]
fn fish_gets_candidates_and_quotes_them_itself() {
    let (relay, folder) = (Relay::start(), shared());
    let Some(fish) = shell("fish", folder.path(), &relay) else {
        return not_tested("there is no fish");
    };
    let _kim = relay.share("kim", &folder.path().join("h"));
    let script = r#"
        xcher completions fish | source
        complete -C 'xcher get k'
        complete -C 'xcher get kim h/'
        complete -C 'xcher get kim h/\\$'
        complete -C 'xcher get 4821-cro'
        complete -C 'xcher share h'
    "#;
    tree::write(folder.path(), [("here", "1")]);
    let done = fish.args(["-N", "-c", script]).run().code(0);
    let expected = [
        "kim",
        "h/$(touch pwned);x",
        "h/notes.txt",
        "h/p/",
        "h/$(touch pwned);x",
        "4821-crossover-",
        "h/",
        "here",
    ];
    assert_eq!(lines(&done), expected, "{done}");
}
