//! No file is left out silently, and none that changed is taken for complete.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::process::Signal;
use system::not_tested;
use system::other_user::{as_other, close, open_tempdir};
use system::process::{Done, Process, Xcher, xcher};
use system::relay::Relay;
use system::tree;
use tempfile::tempdir;

fn code_of(sender: &Process) -> String {
    sender.until("a code", |lines| lines.out.first().cloned())
}

fn events(done: &Done, name: &str) -> Vec<serde_json::Value> {
    done.events().into_iter().filter(|event| event["event"] == *name).collect()
}

#[test]
fn files_left_out_are_reported_on_both_sides_and_in_the_exit_codes() {
    let (relay, folder, home) = (Relay::start(), open_tempdir(), open_tempdir());
    let share = folder.path().join("s");
    tree::write(&share, [("ok", "1"), ("closed", "2"), ("shut/x", "3")]);
    close(&share.join("closed"));
    close(&share.join("shut"));
    symlink("ok", share.join("link")).unwrap();
    let _socket = UnixListener::bind(share.join("socket")).unwrap();
    let address = relay.address.to_string();
    let args = ["--relay", &address, "send", share.to_str().unwrap(), "--no-qr"];
    let Some(sender) = as_other(home.path(), args) else { return };
    let sender = sender.start();
    let code = code_of(&sender);
    let out = folder.path().join("out");
    let get = relay.xcher(["get", &code, "--yes", "-o"]).args([&out]).run().code(1);
    let get = get.error(&["s/closed left out: it cannot be read"]);
    let get = get.error(&["s/shut left out: it cannot be read"]);
    let get = get.error(&["s/link left out: it is a symbolic link"]);
    get.error(&["s/socket left out: it is a pipe, socket or device"]);
    assert_eq!(fs::read(out.join("s/ok")).unwrap(), b"1");
    assert!(!out.join("s/shut").exists());
    let sent = sender.wait().code(1);
    let sent = sent.error(&["\"s/closed\" is not shared: Permission denied"]);
    let sent = sent.error(&["\"s/shut\" is not shared: Permission denied"]);
    sent.error(&["4 entries were left out (2 unreadable, 1 link, 1 special)"]);

    // Reports the same as events, and for an offer as for a listing.
    let kim = relay.xcher(["receive", "--yes", "--once", "--json", "--nick", "kim", "-o"]);
    let kim = kim.args([folder.path().join("kim")]).start();
    kim.event(&[("event", "online")]);
    let args = ["--relay", &address, "send", "--to", "kim", share.to_str().unwrap(), "--json"];
    let sent = as_other(home.path(), args).unwrap().run().code(1);
    let reported = |done: &Done, key: &str| {
        let left = events(done, "left");
        let lines = left.iter().map(|event| format!("{} {}", event[key], event["reason"]));
        let mut lines: Vec<_> = lines.map(|text| text.replace('"', "")).collect();
        lines.sort();
        lines
    };
    let expected = ["s/closed unreadable", "s/link link", "s/shut unreadable", "s/socket special"];
    assert_eq!(reported(&sent, "path"), expected);
    assert_eq!(reported(&kim.wait().code(1), "name"), expected);
}

#[test]
fn a_file_that_was_not_requested_is_not_an_error() {
    let (relay, folder, home) = (Relay::start(), open_tempdir(), open_tempdir());
    let share = folder.path().join("s");
    tree::write(&share, [("ok", "1"), ("closed", "2")]);
    close(&share.join("closed"));
    let address = relay.address.to_string();
    let args = ["--relay", &address, "share", "--nick", "bob", share.to_str().unwrap()];
    let Some(bob) = as_other(home.path(), args) else { return };
    let bob = bob.start();
    bob.out("online ");
    let get = |args: &[&str]| {
        relay.xcher(["get", "bob"]).args(args).args(["-o"]).args([folder.path().join("out")]).run()
    };
    get(&["s/ok"]).code(0);
    get(&["--all"]).code(1).error(&["s/closed left out"]);
    get(&["s/closed"]).code(1).no_error("does not share");
}

