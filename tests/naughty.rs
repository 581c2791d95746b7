//! Uses the Big List of Naughty Strings as names of files and as nicks, and checks all output.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread::scope;

use naughty_strings::BLNS;
use rustix::process::Signal;
use system::process::{Done, xcher};
use system::relay::Relay;
use system::terminal::Terminal;
use system::tree;
use system::wire::{Chat, Conn, Port};
use tempfile::{TempDir, tempdir};
use unicode_security::skeleton;

/// True for invisible characters that change how text appears: controls and Unicode's format characters,
/// except the few that are drawn.
fn is_invisible(c: char) -> bool {
    const FORMAT: [std::ops::RangeInclusive<char>; 13] = [
        '\u{ad}'..='\u{ad}',
        '\u{61c}'..='\u{61c}',
        '\u{180e}'..='\u{180e}',
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{2064}',
        '\u{2066}'..='\u{206f}',
        '\u{feff}'..='\u{feff}',
        '\u{fff9}'..='\u{fffb}',
        '\u{13430}'..='\u{1343f}',
        '\u{1bca0}'..='\u{1bca3}',
        '\u{1d173}'..='\u{1d17a}',
        '\u{e0001}'..='\u{e007f}',
    ];
    let blank = matches!(c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{e0000}'..='\u{e0fff}');
    c.is_control() || blank || FORMAT.iter().any(|range| range.contains(&c))
}

/// Removes the invisible characters that emoji need between their parts. The list has no other text that
/// needs invisible characters.
fn without_emoji(text: &str) -> String {
    let picture = |c: Option<&char>| {
        c.is_some_and(
            |c| matches!(c, '\u{2190}'..='\u{27ff}' | '\u{2900}'..='\u{2bff}' | '\u{1f000}'..),
        )
    };
    let mut left: Vec<char> = Vec::new();
    let chars: Vec<_> = text.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let (last, next) = (left.last(), chars.get(at + 1));
        let styles = *c == '\u{fe0f}' && at > 0 && picture(chars.get(at - 1));
        let is_key = last.is_some_and(|c| "0123456789#*".contains(*c));
        let keys = *c == '\u{fe0f}' && is_key && next == Some(&'\u{20e3}');
        let joins = *c == '\u{200d}' && picture(last) && picture(next) && chars[at - 1] != *c;
        if !(styles || keys || joins) {
            left.push(*c);
        }
    }
    left.into_iter().collect()
}

/// Expects no character in these lines that could deceive a reader.
#[track_caller]
fn assert_harmless<'a>(lines: impl IntoIterator<Item = &'a String>) {
    for line in lines {
        // `ls` separates its columns with a TAB.
        assert!(!without_emoji(line).replace('\t', "").chars().any(is_invisible), "{line:?}");
    }
}

/// Expects the same of a terminal's output, in which colours, redrawn lines and a QR code are allowed.
#[track_caller]
fn assert_harmless_screen(screen: &str) {
    let screen = without_emoji(screen);
    let mut rest = &screen[..];
    while let Some(at) = rest.find(|c| is_invisible(c) && c != '\r' && c != '\n') {
        let sequence = rest[at..].strip_prefix("\x1b[").unwrap_or_else(|| {
            panic!("{:?} in {:?}", rest[at..].chars().next(), rest.get(..at + 80))
        });
        let end = sequence.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == '?')).unwrap();
        // Allows colours, cursor up, erasing, and hiding or showing the cursor.
        assert!("mAKJhl".contains(sequence.as_bytes()[end] as char), "{:?}", &sequence[..=end]);
        rest = &sequence[end + 1..];
    }
}

/// True for a valid component of a name by sections 2.2 and 2.3 of PROTOCOL.md, implemented independently.
fn is_name_component(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text != "."
        && text != ".."
        && !without_emoji(text).chars().any(is_invisible)
}

/// Returns a file's name on the wire: unchanged if valid, otherwise escaped.
fn wire(name: &str) -> String {
    let wire = xcher_core::escape(name.as_bytes()).into_owned();
    assert_eq!(wire == name, is_name_component(name), "{name:?}");
    wire
}

/// Creates a folder `s` with a file for each string that this system accepts as a file name.
fn shared() -> (TempDir, BTreeSet<String>) {
    let folder = tempdir().unwrap();
    let share = folder.path().join("s");
    fs::create_dir(&share).unwrap();
    let mut names = BTreeSet::new();
    for text in BLNS {
        let path = share.join(text);
        if text.is_empty() || text.contains('/') || fs::write(&path, text).is_err() {
            continue;
        }
        // A name that is too long once escaped is left out.
        if wire(text).len() <= 255 {
            names.insert((*text).to_owned());
        }
    }
    assert!(names.len() > 300, "{}", names.len());
    (folder, names)
}

