//! Sessions that nobody else can read: what passes, what someone in between can do, and who is who.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod seed_peer;
mod system;

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use system::encrypted_wire::{EncryptedConn, record};
use system::middle::{Change, Flow, Middle};
use system::pace::Pace;
use system::process::{Done, Process, Xcher};
use system::relay::{Relay, at};
use system::tree;
use system::wire::{Chat, Conn};
use tempfile::{TempDir, tempdir};

/// A relay, and a folder for what is shared, received and known.
struct Place {
    relay: Relay,
    folder: TempDir,
}

/// What `s/file` has, and its length in records of 32 KiB: with their heads and tags, the sum and the
/// last one.
const SIZE: usize = 100_000;
const TEXTS: usize = SIZE + 4 * 18;
const SEALED: usize = TEXTS + (2 + 32 + 16) + (2 + 16);
const RECORD: usize = 32_768 + 18;

impl Place {
    fn new() -> Self {
        let (relay, folder) = (Relay::start_with(&["--any-address"]), tempdir().unwrap());
        tree::write(&folder.path().join("s"), [("file", tree::bytes(1, SIZE))]);
        Self { relay, folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// A provider whose key is in a folder of this name.
    fn share(&self, key: &str, options: &[&str]) -> Process {
        let share = self.relay.xcher(["share", "--nick", "bob"]).args(options);
        let share = share.args([self.path("s")]).env("XCHER_DATA_DIR", self.path(key)).start();
        share.out("online ");
        share
    }

    /// A requester whose key, and those of whom it knows, are in `amy`.
    fn amy(&self, command: &[&str]) -> Xcher {
        self.keys_of_amy(self.relay.xcher(command))
    }

    fn keys_of_amy(&self, amy: Xcher) -> Xcher {
        amy.dir(self.folder.path()).env("XCHER_DATA_DIR", self.path("amy"))
    }

    /// Fetches `s/file` while someone in between changes what passes; nothing must come of it.
    fn meddle(
        &self,
        options: &[&str],
        change: impl Fn(Flow, usize, &mut Vec<u8>) -> bool + Send + Sync + 'static,
    ) -> Done {
        let middle = Middle::start(self.relay.address, change);
        let get = at(middle.address, ["get", "bob", "s/file", "-o", "out"]).args(options);
        let get = middle.run(get.dir(self.folder.path())).wait();
        assert_ne!(get.code, Some(0), "{get}");
        assert!(tree::finished(&self.path("out")).is_empty(), "{get}");
        get
    }
}

/// Whether `bytes` hold `part` anywhere.
fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn neither_names_nor_bytes_cross_in_the_clear() {
    let place = Place::new();
    let (name, text) = ("a name that tells.txt", "a text that tells more. ".repeat(10_000));
    tree::write(&place.path("s"), [(name, &text)]);
    let bob = place.share("bob", &[]);
    let middle = Middle::start(place.relay.address, |_, _, _| true);
    let get = at(middle.address, ["get", "bob", "--all", "--nick", "amy", "-o", "out"]);
    let get = middle.run(place.keys_of_amy(get)).wait().code(0);
    let get = get.session_line(&[
        "bob (127.0.0.2) is connected directly; the session is private: key ",
        "first time",
    ]);
    assert!(tree::read(&place.path("out/s")) == tree::read(&place.path("s")), "bytes differ");

    let at_bobs = bob.err("amy (127.0.0.2) is connected directly; the session is private: key ");
    let words = |line: &str| line.split_once("safety words: ").unwrap().1.to_owned();
    assert_eq!(words(&get.session_lines[0]), words(&at_bobs));
    assert_eq!(words(&at_bobs).split(' ').count(), 3, "{at_bobs}");

    let heard = middle.heard();
    let of = |way| heard.iter().filter(move |(of, bytes)| *of == way && !bytes.is_empty());
    // Both are so small that they come together.
    assert_eq!((of(Flow::ByA).count(), of(Flow::ByB).count(), of(Flow::Data).count()), (1, 1, 1));
    for (way, bytes) in &heard {
        for secret in [name, "file", &text[..16], "X_FILELIST", "X_REQUEST", "X_END", "X_SAS"] {
            assert!(!holds(bytes, secret.as_bytes()), "{secret:?} in {way:?}");
        }
        assert!(!holds(bytes, &tree::bytes(1, SIZE)[..16]), "the bytes of a file in {way:?}");
    }
    // What is in the clear: that both know more than the six packets, what, and two new keys.
    let clear = |way| {
        let text = String::from_utf8_lossy(&of(way).next().unwrap().1).into_owned();
        let verbs = text.lines().take_while(|line| line.starts_with("X_"));
        verbs.map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(clear(Flow::ByA), ["X_CHK", "X_CAPS", "X_SECURE", "X_SECURE"]);
    assert_eq!(clear(Flow::ByB), ["X_TICKET", "X_CHK", "X_CAPS", "X_SECURE"]);
}

#[test]
fn a_file_that_is_changed_or_cut_on_its_way_is_no_file() {
    let place = Place::new();
    let _bob = place.share("bob", &[]);
    let changed = "is not authentic: altered";
    let cut = "the stream is truncated: it ended";
    let length = "expected a record of 16 to 65535 bytes";
    let change = |at: usize, bit: u8, expected: &str| {
        let get = place.meddle(&[], move |way, begins, bytes| {
            if let (Flow::Data, Some(at)) = (way, at.checked_sub(begins))
                && let Some(byte) = bytes.get_mut(at)
            {
                *byte ^= bit;
            }
            true
        });
        get.code(1).error(&["s/file: expected 100000 bytes, got ", expected]);
    };
    // Text and tag of the first record, the second, the sum, the last.
    for at in [2, 20_000, RECORD - 1, RECORD + 2, TEXTS + 2, TEXTS + 40, SEALED - 16, SEALED - 1] {
        change(at, 1, changed);
    }
    // Lengths: longer, shorter than any, another.
    change(0, 0x40, changed);
    change(SEALED - 18, 0x40, cut);
    change(SEALED - 17, 0x10, length);
    change(1, 1, changed);

    for to in [0, 1, 2, 17, 20_000, RECORD, TEXTS, TEXTS + 20, SEALED - 18, SEALED - 1] {
        let get = place.meddle(&[], move |way, begins, bytes| {
            let left = if way == Flow::Data { to - begins } else { usize::MAX };
            bytes.truncate(left);
            bytes.len() < left
        });
        get.code(1).error(&["s/file: expected 100000 bytes, got ", cut]);
    }

    let more = place.meddle(&[], |way, begins, bytes| {
        if way == Flow::Data && begins + bytes.len() == SEALED {
            bytes.push(0);
        }
        true
    });
    more.code(1).error(&["s/file: ", "data after the last record"]);
}

/// Changes a line in the clear.
fn replace(
    in_way: Flow,
    line: &'static str,
    by: &'static str,
) -> impl Fn(Flow, usize, &mut Vec<u8>) -> bool {
    move |way, _, bytes| {
        if way == in_way && bytes.starts_with(b"X_") {
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            *bytes = text.replace(line, by).chars().map(|c| c as u8).collect();
        }
        true
    }
}

/// Who answers NO in the other side's place. Neither has met the other before.
#[test]
fn a_first_session_that_someone_made_unencrypted_says_so_on_both_sides() {
    let place = Place::new();
    let bob = place.share("bob", &[]);
    let no = replace(Flow::ByB, "X_CHK //xcher/2 YES", "X_CHK //xcher/2 NO");
    let middle = Middle::start(place.relay.address, no);
    let check = place.keys_of_amy(at(middle.address, ["check", "bob", "s/file"]));
    let done = middle.run(check).wait().code(0).out(&["s/file YES"]);
    done.session_line(&["bob (127.0.0.2)", "the session is not private"]);
    bob.err("the session is not private");
    bob.stop(Signal::TERM).code(0);
}

#[test]
fn who_strips_what_makes_a_session_private_gets_no_session() {
    let place = Place::new();
    let bob = place.share("bob", &[]);
    let secure = &["--secure"];
    let refused = ["bob speaks in the clear alone, and --secure forbids that"];
    let yes = replace(Flow::ByB, "X_CHK //xcher/2 YES", "X_CHK //xcher/2 NO");
    place.meddle(secure, yes).code(5).one_error(&refused);
    let probe = replace(Flow::ByA, "X_CHK //xcher/2", "X_CHK //xcher/1");
    place.meddle(secure, probe).code(5).one_error(&refused);
    let upper = replace(Flow::ByB, "secure", "SECURE");
    place.meddle(&[], upper).code(1).one_error(&["expected X_CAPS word word …"]);
    // Nor without --secure: who answers YES knows encryption.
    let stop = ["STOP: bob knows encryption, and the session would not be encrypted"];
    for options in [&[][..], secure] {
        place.meddle(options, replace(Flow::ByB, "secure", "sekure")).code(5).error(&stop);
        place.meddle(options, replace(Flow::ByB, "X_CAPS", "X_CHK x")).code(5).error(&stop);
    }
    // Also where only the check at the end is left out: both lines are part of the handshake.
    let handshake = ["bob cannot be reached", "expected a message of this handshake"];
    for way in [Flow::ByA, Flow::ByB] {
        place.meddle(&[], replace(way, "verify", "verifx")).code(1).one_error(&handshake);
    }
    bob.stop(Signal::TERM).code(0);
}

/// Whatever someone in between makes of the answer, nothing is named or sent that they can read.
#[test]
fn nothing_is_offered_unencrypted() {
    let place = Place::new();
    let (secret, out) = ("a name that tells.txt", place.path("in"));
    tree::write(&place.path("t"), [(secret, "text")]);
    let receive = |options: &[&str]| {
        let receive = place.relay.xcher(["receive", "--yes", "--nick", "bob", "-o"]).args([&out]);
        let receive = receive.args(options).env("XCHER_DATA_DIR", place.path("bob")).start();
        receive.out("online ");
        receive
    };
    let send = |change: Box<Change>| {
        let middle = Middle::start(place.relay.address, change);
        let send = at(middle.address, ["send", "--to", "bob", "t"]).dir(place.folder.path());
        let done = middle.run(send).wait().code(5);
        for (way, bytes) in middle.heard() {
            for part in [secret, "X_OFFER", "X_STAT"] {
                assert!(!holds(&bytes, part.as_bytes()), "{part:?} in {way:?}\n{done}");
            }
        }
        assert!(tree::finished(&out).is_empty(), "{done}");
        done
    };
    let bob = receive(&[]);
    let stop = ["STOP: bob knows encryption, and the session would not be encrypted"];
    let not = ["nothing was sent: the session with bob is not encrypted"];
    send(Box::new(replace(Flow::ByB, "secure", "sekure"))).error(&stop);
    send(Box::new(replace(Flow::ByB, "X_CHK //xcher/2 YES", "X_CHK //xcher/2 NO"))).error(&not);
    send(Box::new(replace(Flow::ByA, "X_CHK //xcher/2", "X_CHK //xcher/1"))).error(&not);
    // The caller's word alone: B sees it, and A that B is gone.
    let middle = Middle::start(place.relay.address, replace(Flow::ByA, "secure", "sekure"));
    let sent = at(middle.address, ["send", "--to", "bob", "t"]).dir(place.folder.path());
    let done = middle.run(sent).wait();
    assert_ne!(done.code, Some(0), "{done}");
    assert!(tree::finished(&out).is_empty(), "{done}");
    drop(bob);
    let _plain = receive(&["--plain"]);
    send(Box::new(|_, _, _| true)).error(&not);
    let plain = place.relay.xcher(["send", "--to", "bob", "t", "--plain"]).dir(place.folder.path());
    plain.run().code(2).one_error(&["expected an encrypted session for an offer, got --plain"]);
}

#[test]
fn what_is_changed_or_repeated_in_a_private_session_ends_it() {
    let place = Place::new();
    let bob = place.share("bob", &[]);
    let is_record = |bytes: &[u8]| !bytes.starts_with(b"X");
    let record = "is not authentic: altered";
    let ended = ["the session with bob ended: ", record];
    let changed = move |way, _: usize, bytes: &mut Vec<u8>| {
        if way == Flow::ByB && is_record(bytes) {
            bytes[5] ^= 1;
        }
        true
    };
    place.meddle(&[], changed).code(1).one_error(&ended);
    let repeated = move |way, _: usize, bytes: &mut Vec<u8>| {
        if way == Flow::ByB && is_record(bytes) {
            // The first of them, before anything else can come.
            let end = 2 + usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
            bytes.splice(end..end, bytes[..end].to_vec());
        }
        true
    };
    place.meddle(&[], repeated).code(1).one_error(&ended);
    let by_a = move |way, _: usize, bytes: &mut Vec<u8>| {
        let more = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if way == Flow::ByA && (is_record(bytes) || bytes.len() > more + 1 && bytes[more] != b'X') {
            *bytes.last_mut().unwrap() ^= 1;
        }
        true
    };
    place.meddle(&["--nick", "amy"], by_a).code(3).one_error(&["the session with bob ended: "]);
    bob.until("what it found", |lines| {
        let found =
            |line: &String| line.contains("amy (127.0.0.2) is gone") && line.contains(record);
        lines.err.iter().any(found).then_some(())
    });
}

#[test]
fn a_changed_key_stops_until_it_is_forgotten() {
    let place = Place::new();
    let check = |options: &[&str]| place.amy(&["check", "bob", "s/file"]).args(options).run();
    let bob = place.share("bob", &[]);
    check(&[]).code(0).session_line(&["seen for the first time"]);
    check(&[]).code(0).session_line(&["the same as before"]);
    let old = place.amy(&["peers"]).run().code(0);
    assert_eq!(old.out.len(), 1, "{old}");
    bob.stop(Signal::TERM).code(0);

    let bob = place.share("another", &[]);
    let me = place.relay.xcher(["peers", "me"]).env("XCHER_DATA_DIR", place.path("another"));
    let (new, old) = (me.run().out.concat(), old.out[0].split('\t').nth(1).unwrap().to_owned());
    let done = check(&["--json"]).code(5);
    let forget = format!("xcher peers forget bob --relay {}", place.relay.address);
    let done = done.error(&["STOP: bob has another key than before"]);
    done.error(&["before: ", &old]).error(&["now: ", &new]).error(&[&forget]);
    let done = check(&[]).code(5).out(&[]);
    assert!(done.session_lines.is_empty(), "{done}");
    assert!(!bob.seen_err("is connected"), "it was spoken with");

    // As the warning says.
    let forget: Vec<_> = forget.split(' ').skip(1).collect();
    place.amy(&forget).run().code(0);
    check(&[]).code(0).session_line(&["seen for the first time"]);
    check(&[]).code(0).session_line(&["the same as before"]);
}

#[test]
fn whose_key_is_pinned_is_not_spoken_with_in_the_clear() {
    let place = Place::new();
    let check = |options: &[&str]| place.amy(&["check", "bob", "s/file"]).args(options).run();
    let bob = place.share("bob", &[]);
    check(&[]).code(0);
    bob.stop(Signal::TERM).code(0);

    let bob = place.share("bob", &["--plain"]);
    let pace = Pace::start();
    let done = check(&[]).code(5).error(&["STOP: bob speaks in the clear alone, and had a key"]);
    assert!(pace.elapsed() < Duration::from_secs(10), "{done}");
    check(&["--secure"]).code(5).one_error(&["--secure forbids that"]);
    // Nothing was asked but whether it knows more.
    check(&["--plain"]).code(0).session_line(&["the session is not private: --plain"]);
    bob.stop(Signal::TERM).code(0);

    let files = vec![("s/file".to_owned(), Vec::new())];
    let (online, wait) = std::sync::mpsc::channel();
    let seed = seed_peer::provide(place.relay.address, "bob", files, move || {
        online.send(()).unwrap();
    });
    wait.recv().unwrap();
    check(&[]).code(5).error(&["STOP: bob speaks in the clear alone"]);
    assert_eq!(seed.join().unwrap().unwrap(), ["X_CHK //xcher/2", "X_END"]);
}

#[test]
fn with_secure_nobody_is_spoken_with_in_the_clear() {
    let place = Place::new();
    let bob = place.share("bob", &["--secure"]);
    place.amy(&["check", "bob", "s/file", "--secure"]).run().code(0);
    // Four in a row are no reason to think that nobody there speaks XCHER.
    for number in 0..5 {
        let amy = ["check", "bob", "s/file", "--plain", "--nick", &format!("amy{number}")];
        let done = place.amy(&amy).run().code(3).one_error(&["closed the connection"]);
        assert!(done.out.is_empty(), "{done}");
    }
    bob.err("a caller was turned away: expected a private session");
    place.amy(&["check", "bob", "s/file"]).run().code(0);
    bob.stop(Signal::TERM).code(0);
    let bob = place.share("bob", &["--plain"]);
    let done = place.relay.xcher(["get", "bob", "s/file", "--secure"]).run().code(5);
    done.one_error(&["bob speaks in the clear alone, and --secure forbids that"]);
    drop(bob);
}

#[test]
fn plain_and_secure_exclude_each_other_where_they_are_said_alike() {
    let place = Place::new();
    let _bob = place.share("bob", &[]);
    let check = |options: &[&str]| place.amy(&["check", "bob", "s/file"]).args(options);
    check(&["--plain", "--secure"]).run().code(2).one_error(&["expected --plain or --secure"]);
    let plain = "the session is not private: --plain";
    let done = check(&["--plain"]).env("XCHER_SECURE", "1").run();
    done.code(0).session_line(&[plain]);
    let done = check(&["--secure"]).env("XCHER_PLAIN", "1").run();
    done.code(0).session_line(&["the session is private"]);
    let config = place.path("config.toml");
    fs::write(&config, "plain = true\n").unwrap();
    check(&[]).env("XCHER_CONFIG", &config).run().code(0).session_line(&[plain]);
    let done = check(&["--secure"]).env("XCHER_CONFIG", &config).run();
    done.code(0).session_line(&["the session is private"]);
    fs::write(&config, "plain = true\nsecure = true\n").unwrap();
    check(&[]).env("XCHER_CONFIG", &config).run().code(2);
}

#[test]
fn only_who_has_sessions_has_a_key() {
    let place = Place::new();
    let relay = place.relay.address.to_string();
    let keys = place.path("keys");
    let run = |command: &[&str]| place.amy(command).env("XCHER_DATA_DIR", &keys).run().code(0);
    for command in [&["who"][..], &["man"], &["completions", "bash"], &["peers"], &["--help"]] {
        run(command);
    }
    let bob = place.share("bob", &["--plain"]);
    run(&["check", "bob", "s/file", "--plain"]);
    assert!(!keys.exists(), "{:?}", tree::read(&keys));
    run(&["check", "bob", "s/file"]);
    assert!(keys.join("identity").exists());
    // The lines but for comments: the relay is known as soon as it proved its key.
    let known = |keys: &Path| -> Vec<String> {
        let text = fs::read_to_string(keys.join("known_peers")).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    };
    let is_relay = |line: &String| line.starts_with(&format!("{relay} / "));
    let alone = known(&keys);
    assert!(alone.len() == 1 && is_relay(&alone[0]), "{alone:?}");
    let its = alone[0].split(' ').nth(2).unwrap();
    drop(bob);
    // Of a share no key is kept of those who call.
    let _ben = place.share("ben", &[]);
    run(&["check", "bob", "s/file"]);
    let both = known(&keys);
    let is_bob = |line: &String| line.starts_with(&format!("key:{its} bob "));
    assert!(both.len() == 2 && both.iter().any(is_bob), "{both:?}");
    let bens = known(&place.path("ben"));
    assert!(bens.len() == 1 && is_relay(&bens[0]), "{bens:?}");
}

#[test]
fn a_key_that_cannot_be_kept_is_told_and_the_answer_comes() {
    let place = Place::new();
    let _bob = place.share("bob", &[]);
    // Nobody can lock a folder to write a key.
    place.amy(&["peers", "me"]).run().code(0);
    fs::create_dir(place.path("amy/.known_peers.lock")).unwrap();
    let done = place.amy(&["check", "bob", "s/file"]).run().code(0).out(&["s/file YES"]);
    assert_eq!(done.err.len(), 2, "{done}");
    let why = "is not kept: cannot open the lock";
    done.error(&["the key of bob", why]).error(&["the key of the relay", why]);
    // What is no file of keys is told at once, before anyone is called.
    fs::create_dir(place.path("amy/known_peers")).unwrap();
    let done = place.amy(&["check", "bob", "s/file"]).run().code(4).out(&[]);
    let done = done.one_error(&["expected a regular file at", "known_peers"]);
    assert!(done.session_lines.is_empty(), "{done}");
}

/// Fetches `file` of `size` bytes from a provider that seals it in its own way.
fn receive(size: usize, caps: &str, send: impl FnOnce(&EncryptedConn, Conn)) -> (Done, tree::Tree) {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let mut bob = Chat::join(relay.address, "bob");
    let get = relay.xcher(["get", "bob", "file"]).dir(folder.path()).start();
    let mut control = EncryptedConn::called(&mut bob, caps, [5; 32]);
    let data = control.requested("file", size);
    send(&control, data);
    assert_eq!(control.line(), "X_END");
    drop(control);
    let done = get.wait();
    (done, tree::finished(folder.path()))
}

const ALL: &str = "X_CAPS secure verify";

#[test]
fn a_file_of_any_records_comes_with_its_sum() {
    // Also pieces as long as a sum, and so short that many come at once.
    let content = tree::bytes(3, 70_000);
    for caps in [ALL, "X_CAPS secure"] {
        for length in [1, 31, 32, 33, 4096, 65_519] {
            let content = if length < 4096 { &content[..5000] } else { &content[..] };
            let (done, files) = receive(content.len(), caps, |control, mut data| {
                let mut sealer = control.sealer(0);
                for text in content.chunks(length) {
                    data.say(record(&mut sealer, text));
                }
                if caps == ALL {
                    data.say(record(&mut sealer, blake3::hash(content).as_bytes()));
                }
                data.say(sealer.finish().unwrap());
            });
            let done = done.code(0).session_line(&["is private", "safety words: none yet"]);
            assert!(files.get("file").is_some_and(|file| file == content), "{length}\n{done}");
        }
    }
}

#[test]
fn a_file_with_another_sum_or_another_key_is_no_file() {
    let content = b"12345";
    let refuse = |expected: &str, send: &dyn Fn(&EncryptedConn, Conn)| {
        let (done, files) = receive(content.len(), ALL, send);
        let done = done.code(1).error(&["file: ", expected]);
        assert!(files.is_empty(), "{files:?}\n{done}");
    };
    let digest = blake3::hash(content);
    let altered = "expected the digest that the other side told, got another";
    for (text, digest) in [(content, blake3::hash(b"other")), (b"12346", digest)] {
        refuse(altered, &|control, mut data| {
            let mut sealer = control.sealer(0);
            data.say([record(&mut sealer, text), record(&mut sealer, digest.as_bytes())].concat());
            data.say(sealer.finish().unwrap());
        });
    }
    refuse(altered, &|control, mut data| {
        let mut sealer = control.sealer(0);
        data.say(record(&mut sealer, content));
        data.say(sealer.finish().unwrap());
    });
    // The file of another request in the place of this one.
    refuse("record 0 is not authentic", &|control, mut data| {
        let mut sealer = control.sealer(1);
        data.say([record(&mut sealer, content), record(&mut sealer, digest.as_bytes())].concat());
        data.say(sealer.finish().unwrap());
    });
    refuse("expected 5 bytes, got more", &|control, mut data| {
        let mut sealer = control.sealer(0);
        data.say(record(&mut sealer, b"123456"));
        data.try_say(sealer.finish().unwrap());
    });
    refuse("expected 5 bytes, got 4", &|control, mut data| {
        let (mut sealer, digest) = (control.sealer(0), blake3::hash(b"1234"));
        data.say([record(&mut sealer, b"1234"), record(&mut sealer, digest.as_bytes())].concat());
        data.say(sealer.finish().unwrap());
    });
    // In the clear, as if the session were not private.
    refuse("expected 5 bytes, got 0", &|_, mut data| data.say(content));
}

#[test]
fn a_file_that_shrinks_or_grows_while_it_is_sent_privately() {
    let place = Place::new();
    let path = place.path("s/large");
    let size = 1u64 << 33;
    fs::File::create(&path).unwrap().set_len(size).unwrap();
    let bob = place.share("bob", &[]);
    let get = place.amy(&["get", "bob", "s/large", "--json", "-o", "out"]).start();
    get.event(&[("event", "transfer"), ("state", "progress")]);
    shrink(&path);
    let get = get.wait().code(1);
    get.error(&["s/large: expected 8589934592 bytes, got ", "reset"]);
    bob.err("s/large: could not send it whole: expected a file of 8589934592 bytes, got its end");
    assert!(tree::finished(&place.path("out")).is_empty());
}

fn shrink(path: &Path) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(0).unwrap();
}