#[test]
fn nothing_to_send_fails_before_a_code_is_shown() {
    let (relay, folder, home) = (Relay::start(), open_tempdir(), open_tempdir());
    tree::write(folder.path(), [("closed", "x"), ("shut/x", "x")]);
    for closed in ["closed", "shut"] {
        close(&folder.path().join(closed));
        let path = folder.path().join(closed);
        let address = relay.address.to_string();
        for command in [&["send"][..], &["share", "--nick", "bob"], &["send", "--to", "kim"]] {
            let args = [&["--relay", &address], command, &[path.to_str().unwrap()]].concat();
            let Some(sender) = as_other(home.path(), args) else { return };
            let done = sender.run().out(&[]);
            assert!(matches!(done.code, Some(1 | 2)), "{done}");
            done.one_error(&["ermission denied"]);
        }
    }
}

#[test]
fn a_folder_without_sendable_files_is_nothing_to_send() {
    let (relay, folder, home) = (Relay::start(), open_tempdir(), open_tempdir());
    tree::write(folder.path(), [("unread/deep/closed", "x"), ("linked/a", "x")]);
    close(&folder.path().join("unread/deep/closed"));
    fs::remove_file(folder.path().join("linked/a")).unwrap();
    symlink("nowhere", folder.path().join("linked/a")).unwrap();
    let address = relay.address.to_string();
    for (name, why) in [("unread", "ermission denied"), ("linked", "it is a link")] {
        let path = folder.path().join(name);
        for command in [&["send"][..], &["send", "--to", "kim"], &["share", "--nick", "bob"]] {
            let args = [&["--relay", &address], command, &[path.to_str().unwrap()]].concat();
            let Some(sender) = as_other(home.path(), args) else { return };
            sender.run().code(1).out(&[]).one_error(&["nothing to send", why]);
        }
    }
}

#[test]
fn only_an_empty_folder_is_listed_as_empty() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let share = folder.path().join("s");
    tree::write(&share, [("a", "1"), ("linked/b", "2")]);
    fs::remove_file(share.join("linked/b")).unwrap();
    symlink("../a", share.join("linked/b")).unwrap();
    fs::create_dir_all(share.join("empty/deep")).unwrap();
    let _bob = relay.share("bob", &share);
    let ls = relay.xcher(["ls", "bob"]).run().code(0);
    ls.out_sorted(&["0\ts/empty/deep/", "1\ts/a"]);
    // An empty folder alone can be sent.
    let sender = relay.xcher(["send", "--no-qr"]).args([share.join("empty")]).start();
    let code = code_of(&sender);
    let out = folder.path().join("out");
    relay.xcher(["get", &code, "--yes", "-o"]).args([&out]).run().code(0);
    assert!(out.join("empty/deep").is_dir());
    sender.wait().code(0);
}

