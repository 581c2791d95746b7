//! Encrypted sessions: what crosses the network, what a man in the middle can do, and how keys are checked.

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
use system::process::{Done, Process, Xcher, xcher};
use system::relay::{Relay, at};
use system::tree;
use system::wire::{Chat, Conn};
use tempfile::{TempDir, tempdir};

/// A relay, and a folder for shared files, received files and keys.
struct Setup {
    relay: Relay,
    folder: TempDir,
}

/// Length of `s/file`.
const SIZE: usize = 100_000;
/// Its length in four records of at most 32 KiB, each with a header and a tag.
const CONTENT_LEN: usize = SIZE + 4 * 18;
/// As [`CONTENT_LEN`], with the records of the digest and of the end.
const SEALED_LEN: usize = CONTENT_LEN + (2 + 32 + 16) + (2 + 16);
const MAX_RECORD_LEN: usize = 32_768 + 18;

impl Setup {
    fn new() -> Self {
        let (relay, folder) = (Relay::start_with(&["--any-address"]), tempdir().unwrap());
        tree::write(&folder.path().join("s"), [("file", tree::bytes(1, SIZE))]);
        Self { relay, folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a provider whose key is in the folder of this name.
    fn share(&self, key: &str, options: &[&str]) -> Process {
        let share = self.relay.xcher(["share", "--nick", "bob"]).args(options);
        let share = share.args([self.path("s")]).env("XCHER_DATA_DIR", self.path(key)).start();
        share.out("online ");
        share
    }

    /// Builds a requester's command, with its key and known peers in `amy`.
    fn amy(&self, command: &[&str]) -> Xcher {
        self.with_amys_keys(self.relay.xcher(command))
    }

    fn with_amys_keys(&self, command: Xcher) -> Xcher {
        command.dir(self.folder.path()).env("XCHER_DATA_DIR", self.path("amy"))
    }

    /// Fetches `s/file` through a man in the middle that changes the traffic; expects no file.
    fn attack(
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

/// True if `bytes` contains `part`.
fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn names_and_contents_cross_encrypted() {
    let setup = Setup::new();
    let (name, text) = ("a secret name.txt", "the secret content. ".repeat(10_000));
    tree::write(&setup.path("s"), [(name, &text)]);
    let bob = setup.share("bob", &[]);
    let middle = Middle::start(setup.relay.address, |_, _, _| true);
    let get = at(middle.address, ["get", "bob", "--all", "--nick", "amy", "-o", "out"]);
    let get = middle.run(setup.with_amys_keys(get)).wait().code(0);
    let get = get.session_line(&[
        "bob (127.0.0.2) is connected directly; the session is encrypted: key ",
        "first time",
    ]);
    assert!(tree::read(&setup.path("out/s")) == tree::read(&setup.path("s")), "bytes differ");

    let at_bobs = bob.err("amy (127.0.0.2) is connected directly; the session is encrypted: key ");
    let words = |line: &str| line.split_once("safety words: ").unwrap().1.to_owned();
    assert_eq!(words(&get.session_lines[0]), words(&at_bobs));
    assert_eq!(words(&at_bobs).split(' ').count(), 3, "{at_bobs}");

    let heard = middle.heard();
    let of = |flow| heard.iter().filter(move |(of, bytes)| *of == flow && !bytes.is_empty());
    // Both files are so small that they share a data connection.
    assert_eq!((of(Flow::ByA).count(), of(Flow::ByB).count(), of(Flow::Data).count()), (1, 1, 1));
    for (flow, bytes) in &heard {
        for secret in [name, "file", &text[..16], "X_FILELIST", "X_REQUEST", "X_END", "X_SAS"] {
            assert!(!contains(bytes, secret.as_bytes()), "{secret:?} in {flow:?}");
        }
        assert!(!contains(bytes, &tree::bytes(1, SIZE)[..16]), "contents of a file in {flow:?}");
    }
    // Unencrypted: the probe for extensions, the capabilities and two ephemeral keys.
    let unencrypted = |flow| {
        let text = String::from_utf8_lossy(&of(flow).next().unwrap().1).into_owned();
        let verbs = text.lines().take_while(|line| line.starts_with("X_"));
        verbs.map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(unencrypted(Flow::ByA), ["X_CHK", "X_CAPS", "X_SECURE", "X_SECURE"]);
    assert_eq!(unencrypted(Flow::ByB), ["X_TICKET", "X_CHK", "X_CAPS", "X_SECURE"]);
}

#[test]
fn rejects_a_file_changed_or_cut_in_transit() {
    let setup = Setup::new();
    let _bob = setup.share("bob", &[]);
    let changed = "is not authentic: altered";
    let cut = "the stream is truncated: it ended";
    let length = "expected a record of 16 to 65535 bytes";
    // The size is exact where both numbers would be rounded to the same text.
    let of_size = |at| if at < CONTENT_LEN { "of 97.66 KiB" } else { "of 100000 bytes" };
    let change = |at: usize, bit: u8, expected: &str| {
        let get = setup.attack(&[], move |flow, begins, bytes| {
            if let (Flow::Data, Some(at)) = (flow, at.checked_sub(begins))
                && let Some(byte) = bytes.get_mut(at)
            {
                *byte ^= bit;
            }
            true
        });
        get.code(1).error(&["s/file: incomplete: ", of_size(at), expected]);
    };
    // Text and tag of the first record, the second record, the digest, the last record.
    for at in [
        2,
        20_000,
        MAX_RECORD_LEN - 1,
        MAX_RECORD_LEN + 2,
        CONTENT_LEN + 2,
        CONTENT_LEN + 40,
        SEALED_LEN - 16,
        SEALED_LEN - 1,
    ] {
        change(at, 1, changed);
    }
    // Lengths: longer, below the minimum, different.
    change(0, 0x40, changed);
    change(SEALED_LEN - 18, 0x40, cut);
    change(SEALED_LEN - 17, 0x10, length);
    change(1, 1, changed);

    for to in [
        0,
        1,
        2,
        17,
        20_000,
        MAX_RECORD_LEN,
        CONTENT_LEN,
        CONTENT_LEN + 20,
        SEALED_LEN - 18,
        SEALED_LEN - 1,
    ] {
        let get = setup.attack(&[], move |flow, begins, bytes| {
            let left = if flow == Flow::Data { to - begins } else { usize::MAX };
            bytes.truncate(left);
            bytes.len() < left
        });
        get.code(1).error(&["s/file: incomplete: ", of_size(to), cut]);
    }

    let more = setup.attack(&[], |flow, begins, bytes| {
        if flow == Flow::Data && begins + bytes.len() == SEALED_LEN {
            bytes.push(0);
        }
        true
    });
    more.code(1).error(&["s/file: ", "data after the last record"]);
}

/// Replaces text in an unencrypted line.
fn replace(
    in_flow: Flow,
    line: &'static str,
    by: &'static str,
) -> impl Fn(Flow, usize, &mut Vec<u8>) -> bool {
    move |flow, _, bytes| {
        if flow == in_flow && bytes.starts_with(b"X_") {
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            *bytes = text.replace(line, by).chars().map(|c| c as u8).collect();
        }
        true
    }
}

/// The attacker makes the probe a question that a callee of any kind answers with NO. Neither host has a pin of the
/// other.
#[test]
fn both_sides_report_a_first_session_downgraded_to_unencrypted() {
    let setup = Setup::new();
    let bob = setup.share("bob", &[]);
    let asks = replace(Flow::ByA, "X_CHK //xcher/2", "X_CHK //xcher/1");
    let answers = replace(Flow::ByB, "X_CHK //xcher/1", "X_CHK //xcher/2");
    let middle = Middle::start(setup.relay.address, move |flow, at, bytes| {
        asks(flow, at, bytes) && answers(flow, at, bytes)
    });
    let check = setup.with_amys_keys(at(middle.address, ["check", "bob", "s/file"]));
    let done = middle.run(check).wait().code(0).out(&["s/file YES"]);
    done.session_line(&["bob (127.0.0.2)", "the session is not encrypted"]);
    bob.err("the session is not encrypted");
    bob.stop(Signal::TERM).code(0);
}

/// A callee that has answered YES does not go on unencrypted.
#[test]
fn attacker_that_only_answers_no_gets_no_session() {
    let setup = Setup::new();
    let bob = setup.share("bob", &[]);
    setup.attack(&[], replace(Flow::ByB, "X_CHK //xcher/2 YES", "X_CHK //xcher/2 NO")).code(3);
    bob.err(
        "the peer did not offer encryption; an attacker on the path may have removed the offer",
    );
    bob.stop(Signal::TERM).code(0);
}

#[test]
fn attacker_that_strips_capabilities_gets_no_session() {
    let setup = Setup::new();
    let bob = setup.share("bob", &[]);
    let secure = &["--secure"];
    let refused = ["bob does not support encryption, which --secure requires"];
    let yes = replace(Flow::ByB, "X_CHK //xcher/2 YES", "X_CHK //xcher/2 NO");
    setup.attack(secure, yes).code(5).one_error(&refused);
    let probe = replace(Flow::ByA, "X_CHK //xcher/2", "X_CHK //xcher/1");
    setup.attack(secure, probe).code(5).one_error(&refused);
    let upper = replace(Flow::ByB, "secure", "SECURE");
    setup.attack(&[], upper).code(1).one_error(&["expected X_CAPS word word …"]);
    // Fails without --secure, too: a host that answers YES supports encryption.
    let stop = ["STOP: bob supports encryption, but the session would not be encrypted"];
    for options in [&[][..], secure] {
        setup.attack(options, replace(Flow::ByB, "secure", "sekure")).code(5).error(&stop);
        setup.attack(options, replace(Flow::ByB, "X_CAPS", "X_CHK x")).code(5).error(&stop);
    }
    // Fails, too, if only the digest is stripped: both X_CAPS lines are part of the handshake.
    let handshake = ["cannot reach bob", "handshake failed: a message was altered"];
    for flow in [Flow::ByA, Flow::ByB] {
        setup.attack(&[], replace(flow, "verify", "verifx")).code(1).one_error(&handshake);
    }
    bob.stop(Signal::TERM).code(0);
}

/// However an attacker changes the negotiation, no name or file crosses unencrypted.
#[test]
fn offers_nothing_in_an_unencrypted_session() {
    let setup = Setup::new();
    let (secret, out) = ("a secret name.txt", setup.path("in"));
    tree::write(&setup.path("t"), [(secret, "text")]);
    let receive = |options: &[&str]| {
        let receive = setup.relay.xcher(["receive", "--yes", "--nick", "bob", "-o"]).args([&out]);
        let receive = receive.args(options).env("XCHER_DATA_DIR", setup.path("bob")).start();
        receive.out("online ");
        receive
    };
    let send = |change: Box<Change>| {
        let middle = Middle::start(setup.relay.address, change);
        let send = at(middle.address, ["send", "--to", "bob", "t"]).dir(setup.folder.path());
        let done = middle.run(send).wait().code(5);
        for (flow, bytes) in middle.heard() {
            for part in [secret, "X_OFFER", "X_STAT"] {
                assert!(!contains(&bytes, part.as_bytes()), "{part:?} in {flow:?}\n{done}");
            }
        }
        assert!(tree::finished(&out).is_empty(), "{done}");
        done
    };
    let bob = receive(&[]);
    let stop = ["STOP: bob supports encryption, but the session would not be encrypted"];
    let not = ["nothing was sent: the session with bob is not encrypted"];
    send(Box::new(replace(Flow::ByB, "secure", "sekure"))).error(&stop);
    send(Box::new(replace(Flow::ByB, "X_CHK //xcher/2 YES", "X_CHK //xcher/2 NO"))).error(&not);
    send(Box::new(replace(Flow::ByA, "X_CHK //xcher/2", "X_CHK //xcher/1"))).error(&not);
    // Only the caller's line is changed: B rejects it, and A sees that B disconnected.
    let middle = Middle::start(setup.relay.address, replace(Flow::ByA, "secure", "sekure"));
    let sent = at(middle.address, ["send", "--to", "bob", "t"]).dir(setup.folder.path());
    let done = middle.run(sent).wait();
    assert_ne!(done.code, Some(0), "{done}");
    assert!(tree::finished(&out).is_empty(), "{done}");
    drop(bob);
    let _plain = receive(&["--plain"]);
    send(Box::new(|_, _, _| true)).error(&not);
    let plain = setup.relay.xcher(["send", "--to", "bob", "t", "--plain"]).dir(setup.folder.path());
    plain.run().code(2).one_error(&["an offer needs an encrypted session"]);
}

#[test]
fn changed_or_repeated_record_ends_the_session() {
    let setup = Setup::new();
    let bob = setup.share("bob", &[]);
    let is_record = |bytes: &[u8]| !bytes.starts_with(b"X");
    let record = "is not authentic: altered";
    let ended = ["the session with bob ended: ", record];
    let changed = move |flow, _: usize, bytes: &mut Vec<u8>| {
        if flow == Flow::ByB && is_record(bytes) {
            bytes[5] ^= 1;
        }
        true
    };
    setup.attack(&[], changed).code(1).one_error(&ended);
    let repeated = move |flow, _: usize, bytes: &mut Vec<u8>| {
        if flow == Flow::ByB && is_record(bytes) {
            // Repeats the first record, before any other can follow.
            let end = 2 + usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
            bytes.splice(end..end, bytes[..end].to_vec());
        }
        true
    };
    setup.attack(&[], repeated).code(1).one_error(&ended);
    let by_a = move |flow, _: usize, bytes: &mut Vec<u8>| {
        let more = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if flow == Flow::ByA && (is_record(bytes) || bytes.len() > more + 1 && bytes[more] != b'X')
        {
            *bytes.last_mut().unwrap() ^= 1;
        }
        true
    };
    setup.attack(&["--nick", "amy"], by_a).code(3).one_error(&["the session with bob ended: "]);
    bob.until("the reason of the end", |lines| {
        let found =
            |line: &String| line.contains("amy (127.0.0.2) disconnected") && line.contains(record);
        lines.err.iter().any(found).then_some(())
    });
}

#[test]
fn changed_key_stops_the_session_until_the_pin_is_forgotten() {
    let setup = Setup::new();
    let check = |options: &[&str]| setup.amy(&["check", "bob", "s/file"]).args(options).run();
    let bob = setup.share("bob", &[]);
    check(&[]).code(0).session_line(&["seen for the first time"]);
    check(&[]).code(0).session_line(&["same as before"]);
    let old = setup.amy(&["peers"]).run().code(0);
    assert_eq!(old.out.len(), 1, "{old}");
    bob.stop(Signal::TERM).code(0);

    let bob = setup.share("another", &[]);
    let me = setup.relay.xcher(["peers", "me"]).env("XCHER_DATA_DIR", setup.path("another"));
    let (new, old) = (me.run().out.concat(), old.out[0].split('\t').nth(1).unwrap().to_owned());
    let done = check(&["--json"]).code(5);
    let forget = format!("xcher peers forget bob --relay {}", setup.relay.address);
    let done = done.error(&["STOP: the key of bob has changed"]);
    done.error(&["before: ", &old]).error(&["now: ", &new]).error(&[&forget]);
    let done = check(&[]).code(5).out(&[]);
    assert!(done.session_lines.is_empty(), "{done}");
    assert!(!bob.seen_err("is connected"), "a session was opened");

    // Runs the command that the warning names.
    let forget: Vec<_> = forget.split(' ').skip(1).collect();
    setup.amy(&forget).run().code(0);
    check(&[]).code(0).session_line(&["seen for the first time"]);
    check(&[]).code(0).session_line(&["same as before"]);
}

#[test]
fn refuses_an_unencrypted_session_with_a_pinned_peer() {
    let setup = Setup::new();
    let check = |options: &[&str]| setup.amy(&["check", "bob", "s/file"]).args(options).run();
    let bob = setup.share("bob", &[]);
    check(&[]).code(0);
    bob.stop(Signal::TERM).code(0);

    let bob = setup.share("bob", &["--plain"]);
    let pace = Pace::start();
    let done = check(&[]).code(5).error(&["STOP: bob does not support encryption, but had a key"]);
    assert!(pace.elapsed() < Duration::from_secs(10), "{done}");
    check(&["--secure"]).code(5).one_error(&["which --secure requires"]);
    check(&["--plain"]).code(0).session_line(&["the session is not encrypted: --plain"]);
    bob.stop(Signal::TERM).code(0);

    let files = vec![("s/file".to_owned(), Vec::new())];
    let (online, wait) = std::sync::mpsc::channel();
    let base_peer = seed_peer::provide(setup.relay.address, "bob", files, move || {
        online.send(()).unwrap();
    });
    wait.recv().unwrap();
    check(&[]).code(5).error(&["STOP: bob does not support encryption"]);
    // The requester sent the probe for extensions and nothing else.
    assert_eq!(base_peer.join().unwrap().unwrap(), ["X_CHK //xcher/2", "X_END"]);
}

#[test]
fn secure_refuses_every_unencrypted_session() {
    let setup = Setup::new();
    let bob = setup.share("bob", &["--secure"]);
    setup.amy(&["check", "bob", "s/file", "--secure"]).run().code(0);
    // Repeated failures do not mark the address as one without an XCHER peer.
    for number in 0..5 {
        let amy = ["check", "bob", "s/file", "--plain", "--nick", &format!("amy{number}")];
        let done = setup.amy(&amy).run().code(3).one_error(&["connection closed"]);
        assert!(done.out.is_empty(), "{done}");
    }
    bob.err("refused a caller: the peer does not support encryption");
    setup.amy(&["check", "bob", "s/file"]).run().code(0);
    bob.stop(Signal::TERM).code(0);
    let bob = setup.share("bob", &["--plain"]);
    let done = setup.relay.xcher(["get", "bob", "s/file", "--secure"]).run().code(5);
    done.one_error(&["bob does not support encryption, which --secure requires"]);
    drop(bob);
}

#[test]
fn plain_and_secure_conflict_within_one_source() {
    let setup = Setup::new();
    let _bob = setup.share("bob", &[]);
    let check = |options: &[&str]| setup.amy(&["check", "bob", "s/file"]).args(options);
    check(&["--plain", "--secure"])
        .run()
        .code(2)
        .one_error(&["--plain and --secure contradict each other"]);
    let plain = "the session is not encrypted: --plain";
    let done = check(&["--plain"]).env("XCHER_SECURE", "1").run();
    done.code(0).session_line(&[plain]);
    let done = check(&["--secure"]).env("XCHER_PLAIN", "1").run();
    done.code(0).session_line(&["the session is encrypted"]);
    let config = setup.path("config.toml");
    fs::write(&config, "plain = true\n").unwrap();
    check(&[]).env("XCHER_CONFIG", &config).run().code(0).session_line(&[plain]);
    let done = check(&["--secure"]).env("XCHER_CONFIG", &config).run();
    done.code(0).session_line(&["the session is encrypted"]);
    fs::write(&config, "plain = true\nsecure = true\n").unwrap();
    check(&[]).env("XCHER_CONFIG", &config).run().code(2);
}

#[test]
fn creates_a_key_for_the_first_session() {
    let setup = Setup::new();
    let relay = setup.relay.address.to_string();
    let keys = setup.path("keys");
    let run = |command: &[&str]| setup.amy(command).env("XCHER_DATA_DIR", &keys).run().code(0);
    for command in [&["who"][..], &["peers"], &["--help"]] {
        run(command);
    }
    for command in [&["man"][..], &["completions", "bash"]] {
        xcher(command).env("XCHER_DATA_DIR", &keys).run().code(0);
    }
    let bob = setup.share("bob", &["--plain"]);
    run(&["check", "bob", "s/file", "--plain"]);
    assert!(!keys.exists(), "{:?}", tree::read(&keys));
    run(&["check", "bob", "s/file"]);
    assert!(keys.join("identity").exists());
    // Reads the lines without comments. A relay is known once it has proved its key.
    let known = |keys: &Path| -> Vec<String> {
        let text = fs::read_to_string(keys.join("known_peers")).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    };
    let is_relay = |line: &String| line.starts_with(&format!("{relay} / "));
    let alone = known(&keys);
    assert!(alone.len() == 1 && is_relay(&alone[0]), "{alone:?}");
    let relay_key = alone[0].split(' ').nth(2).unwrap();
    drop(bob);
    // A share pins no callers.
    let _ben = setup.share("ben", &[]);
    run(&["check", "bob", "s/file"]);
    let both = known(&keys);
    let is_bob = |line: &String| line.starts_with(&format!("key:{relay_key} bob "));
    assert!(both.len() == 2 && both.iter().any(is_bob), "{both:?}");
    let bens = known(&setup.path("ben"));
    assert!(bens.len() == 1 && is_relay(&bens[0]), "{bens:?}");
}

#[test]
fn warns_of_a_key_that_cannot_be_stored_and_answers() {
    let setup = Setup::new();
    let _bob = setup.share("bob", &[]);
    // A folder in place of the lock file makes locking fail.
    setup.amy(&["peers", "me"]).run().code(0);
    fs::create_dir(setup.path("amy/.known_peers.lock")).unwrap();
    let done = setup.amy(&["check", "bob", "s/file"]).run().code(0).out(&["s/file YES"]);
    assert_eq!(done.err.len(), 2, "{done}");
    let why = "cannot open the lock";
    done.error(&["cannot store the key of bob: ", why])
        .error(&["cannot store the key of the relay: ", why]);
    // A path that is not a regular file is reported before any call.
    fs::create_dir(setup.path("amy/known_peers")).unwrap();
    let done = setup.amy(&["check", "bob", "s/file"]).run().code(4).out(&[]);
    let done = done.one_error(&["is not a regular file", "known_peers"]);
    assert!(done.session_lines.is_empty(), "{done}");
}

/// Fetches `file` of `size` bytes from a provider that seals it as `send` does.
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

const WITH_DIGEST: &str = "X_CAPS secure verify";

#[test]
fn accepts_records_of_any_length_with_the_digest() {
    // Covers records as long as a digest, and records so short that many arrive at once.
    let content = tree::bytes(3, 70_000);
    for caps in [WITH_DIGEST, "X_CAPS secure"] {
        for length in [1, 31, 32, 33, 4096, 65_519] {
            let content = if length < 4096 { &content[..5000] } else { &content[..] };
            let (done, files) = receive(content.len(), caps, |control, mut data| {
                let mut sealer = control.sealer(0);
                for text in content.chunks(length) {
                    data.say(record(&mut sealer, text));
                }
                if caps == WITH_DIGEST {
                    data.say(record(&mut sealer, blake3::hash(content).as_bytes()));
                }
                data.say(sealer.finish().unwrap());
            });
            let done = done.code(0).session_line(&["is encrypted", "safety words: none yet"]);
            assert!(files.get("file").is_some_and(|file| file == content), "{length}\n{done}");
        }
    }
}

#[test]
fn rejects_a_file_with_a_wrong_digest_or_key() {
    let content = b"12345";
    let refuse = |expected: &str, send: &dyn Fn(&EncryptedConn, Conn)| {
        let (done, files) = receive(content.len(), WITH_DIGEST, send);
        let done = done.code(1).error(&["file: ", expected]);
        assert!(files.is_empty(), "{files:?}\n{done}");
    };
    let digest = blake3::hash(content);
    let altered = "checksum mismatch: the data was altered in transit";
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
    // Sealed for another request.
    refuse("record 0 is not authentic", &|control, mut data| {
        let mut sealer = control.sealer(1);
        data.say([record(&mut sealer, content), record(&mut sealer, digest.as_bytes())].concat());
        data.say(sealer.finish().unwrap());
    });
    refuse("the peer sent more than the announced 5 B", &|control, mut data| {
        let mut sealer = control.sealer(0);
        data.say(record(&mut sealer, b"123456"));
        data.try_say(sealer.finish().unwrap());
    });
    refuse("incomplete: 4 B of 5 B", &|control, mut data| {
        let (mut sealer, digest) = (control.sealer(0), blake3::hash(b"1234"));
        data.say([record(&mut sealer, b"1234"), record(&mut sealer, digest.as_bytes())].concat());
        data.say(sealer.finish().unwrap());
    });
    // Not encrypted at all.
    refuse("incomplete: 0 B of 5 B", &|_, mut data| data.say(content));
}

#[test]
fn reports_a_file_that_shrinks_during_an_encrypted_transfer() {
    let setup = Setup::new();
    let path = setup.path("s/large");
    let size = 1u64 << 33;
    fs::File::create(&path).unwrap().set_len(size).unwrap();
    let bob = setup.share("bob", &[]);
    let get = setup.amy(&["get", "bob", "s/large", "--json", "-o", "out"]).start();
    get.event(&[("event", "transfer"), ("state", "progress")]);
    shrink(&path);
    let get = get.wait().code(1);
    get.error(&["s/large: incomplete: ", "of 8.00 GiB", "reset"]);
    bob.err("s/large: not sent completely: the file shrank from 8589934592 to ");
    assert!(tree::finished(&setup.path("out")).is_empty());
}

fn shrink(path: &Path) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(0).unwrap();
}
