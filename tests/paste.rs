//! One thing to paste: links, and codes as people type and paste them.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::path::{Path, PathBuf};

use system::process::{Process, xcher};
use system::relay::Relay;
use system::tree;
use tempfile::{TempDir, tempdir};

/// A folder with `s/file` to send and share.
fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("s/file", "12345"), ("s/second", "1")]);
    folder
}

/// Starts `xcher send` over a bridge; returns it with the link it shows.
fn send(relay: &Relay, path: &Path) -> (Process, String) {
    let send = xcher(["send", "--relay", &relay.tunnel()]).args([path]).start();
    let line = send.err("in a browser: ");
    let link = line.split("in a browser: ").nth(1).unwrap().to_owned();
    (send, link)
}

fn fetched(out: &Path, name: &str) -> String {
    out.join("s").join(name).to_str().unwrap().to_owned()
}

#[test]
fn get_takes_the_link_that_send_shows_as_it_is_pasted() {
    let (relay, folder) = (Relay::start(), folder());
    for (before, after) in [("", ""), ("<", ">"), ("(see: ", ""), ("\"", "\".")] {
        let (sender, link) = send(&relay, &folder.path().join("s"));
        assert!(link.starts_with("http://127.0.0.1:") && link.contains("/#"), "{link}");
        let out = tempdir().unwrap();
        let pasted = match before {
            // Text before a link is not punctuation.
            "(see: " => {
                let pasted = format!("{before}{link}{after}");
                xcher(["get", &pasted, "-y"]).run().code(2).one_error(&["not a link"]);
                link
            }
            _ => format!("{before}{link}{after}"),
        };
        let get = xcher(["get", &pasted, "--yes", "-o"]).args([out.path()]).run().code(0);
        get.out_sorted(&[&fetched(out.path(), "file"), &fetched(out.path(), "second")]);
        sender.wait().code(0);
    }
}

#[test]
fn get_reads_a_link_from_standard_input_and_takes_names_after_one() {
    let (relay, folder) = (Relay::start(), folder());
    let (sender, link) = send(&relay, &folder.path().join("s"));
    let out = tempdir().unwrap();
    let mut get = xcher(["get", "-", "s/second", "--yes", "-o"]).args([out.path()]).start();
    get.say(&format!(" {link}, \n"));
    get.wait().code(0).out(&[&fetched(out.path(), "second")]);
    sender.wait().code(0);
}

#[test]
fn ls_check_and_get_take_the_link_to_a_nick() {
    let (relay, folder) = (Relay::start(), folder());
    let _share = relay.share("Åsa.", &folder.path().join("s"));
    let page = relay.tunnel().replace("ws://", "http://").replace("/xcher", "/");
    let out = tempdir().unwrap();
    for link in [
        format!("{page}#%C3%85sa%2E"),
        format!("<{page}#%C3%85sa%2E>."),
        format!("{}#%C3%85sa%2E", relay.tunnel()),
    ] {
        xcher(["ls", &link]).run().code(0).out(&["5\ts/file", "1\ts/second"]);
        xcher(["check", &link, "s/file"]).run().code(0).out(&["s/file YES"]);
        let get = xcher(["get", &link, "s/file", "--on-conflict", "overwrite", "-o"]);
        get.args([out.path()]).run().code(0).out(&[&fetched(out.path(), "file")]);
        xcher(["get", &link]).run().code(2).one_error(&["name the files to fetch"]);
        let get = xcher(["get", "-", "s/second", "--on-conflict", "overwrite", "-o"]);
        let mut get = get.args([out.path()]).start();
        get.say(&format!("{link}\n"));
        get.wait().code(0).out(&[&fetched(out.path(), "second")]);
    }
}

#[test]
fn the_link_names_the_relay() {
    let (relay, other, folder) = (Relay::start(), Relay::start(), folder());
    let _share = relay.share("kim", &folder.path().join("s"));
    let bridge = relay.tunnel();
    let link = format!("{bridge}#kim");
    let page = bridge.replace("ws://", "HTTP://").replace("/xcher", "/index.html");
    for same in [bridge.as_str(), page.as_str()] {
        xcher(["ls", &link, "--relay", same]).run().code(0).out(&["5\ts/file", "1\ts/second"]);
    }
    for another in [other.tunnel(), other.address.to_string(), relay.address.to_string()] {
        for command in [vec!["ls", &link], vec!["check", &link, "x"], vec!["get", &link, "x"]] {
            let contradictory = xcher(command).args(["--relay", &another]).run();
            contradictory.code(2).one_error(&["the link leads to ", &another, "leave out --relay"]);
        }
        // The command line overrides the environment.
        let ls = xcher(["ls", &link]).env("XCHER_RELAY", another).run();
        ls.code(0).out(&["5\ts/file", "1\ts/second"]);
    }
}