#[test]
fn names_that_cannot_be_sent_are_escaped_and_reported_on_both_sides() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let share = folder.path().join("s");
    fs::create_dir_all(share.join("two\nlines")).unwrap();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    fs::write(share.join("two\nlines").join(name), "1").unwrap();
    fs::write(share.join("a%{0A}b"), "2").unwrap();
    fs::write(share.join("100%"), "3").unwrap();
    let sender = relay.xcher(["send", "--no-qr"]).args([&share]).start();
    let code = code_of(&sender);
    let out = folder.path().join("out");
    let get = relay.xcher(["get", &code, "--yes", "-o"]).args([&out]).run().code(0);
    get.error(&["s/two%{0A}lines/caf%{E9}: %{HH} stands for a byte"]);
    let received = tree::read(&out.join("s"));
    let names: Vec<_> = received.keys().map(String::as_str).collect();
    assert_eq!(names, ["100%", "a%{25}{0A}b", "two%{0A}lines/caf%{E9}"]);
    let sent = sender.wait().code(0);
    sent.error(&[r#""s/two\nlines/caf\xE9" is sent as s/two%{0A}lines/caf%{E9}"#]);
}

#[test]
fn empty_folders_arrive_and_links_follow_the_option() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let share = folder.path().join("s");
    tree::write(&share, [("d/file", "text"), ("d/other", "more")]);
    fs::create_dir_all(share.join("e/f/g")).unwrap();
    fs::create_dir(share.join("private")).unwrap();
    fs::set_permissions(share.join("private"), fs::Permissions::from_mode(0o700)).unwrap();
    symlink("file", share.join("d/link")).unwrap();
    symlink("../d", share.join("e/up")).unwrap();
    symlink("../../secret", share.join("d/out")).unwrap();
    fs::write(folder.path().join("secret"), "secret").unwrap();
    symlink("s", folder.path().join("named")).unwrap();
    for (links, mut expected) in [
        ("skip", vec!["s/d/file", "s/d/other"]),
        (
            "follow",
            vec!["s/d/file", "s/d/link", "s/d/other", "s/e/up/file", "s/e/up/link", "s/e/up/other"],
        ),
        ("keep", vec!["s/d/file", "s/d/link", "s/d/other", "s/e/up"]),
    ] {
        let out = folder.path().join(links);
        let sender = relay.xcher(["send", "--no-qr", "--links", links]).args([&share]).start();
        let code = code_of(&sender);
        let get = relay.xcher(["get", &code, "--yes", "-o"]).args([&out]).run().code(0);
        sender.wait().code(0).error(&["\"s/d/out\" is not shared: it is a link"]);
        let received = tree::read(&out);
        expected.sort_unstable();
        assert_eq!(
            received.keys().map(String::as_str).collect::<Vec<_>>(),
            expected,
            "{links}\n{get}"
        );
        assert!(out.join("s/e/f/g").is_dir(), "{links}");
        assert_eq!(fs::metadata(out.join("s/private")).unwrap().mode() & 0o777, 0o700);
        let link = fs::read_link(out.join("s/d/link")).ok();
        assert_eq!(link.as_deref(), (links == "keep").then_some(Path::new("file")));
        // Every file is here already.
        let sender = relay.xcher(["send", "--no-qr", "--links", links]).args([&share]).start();
        let code = code_of(&sender);
        let again = relay.xcher(["get", &code, "--yes", "-o"]).args([&out]).run().code(0);
        again.error(&["existed already"]);
        drop(sender);
    }
    // A link named on the command line keeps its name and is followed.
    let _bob = relay.share("bob", &folder.path().join("named"));
    let ls = relay.xcher(["ls", "bob"]).run().code(0);
    assert!(ls.out.contains(&"4\tnamed/d/file".to_owned()), "{ls}");
    // A base-protocol listing has files alone.
    let plain = relay.xcher(["ls", "bob", "--plain"]).run().code(0);
    plain.out_sorted(&["4\tnamed/d/file", "4\tnamed/d/other"]);
}