/// Expects that all files arrived under their names. Each contains its own name.
#[track_caller]
fn assert_arrived(out: &Path, names: &BTreeSet<String>) {
    let tree = tree::finished(out);
    for name in names {
        assert_eq!(tree.get(&format!("s/{}", wire(name))).unwrap(), name.as_bytes());
    }
    assert_eq!(tree.len(), names.len());
}

#[test]
fn shared_files_keep_naughty_names() {
    let ((folder, names), relay) = (shared(), Relay::start());
    let share = folder.path().join("s");
    let bob = relay.share("bob", &share);

    let ls = relay.xcher(["ls", "bob"]).run().code(0);
    assert_harmless(ls.out.iter().chain(&ls.err));
    let listed = names.iter().map(|name| format!("{}\ts/{}", name.len(), wire(name)));
    assert_eq!(ls.out.iter().cloned().collect::<BTreeSet<_>>(), listed.collect());
    let ls = relay.xcher(["ls", "bob", "--json"]).run().code(0);
    assert_harmless(&ls.out);
    let events = ls.events();
    let files = events.iter().filter(|event| event["event"] == "file");
    assert_eq!(files.count(), names.len());

    let out = folder.path().join("out");
    // Leaves out the files whose names are too long once escaped.
    let get = relay.xcher(["get", "bob", "--all", "-o"]).args([&out]).run().code(1);
    let get = get.error(&["left out: its name is too long"]);
    assert_harmless(get.out.iter().chain(&get.err));
    assert_eq!(get.out.len(), names.len());
    assert_arrived(&out, &names);

    // Requests them by name, as a script would.
    let again = folder.path().join("again");
    let get = relay.xcher(["get", "bob", "-o"]).args([&again]).args(["--"]);
    let get = get.args(names.iter().map(|name| format!("s/{}", wire(name)))).run().code(0);
    assert_harmless(get.out.iter().chain(&get.err));
    assert_eq!(get.out.len(), names.len());
    assert_arrived(&again, &names);

    // Reports each escaped name once.
    let bob = bob.stop(Signal::INT);
    assert_harmless(bob.out.iter().chain(&bob.err));
    let escaped = names.iter().filter(|name| wire(name) != **name).count();
    assert!(escaped > 10, "{escaped}");
    let reported = bob.err.iter().filter(|line| line.contains(" is sent as ")).collect::<Vec<_>>();
    assert_eq!(reported.len(), escaped, "{reported:#?}");
}

#[test]
fn terminals_show_naughty_names_safely() {
    let ((folder, names), relay) = (shared(), Relay::start());
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    let send = Terminal::start(relay.xcher(["send"]).args([folder.path().join("s")]));
    let code = send.says("\n");
    let get = relay.xcher(["get", code.trim(), "-o"]).args([&out]);
    let mut get = Terminal::start(get);
    assert_harmless_screen(&get.shows("Fetch? [y/N"));
    get.types("y");
    let get = get.wait().code(1);
    assert_harmless_screen(&get.screen);
    assert_harmless(&get.out);
    let send = send.wait().code(1);
    assert_harmless_screen(&send.screen);
    assert_arrived(&out, &names);
}

#[test]
fn hostile_listing_is_shown_safely() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let out = folder.path().join("in/out");
    let entries: Vec<_> = BLNS.iter().map(|text| format!("{text} 5")).collect();
    let entries: Vec<_> = entries.iter().map(String::as_str).collect();
    for args in [&["ls", "bob"][..], &["ls", "rob", "--json"], &["get", "tom", "--all"]] {
        let mut bob = Chat::join(relay.address, args[1]);
        let mut asks = relay.xcher(args);
        if args[0] == "get" {
            asks = asks.args(["-o"]).args([&out]);
        }
        let asks = asks.start();
        let mut control = bob.called();
        control.lists(&entries);
        while let Some(line) = control.line() {
            if let Some(request) = line.strip_prefix("X_REQUEST ") {
                let name = request.rsplitn(3, ' ').nth(2).unwrap();
                control.say(format!("X_CHK {name} NO\n"));
            } else {
                assert_eq!(line, "X_END");
            }
        }
        let done = asks.wait();
        assert_harmless(done.out.iter().chain(&done.err));
        // The requester rejects some names, the provider refuses the others.
        assert_eq!(done.code, Some(if args[0] == "get" { 1 } else { 4 }), "{done}");
    }
    assert!(tree::finished(folder.path()).is_empty());
}