#[test]
fn an_invalid_link_is_a_usage_error() {
    for (link, part) in [
        ("http://127.0.0.1:1/", "must end in #NICK or #CODE"),
        ("http://127.0.0.1:1/#", "must end in #NICK or #CODE"),
        ("ftp://127.0.0.1:1/#kim", "not a link"),
        ("http://me:secret@127.0.0.1:1/#kim", "not a link"),
        ("http://127.0.0.1:1/#a%20b", "expected a nick"),
        ("http://127.0.0.1:1/#%1B[2J", "expected a nick"),
        ("http://127.0.0.1:1/#%FF", "not UTF-8"),
    ] {
        for command in [vec!["ls", link], vec!["check", link, "x"], vec!["get", link, "x"]] {
            xcher(command).run().code(2).error(&[part]);
        }
    }
    // Digits alone are the number of a code.
    let get = xcher(["get", "http://127.0.0.1:1/#4821", "-y"]).run().code(2);
    get.one_error(&["a code must have three words"]);
    let ls = xcher(["ls", "http://127.0.0.1:1/#4821-crossover-clockwork-universe"]).run().code(2);
    ls.error(&["the link has a code", "xcher get LINK"]);
}

/// Sends by code; returns the result of `get` with the arguments that `args` makes of the code's parts.
fn get_by_code(args: impl Fn(&[&str]) -> Vec<String>) -> (Vec<String>, PathBuf) {
    let (relay, folder) = (Relay::start(), folder());
    let send = relay.xcher(["send"]).args([folder.path().join("s")]).start();
    let code = send.until("a code", |lines| lines.out.first().cloned());
    let out = tempdir().unwrap();
    let parts: Vec<_> = code.split('-').collect();
    let get = relay.xcher(["get"]).args(args(&parts)).args(["-y", "-o"]).args([out.path()]);
    let mut stored = get.run().code(0).out;
    send.wait().code(0);
    stored.sort();
    (stored, out.path().to_owned())
}

#[test]
fn a_code_needs_no_quotes_and_no_dashes() {
    let both = |out: &Path| vec![fetched(out, "file"), fetched(out, "second")];
    let owned = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    let (stored, out) = get_by_code(owned);
    assert_eq!(stored, both(&out));
    let (stored, out) = get_by_code(|parts| {
        owned(parts).join(" ").to_uppercase().split(' ').map(str::to_owned).collect()
    });
    assert_eq!(stored, both(&out));
    let (stored, out) = get_by_code(|parts| [owned(parts), owned(&["s/second"])].concat());
    assert_eq!(stored, [fetched(&out, "second")]);
    let (stored, out) = get_by_code(|parts| [owned(parts), owned(&["--all"])].concat());
    assert_eq!(stored, both(&out));
    let (stored, out) = get_by_code(|parts| {
        vec![parts[..2].join("-"), parts[2].to_owned(), format!("{}.", parts[3]), "s/file".into()]
    });
    assert_eq!(stored, [fetched(&out, "file")]);
    let (stored, out) = get_by_code(|parts| vec![format!("“{}”,", parts.join("-"))]);
    assert_eq!(stored, both(&out));
}

#[test]
fn an_incomplete_code_is_a_usage_error() {
    for (args, part) in [
        (vec!["4821"], "a code must have three words"),
        (vec!["4821", "notes.txt"], "a code must have three words"),
        (vec!["4821", "crossover", "clockwork"], "a code must have three words"),
        (vec!["4821-crossover-clockwork", "s/file"], "a code must have three words"),
        (vec!["4821", "crosover", "clockwork", "universe"], "did you mean \"crossover\"?"),
        (vec!["4821", "crossover", "clockwork-universe-acme"], "a code must end after three words"),
    ] {
        xcher(["get", "-y"]).args(args).run().code(2).one_error(&[part]);
    }
    let get =
        xcher(["get", "4821", "crossover", "clockwork", "universe", "name", "--all", "-y"]).run();
    get.code(2).one_error(&["--all contradict"]);
}

/// A nick comes from others: from a link, for example.
#[test]
fn a_command_to_copy_quotes_the_nick() {
    let (relay, folder) = (Relay::start(), folder());
    let _share = relay.share("a;$(id)", &folder.path().join("s"));
    let get = relay.xcher(["get", "a;$(id)", "missing"]).run().code(1);
    get.error(&["`xcher ls 'a;$(id)' --relay 127.0.0.1:"]);
}
