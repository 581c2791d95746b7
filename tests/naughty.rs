//! The Big List of Naughty Strings as names of files and of people, on every screen.

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

/// Characters that nobody sees and that change what one sees: controls, and what Unicode calls
/// format characters, but for the few that are drawn.
fn hides(c: char) -> bool {
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

/// The text without what emoji need between their parts. Of the other places that need what hides, the
/// list has none.
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

/// Expects that nothing in these lines can deceive who reads them.
#[track_caller]
fn harmless<'a>(lines: impl IntoIterator<Item = &'a String>) {
    for line in lines {
        // `ls` has one between its columns.
        assert!(!without_emoji(line).replace('\t', "").chars().any(hides), "{line:?}");
    }
}

/// Expects the same of a terminal, which takes colours, lines that are drawn again, and a QR code.
#[track_caller]
fn harmless_screen(screen: &str) {
    let screen = without_emoji(screen);
    let mut rest = &screen[..];
    while let Some(at) = rest.find(|c| hides(c) && c != '\r' && c != '\n') {
        let sequence = rest[at..].strip_prefix("\x1b[").unwrap_or_else(|| {
            panic!("{:?} in {:?}", rest[at..].chars().next(), rest.get(..at + 80))
        });
        let end = sequence.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == '?')).unwrap();
        // Colours; up, and what is there wiped; the cursor hidden and shown.
        assert!("mAKJhl".contains(sequence.as_bytes()[end] as char), "{:?}", &sequence[..=end]);
        rest = &sequence[end + 1..];
    }
}

/// What a name or a nick may be by the reference (sections 2.2 and 2.3), said once more in other words.
fn is_part_of_a_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text != "."
        && text != ".."
        && !without_emoji(text).chars().any(hides)
}

/// How a file is called on the wire: as here, or where that cannot be, with marks for what cannot go.
fn wire(name: &str) -> String {
    let wire = xcher_core::escape(name.as_bytes()).into_owned();
    assert_eq!(wire == name, is_part_of_a_name(name), "{name:?}");
    wire
}

/// A folder `s` with a file for each string that can be a file's name here.
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
        // One that is too long with its marks is left out.
        if wire(text).len() <= 255 {
            names.insert((*text).to_owned());
        }
    }
    assert!(names.len() > 300, "{}", names.len());
    (folder, names)
}

/// Expects that all came under their names, each with its own name in it.
#[track_caller]
fn came(out: &Path, names: &BTreeSet<String>) {
    let tree = tree::finished(out);
    for name in names {
        assert_eq!(tree.get(&format!("s/{}", wire(name))).unwrap(), name.as_bytes());
    }
    assert_eq!(tree.len(), names.len());
}

#[test]
fn as_names_of_files() {
    let ((folder, names), relay) = (shared(), Relay::start());
    let share = folder.path().join("s");
    let bob = relay.share("bob", &share);

    let ls = relay.xcher(["ls", "bob"]).run().code(0);
    harmless(ls.out.iter().chain(&ls.err));
    let listed = names.iter().map(|name| format!("{}\ts/{}", name.len(), wire(name)));
    assert_eq!(ls.out.iter().cloned().collect::<BTreeSet<_>>(), listed.collect());
    let ls = relay.xcher(["ls", "bob", "--json"]).run().code(0);
    harmless(&ls.out);
    let events = ls.events();
    let files = events.iter().filter(|event| event["event"] == "file");
    assert_eq!(files.count(), names.len());

    let out = folder.path().join("out");
    // Some are left out, for what is too long with its marks.
    let get = relay.xcher(["get", "bob", "--all", "-o"]).args([&out]).run().code(1);
    let get = get.error(&["left out: its name is too long"]);
    harmless(get.out.iter().chain(&get.err));
    assert_eq!(get.out.len(), names.len());
    came(&out, &names);

    // As a script would ask for them.
    let again = folder.path().join("again");
    let get = relay.xcher(["get", "bob", "-o"]).args([&again]).args(["--"]);
    let get = get.args(names.iter().map(|name| format!("s/{}", wire(name)))).run().code(0);
    harmless(get.out.iter().chain(&get.err));
    assert_eq!(get.out.len(), names.len());
    came(&again, &names);

    // Those that go by another name are told, each once.
    let bob = bob.stop(Signal::INT);
    harmless(bob.out.iter().chain(&bob.err));
    let escaped = names.iter().filter(|name| wire(name) != **name).count();
    assert!(escaped > 10, "{escaped}");
    let told = bob.err.iter().filter(|line| line.contains(" is sent as ")).collect::<Vec<_>>();
    assert_eq!(told.len(), escaped, "{told:#?}");
}