/// Runs a command for each string and checks its output.
fn for_each(run: impl Fn(&str) -> Option<Done> + Sync) {
    // Runs four at a time: each process mostly waits.
    scope(|scope| {
        for quarter in BLNS.chunks(BLNS.len().div_ceil(4)) {
            scope.spawn(|| {
                for text in quarter.iter().filter(|text| !text.contains('\0')) {
                    if let Some(done) = run(text) {
                        assert_harmless(done.out.iter().chain(&done.err));
                        assert!(matches!(done.code, Some(0..=4)), "{text:?}\n{done}");
                    }
                }
            });
        }
    });
}

/// True for a valid nick.
fn is_nick(text: &str) -> bool {
    (1..=32).contains(&text.chars().count())
        && !without_emoji(text).chars().any(|c| is_invisible(c) || c.is_whitespace() || c == '/')
}

#[test]
fn own_nick_is_checked() {
    let relay = Relay::start();
    for_each(|text| {
        let who = relay.xcher([&format!("--nick={text}"), "who"]).run();
        // The nick can be taken, at the moment or still: the list contains some strings twice.
        if is_nick(text) {
            assert_ne!(who.code, Some(2), "{text:?}\n{who}");
        } else {
            assert_eq!(who.code, Some(2), "{text:?}\n{who}");
        }
        Some(who)
    });
}

#[test]
fn called_nick_is_checked() {
    let relay = Relay::start();
    for_each(|text| {
        let ls = xcher(["ls", "--relay", &relay.address.to_string(), "--", text]).run();
        assert!(ls.code == Some(if is_nick(text) { 3 } else { 2 }), "{text:?}\n{ls}");
        Some(ls)
    });
}

/// True if the relay treats both as the same nick.
fn are_alike(one: &str, other: &str) -> bool {
    let forms = |text: &str| {
        let lower = text.to_lowercase();
        let skeletons = [text, &lower].map(|text| skeleton(text).collect::<String>());
        [&skeletons[..], &[lower]].concat()
    };
    let of_one = forms(one);
    forms(other).iter().any(|form| of_one.contains(form))
}

#[test]
fn nicks_of_other_clients_are_shown_safely() {
    let relay = Relay::start_with(&["-v"]);
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("s/a", "1")]);
    let bob = relay.share("bob", &folder.path().join("s"));
    let mut held = Vec::new();
    let mut nicks = BTreeSet::from(["bob".to_owned()]);
    for text in BLNS.iter().filter(|text| !text.contains(['\n', '\0'])) {
        let mut conn = Conn::to(relay.address);
        conn.say(format!("X_NICK {text}\n"));
        let answer = conn.line();
        let takes = is_nick(text) && !nicks.iter().any(|nick| are_alike(nick, text));
        let expected = format!("X_NICK {text} {}", if takes { "YES" } else { "NO" });
        match answer {
            Some(answer) if answer == expected => {}
            // The relay reports in another way what it cannot repeat.
            answer => assert!(!takes, "{text:?}: {answer:?}"),
        }
        if takes {
            nicks.insert((*text).to_owned());
            held.push((*text, conn));
        }
    }
    let who = relay.xcher(["who", "--nick", "zoe"]).run().code(0);
    assert_harmless(who.out.iter().chain(&who.err));
    let online: BTreeSet<_> = who.out.iter().cloned().collect();
    // Nicks of codes are not listed.
    nicks.retain(|nick| !nick.bytes().all(|byte| byte.is_ascii_digit()));
    let differ: Vec<_> = online.symmetric_difference(&nicks).collect();
    assert!(differ.is_empty(), "{differ:?}");
    // Lets some of them call: the callee shows their nicks.
    for (nick, conn) in held.iter_mut().filter(|(nick, _)| !nick.is_ascii()).take(8) {
        let port = Port::open();
        conn.say(format!("X_INIT bob 127.0.0.1 {}\n", port.number()));
        let mut control = port.accept();
        control.say("X_CHK s/a\n");
        control.hears("X_CHK s/a YES");
        control.say("X_END\n");
        bob.err(&format!("{nick} (127.0.0.1) is connected"));
    }
    drop(held);
    let bob = bob.stop(Signal::INT);
    assert_harmless(bob.out.iter().chain(&bob.err));
    let relay = relay.process.stop(Signal::INT);
    // The log is coloured at a terminal alone.
    assert_harmless(relay.out.iter().chain(&relay.err));
}