#[test]
fn files_of_a_private_folder_stay_private() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let share = folder.path().join("s");
    let large = tree::bytes(3, 300 << 10);
    tree::write(&share, [("p/deep/large", &large[..]), ("p/small", b"2"), ("open/x", b"3")]);
    symlink("../p/deep", share.join("open/way")).unwrap();
    fs::set_permissions(share.join("p"), fs::Permissions::from_mode(0o700)).unwrap();
    let modes = |out: &Path, expected: &[(&str, u32)]| {
        for (name, mode) in expected {
            let found = fs::metadata(out.join(name)).unwrap().mode() & 0o777;
            assert_eq!(found, *mode, "{name}: {found:o}");
        }
    };
    let inside = [("p", 0o700), ("p/deep/large", 0o600), ("p/small", 0o600)];
    let _bob = relay.xcher(["share", "--links", "follow", "--nick", "bob"]).args([&share]).start();
    _bob.out("online ");
    relay.xcher(["ls", "bob", "--plain"]).run().code(0).out_sorted(&[
        "1\ts/open/x",
        "1\ts/p/small",
        "307200\ts/open/way/large",
        "307200\ts/p/deep/large",
    ]);
    let out = folder.path().join("all");
    relay.xcher(["get", "bob", "--all", "-o"]).args([&out]).run().code(0);
    modes(&out.join("s"), &inside);
    modes(&out.join("s"), &[("open", 0o755), ("open/x", 0o644), ("open/way/large", 0o600)]);
    let piped = relay.xcher(["get", "bob", "s/p/small", "-o", "-"]);
    piped.between(std::process::Stdio::null(), std::process::Stdio::null()).end(0);
    // One of the files alone, and the folder as an offer.
    let out = folder.path().join("one");
    relay.xcher(["get", "bob", "s/p/small", "-o"]).args([&out]).run().code(0);
    modes(&out.join("s"), &inside[2..]);
    let kim = relay.xcher(["receive", "--yes", "--once", "--nick", "kim", "-o"]);
    let kim = kim.args([folder.path().join("kim")]).start();
    kim.out("online ");
    let sent = relay.xcher(["send", "--to", "kim"]).args([share.join("p")]).run().code(0);
    sent.error(&["sent 2 files (300.00 KiB); the peer has stored everything"]);
    kim.wait().code(0);
    modes(&folder.path().join("kim"), &inside);
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_not_stored() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let path = folder.path().join("log");
    for plain in [&[][..], &["--plain"]] {
        fs::write(&path, tree::bytes(1, 3 << 20)).unwrap();
        let bob = relay.xcher(["share", "--nick", "bob", "--limit-send", "2mb"]).args(plain);
        let bob = bob.args([&path]).start();
        bob.out("online ");
        let out = tempdir().unwrap();
        let get = relay.xcher(["get", "bob", "log", "--json", "-o"]).args([out.path()]).start();
        get.event(&[("event", "transfer"), ("state", "progress")]);
        // Keeps the length and changes bytes that were sent already.
        let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all(b"changed").unwrap();
        get.wait().code(1);
        bob.err("log: not sent completely: the file changed while it was sent");
        assert!(!out.path().join("log").exists());
        bob.stop(Signal::TERM);
    }
}

#[test]
fn a_file_that_reports_no_size_is_refused_with_the_reason() {
    let relay = Relay::start();
    let done = relay.xcher(["send", "/proc/self/status"]).run().code(2).out(&[]);
    done.one_error(&["/proc/self/status", "does not report its size"]);
}

#[test]
fn a_file_with_fewer_bytes_than_its_size_is_left_out_and_reported() {
    let attribute = Path::new("/sys/kernel/mm/transparent_hugepage/enabled");
    let attempt = fs::read(attribute).map(|bytes| (bytes.len() as u64, fs::metadata(attribute)));
    let Some((bytes, Ok(metadata))) = attempt.ok() else {
        return not_tested("this system has no /sys, whose files are shorter than their sizes");
    };
    assert!(bytes < metadata.len(), "{bytes} of {}", metadata.len());
    let relay = Relay::start();
    let done = relay.xcher(["send"]).args([attribute]).run().code(2).out(&[]);
    done.one_error(&["does not report its size", "through a pipe"]);
    let (folder, out) = (tempdir().unwrap(), tempdir().unwrap());
    tree::write(folder.path(), [("ok", "1")]);
    let paths = [&folder.path().join("ok"), attribute.parent().unwrap()];
    let sender = relay.xcher(["send", "--no-qr"]).args(paths).start();
    let code = code_of(&sender);
    let get = relay.xcher(["get", &code, "--yes", "-o"]).args([out.path()]).run().code(1);
    assert_eq!(tree::finished(out.path()).into_keys().next().as_deref(), Some("ok"));
    get.error(&["transparent_hugepage/enabled left out: it cannot be read"]);
    let sent = sender.wait().code(1);
    sent.error(&["enabled\" is not shared: the system does not report its size"]);
}