#[test]
fn in_a_manifest_and_on_the_way() {
    let ((folder, names), relay) = (shared(), Relay::start());
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    let send = Terminal::start(relay.xcher(["send"]).args([folder.path().join("s")]));
    let code = send.says("\n");
    let get = relay.xcher(["get", code.trim(), "-o"]).args([&out]);
    let mut get = Terminal::start(get);
    harmless_screen(&get.shows("Fetch? [y/N"));
    get.types("y");
    let get = get.wait().code(1);
    harmless_screen(&get.screen);
    harmless(&get.out);
    let send = send.wait().code(1);
    harmless_screen(&send.screen);
    came(&out, &names);
}

#[test]
fn as_what_a_hostile_provider_lists() {
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
        harmless(done.out.iter().chain(&done.err));
        // Some names are refused by this side, the others by that one.
        assert_eq!(done.code, Some(if args[0] == "get" { 1 } else { 4 }), "{done}");
    }
    assert!(tree::finished(folder.path()).is_empty());
}

/// What a command says that was run for each of them.
fn for_each(run: impl Fn(&str) -> Option<Done> + Sync) {
    // Many processes, each of which waits most of its time.
    scope(|scope| {
        for quarter in BLNS.chunks(BLNS.len().div_ceil(4)) {
            scope.spawn(|| {
                for text in quarter.iter().filter(|text| !text.contains('\0')) {
                    if let Some(done) = run(text) {
                        harmless(done.out.iter().chain(&done.err));
                        assert!(matches!(done.code, Some(0..=4)), "{text:?}\n{done}");
                    }
                }
            });
        }
    });
}

/// Whether a nick can be this.
fn is_nick(text: &str) -> bool {
    (1..=32).contains(&text.chars().count())
        && !without_emoji(text).chars().any(|c| hides(c) || c.is_whitespace() || c == '/')
}

#[test]
fn as_ones_own_nick() {
    let relay = Relay::start();
    for_each(|text| {
        let who = relay.xcher([&format!("--nick={text}"), "who"]).run();
        // Another one may have it at the same time, or have it still: the list has some twice.
        if is_nick(text) {
            assert_ne!(who.code, Some(2), "{text:?}\n{who}");
        } else {
            assert_eq!(who.code, Some(2), "{text:?}\n{who}");
        }
        Some(who)
    });
}

#[test]
fn as_the_nick_of_someone_else() {
    let relay = Relay::start();
    for_each(|text| {
        let ls = xcher(["ls", "--relay", &relay.address.to_string(), "--", text]).run();
        assert!(ls.code == Some(if is_nick(text) { 3 } else { 2 }), "{text:?}\n{ls}");
        Some(ls)
    });
}

/// Whether the relay takes both for one nick.
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
fn as_nicks_at_the_relay_and_of_callers() {
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
            // What it cannot repeat it says otherwise.
            answer => assert!(!takes, "{text:?}: {answer:?}"),
        }
        if takes {
            nicks.insert((*text).to_owned());
            held.push((*text, conn));
        }
    }
    let who = relay.xcher(["who", "--nick", "zoe"]).run().code(0);
    harmless(who.out.iter().chain(&who.err));
    let online: BTreeSet<_> = who.out.iter().cloned().collect();
    // Those of codes are not listed.
    nicks.retain(|nick| !nick.bytes().all(|byte| byte.is_ascii_digit()));
    let differ: Vec<_> = online.symmetric_difference(&nicks).collect();
    assert!(differ.is_empty(), "{differ:?}");
    // Some of them call: their nick is said where they are.
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
    harmless(bob.out.iter().chain(&bob.err));
    let relay = relay.process.stop(Signal::INT);
    // The time and the level are in colours nowhere but at a terminal.
    harmless(relay.out.iter().chain(&relay.err));
}