#[test]
fn a_file_whose_name_is_too_long_is_an_error_and_such_a_link_is_not() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let share = folder.path().join("s");
    tree::write(&share, [("ok", "1")]);
    // Each byte of the name takes five when it is escaped.
    let long = share.join(std::ffi::OsStr::from_bytes(&[0xff; 200]));
    let send = |exit_code: i32| {
        let sender = relay.xcher(["send", "--no-qr"]).args([&share]).start();
        let code = code_of(&sender);
        let get = relay.xcher(["get", &code, "--yes", "-o"]).args([folder.path().join("out")]);
        (get.run().code(exit_code), sender.wait().code(exit_code))
    };
    symlink("ok", &long).unwrap();
    let (get, _) = send(0);
    get.error(&["left out: it is a symbolic link"]);
    fs::remove_file(&long).unwrap();
    fs::write(&long, "lost").unwrap();
    let (get, sent) = send(1);
    get.error(&["left out: its name is too long"]);
    sent.error(&["1 entry was left out (1 name)"]);
    // The same as an offer.
    let kim = relay.xcher(["receive", "--yes", "--once", "--nick", "kim", "-o"]);
    let kim = kim.args([folder.path().join("kim")]).start();
    kim.out("online ");
    relay.xcher(["send", "--to", "kim"]).args([&share]).run().code(1);
    kim.wait().code(1);
}

#[test]
fn sparse_files_stay_sparse() {
    let (relay, folder) = (Relay::start(), tree::room_for(200 << 20));
    let path = folder.path().join("image");
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"begin").unwrap();
    file.set_len(64 << 20).unwrap();
    let _bob = relay.share("bob", &path);
    let out = folder.path().join("out");
    relay.xcher(["get", "bob", "image", "-o"]).args([&out]).run().code(0);
    let received = fs::metadata(out.join("image")).unwrap();
    assert_eq!(received.len(), 64 << 20);
    assert!(received.blocks() * 512 < 1 << 20, "{} blocks", received.blocks());
    assert!(fs::read(out.join("image")).unwrap() == fs::read(&path).unwrap());
}

#[test]
fn hidden_files_are_shared_and_received_only_on_request() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let home = folder.path().join("home");
    tree::write(&home, [(".ssh/id", "key"), (".bashrc", "rc"), ("a/.dot", "x"), ("plain", "p")]);
    let bob = relay.share("bob", &home);
    relay.xcher(["ls", "bob"]).run().code(0).out_sorted(&["0\thome/a/", "1\thome/plain"]);
    relay.xcher(["check", "bob", "home/.ssh/id"]).run().code(1);
    bob.err("3 hidden entries of \"home\" are not shared");
    // Shared by name, these would get hidden names in the folder itself.
    let paths = [".bashrc", ".ssh", "plain"].map(|name| home.join(name));
    let amy = relay.xcher(["share", "--nick", "amy", "--hidden"]).args(&paths).start();
    amy.out("online ");
    let out = tempdir().unwrap();
    let get = |args: &[&str]| relay.xcher(["get"]).args(args).args(["-o"]).args([out.path()]).run();
    let names = || tree::read(out.path()).into_keys().collect::<Vec<_>>();
    let done = get(&["amy", "--all"]).code(4);
    done.error(&[".bashrc: not stored"]).error(&[".ssh/id: not stored", "--hidden stores it"]);
    assert_eq!(names(), ["plain"]);
    let send = || {
        let sender = relay.xcher(["send", "--no-qr"]).args(&paths).start();
        let code = code_of(&sender);
        (sender, code)
    };
    let (sender, code) = send();
    get(&[&code, "--yes"]).code(4).error(&["2 files would be HIDDEN in"]);
    drop(sender);
    assert_eq!(names(), ["plain"]);
    // Takes them by name, or with `--hidden`.
    get(&["amy", ".bashrc"]).code(0);
    assert_eq!(names(), [".bashrc", "plain"]);
    let (_sender, code) = send();
    get(&[&code, "--yes", "--hidden"]).code(0);
    assert_eq!(names(), [".bashrc", ".ssh/id", "plain"]);
}

#[test]
fn an_offer_cannot_write_hidden_names() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(folder.path(), [(".bashrc", "rc"), ("plain", "p")]);
    let kim = relay.xcher(["receive", "--yes", "--once", "--nick", "kim", "-o"]).args([out.path()]);
    let kim = kim.start();
    kim.out("online ");
    let paths = [".bashrc", "plain"].map(|name| folder.path().join(name));
    let sent = relay.xcher(["send", "--to", "kim"]).args(&paths).run().code(1);
    sent.error(&["declined 1 of 2 files"]);
    kim.wait().code(4).error(&[".bashrc: not stored"]);
    assert_eq!(tree::read(out.path()).into_keys().collect::<Vec<_>>(), ["plain"]);
}

#[test]
fn the_programs_own_keys_are_never_shared() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let data = folder.path().join("home/data");
    tree::write(folder.path(), [("home/plain", "p")]);
    let with_data = |args: &[&str]| relay.xcher(args).env("XCHER_DATA_DIR", &data);
    with_data(&["peers", "me"]).run().code(0);
    let files: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for path in files.iter().chain([&data]) {
        let done = with_data(&["send"]).args([path]).run().code(2).out(&[]);
        done.one_error(&["this program keeps its keys"]);
    }
    let bob = with_data(&["share", "--hidden", "--nick", "bob"]).args([folder.path().join("home")]);
    let bob = bob.start();
    bob.out("online ");
    relay.xcher(["ls", "bob"]).run().code(0).out(&["1\thome/plain"]);
    // With `--hidden`, keys do not count as hidden.
    bob.err("1 entry of \"home\" is not shared: this program's own keys and settings never are");
    bob.stop(Signal::TERM).code(0).error(&["1 entry was left out (1 own)"]).no_error("hidden");
    fs::write(folder.path().join("home/.dot"), "x").unwrap();
    let bob = with_data(&["share", "--json", "--nick", "bob"]).args([folder.path().join("home")]);
    let bob = bob.start();
    bob.event(&[("event", "online")]);
    let ls = relay.xcher(["ls", "bob", "--json"]).run().code(0);
    let event = bob.event(&[("event", "left"), ("path", "home"), ("reason", "hidden")]);
    let text = "1 hidden files in it are not sent; this program's own keys and settings, 1 of them, are \
                never shared";
    assert_eq!(event["text"], text);
    // The peer's listing does not mention keys.
    let left = events(&ls, "left");
    assert_eq!(left.len(), 1, "{ls}");
    assert_eq!((&left[0]["name"], &left[0]["reason"]), (&"home".into(), &"hidden".into()));
}

/// Keys are created at first use, and token files are replaced.
#[test]
fn keys_created_while_a_folder_is_shared_are_not_shared() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let (home, data) = (folder.path().join("home"), folder.path().join("home/data"));
    let token = home.join("token");
    tree::write(folder.path(), [("home/plain", "p"), ("home/token", "secret")]);
    let bob = relay.xcher(["share", "--hidden", "--nick", "bob", "--token-file"]).args([&token]);
    let bob = bob.args([&home]).env("XCHER_DATA_DIR", &data).start();
    bob.out("online ");
    fs::write(home.join("other"), "another").unwrap();
    fs::rename(home.join("other"), &token).unwrap();
    assert!(data.join("identity").exists());
    relay.xcher(["ls", "bob"]).run().code(0).out(&["1\thome/plain"]);
    for name in ["home/data/identity", "home/token"] {
        relay.xcher(["check", "bob", name]).run().code(1);
    }
    drop(bob);
    // The key of the bridge's certificate.
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let generated = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (generated.cert.pem(), generated.signing_key.serialize_pem());
    tree::write(&home, [("cert.pem", certificate), ("key.pem", key)]);
    let up = xcher(["up", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--nick", "bob"]);
    let up = up.args(["--tls-cert"]).args([home.join("cert.pem")]).args(["--tls-key"]);
    let up = up.args([home.join("key.pem"), home.clone()]).start();
    let address = up.out("relay ");
    up.out("online ");
    for (name, code) in [("home/cert.pem", 0), ("home/key.pem", 1)] {
        xcher(["--relay", &address, "check", "bob", name]).run().code(code);
    }
}

#[test]
fn sharing_a_home_folder_shows_a_warning() {
    let (relay, home) = (Relay::start(), tempdir().unwrap());
    tree::write(home.path(), [("plain", "p")]);
    let bob = relay.xcher(["share", "--nick", "bob"]).args([home.path()]).env("HOME", home.path());
    let bob = bob.start();
    bob.err("WARNING: sharing all of ");
}

#[test]
fn unknown_sizes_are_limited_without_a_question() {
    let (relay, out) = (Relay::start(), tempdir().unwrap());
    let script = "head -c 3000000 /dev/zero | tr '\\0' x | \"$@\"";
    let sender = Xcher::other("sh").args(["-c", script, "sh", env!("CARGO_BIN_EXE_xcher")]);
    let sender = sender.args(["--relay", &relay.address.to_string(), "send", "-", "--no-qr"]);
    let sender = sender.start();
    let code = code_of(&sender);
    let get = relay.xcher(["get", &code, "--yes", "--max-size", "1mb", "-o"]).args([out.path()]);
    get.run()
        .code(1)
        .error(&["stdin: ", "more than 1.00 MiB, the limit for a file of unknown size"]);
    assert_eq!(tree::read(out.path()).len(), 0, "a file that cannot be resumed was kept");
    sender.wait().code(1);
}

#[test]
fn without_a_home_folder_a_host_uses_a_key_for_one_run() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    tree::write(folder.path(), [("file", "12345")]);
    let _bob = relay.share("bob", &folder.path().join("file"));
    let homeless = |home: &str| {
        let command = Xcher::other("env").args(["-u", "XCHER_DATA_DIR", "-u", "XDG_DATA_HOME"]);
        let command = command.args([&format!("HOME={home}"), env!("CARGO_BIN_EXE_xcher")]);
        command.args(["--relay", &relay.address.to_string()])
    };
    for home in ["/proc/self/no", "/dev/null/no"] {
        let get = homeless(home).args(["get", "bob", "file", "--on-conflict", "overwrite", "-o"]);
        let get = get.args([out.path()]).run().code(0);
        let get = get.error(&["cannot store a key", "for this run only"]);
        get.session_line(&["the session is encrypted"]);
    }
}

#[test]
fn few_file_descriptors_are_enough() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    let share = folder.path().join("s");
    tree::write(&share, (0..300).map(|n| (format!("small/{n}"), tree::bytes(n, 3000))));
    tree::write(&share, (0..20).map(|n| (format!("large/{n}"), tree::bytes(n, 400_000))));
    let limited = |args: &[&str]| {
        let command = Xcher::other("sh").args(["-c", "ulimit -n 32; exec \"$@\"", "sh"]);
        let command = command.args([env!("CARGO_BIN_EXE_xcher"), "--relay"]);
        command.args([&relay.address.to_string()]).args(args)
    };
    let bob = limited(&["share", "--nick", "bob"]).args([&share]).start();
    bob.out("online ");
    let out = folder.path().join("out");
    limited(&["get", "bob", "--all", "-o"]).args([&out]).run().code(0);
    assert!(tree::read(&out.join("s")) == tree::read(&share));
}
