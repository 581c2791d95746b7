//! Who may use a relay and its bridge: the lists of `--access`.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;
use std::io::{Read as _, Write as _};

use serde_json::{Value, json};
use system::guarded_relay::GuardedRelay;
use system::process::xcher;
use system::relay::by;
use system::wire::Conn;
use tempfile::tempdir;

fn forwarded(hops: &str) -> String {
    format!("X-Forwarded-For: {hops}\r\n")
}

#[test]
fn a_reserved_nick_is_its_hosts_alone_and_a_reload_closes_what_is_forbidden() {
    let relay = GuardedRelay::start("", &[]);
    let key = relay.key("bob");
    // The host can ask for its key, too.
    let doctor = relay.host("bob", &["doctor", "--json", "--no-lan"]).run();
    let doctor = doctor.events();
    assert_eq!(doctor[0]["host_key"], key.as_str(), "{doctor:?}");
    let lists = format!("[reserved]\nbob = [\"{key}\"]\n[nicks]\ndeny = [\"admin*\"]\n");
    relay.reload(&lists, "the new lists are in force");
    let bob = relay.share("bob", "bob");
    bob.out("online ");
    let line = relay.relay.process.err("packet=\"X_NICK\"");
    assert!(line.contains(" nick "), "{line}");
    let key_of_bob = |lines: &system::process::Lines| {
        let mut all = lines.err.iter();
        let own = all.find(|line| line.contains(" nick id=") && line.contains("nick=\"bob\""))?;
        own.contains(&format!("key={key}")).then_some(())
    };
    relay.relay.process.until("the key in the line of the nick", key_of_bob);
    for nick in ["bob", "BOB", "bоb"] {
        let eve = relay.host("eve", &["share", "--nick", nick]).args([relay.at("s")]).run();
        eve.error(&["is reserved, and not for your host's key"]);
    }
    relay
        .host("eve", &["share", "--nick", "аdmin-1"])
        .args([relay.at("s")])
        .run()
        .error(&["this relay does not allow this nick"]);
    // A host of the base protocol gets another nick.
    let mut plain = Conn::to(relay.relay.address);
    plain.say("X_NICK bob\nX_NICK amy\n");
    assert_eq!(plain.line().unwrap(), "X_NICK bob NO");
    assert_eq!(plain.line().unwrap(), "X_NICK amy YES");
    // A bad file changes nothing and says where it is bad.
    let error = relay.reload("[keys]\n\ndeny = [\"AAAA\"]\n", "the old lists stay in force");
    assert!(error.contains("access.toml:3: expected a key of 44 characters"), "{error}");
    plain.say("X_PING 1\n");
    assert_eq!(plain.line().unwrap(), "X_PONG 1");
    let denied = format!("[keys]\ndeny = [\"{key}\"]\n[nicks]\nallow = [\"team-*\"]\n");
    let note = relay.reload(&denied, "closed connections to the relay: 2");
    assert!(note.contains("tunnels: 0"), "{note}");
    assert_eq!(
        plain.line().unwrap(),
        "X_ERR - refused: this relay does not allow this nick, or one like it"
    );
    bob.err("has not allowed your host's key");
    relay.relay.process.err("outcome=\"not_allowed\"");
}

#[test]
fn networks_hold_at_the_relay_the_page_the_bridge_and_behind_a_proxy() {
    let lists = "[networks]\ndeny = [\"203.0.113.0/24\", \"2001:db8::/32\"]\n";
    let relay = GuardedRelay::start(lists, &["--trusted-proxy", "127.0.0.1"]);
    for path in ["/", "/config.json", "/address", "/xcher"] {
        for client in
            ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8::7", "198.51.100.1, 203.0.113.9"]
        {
            assert_eq!(relay.get(path, &forwarded(client)), 403, "{path} {client}");
        }
        // What the client wrote itself comes before what the proxy added.
        for client in ["198.51.100.1", "203.0.113.9, 198.51.100.1"] {
            assert_ne!(relay.get(path, &forwarded(client)), 403, "{path} {client}");
        }
    }
    relay.reload("[networks]\ndeny = [\"::ffff:127.0.0.1\"]\n", "the new lists are in force");
    assert_eq!(relay.get("/", ""), 403);
    assert_eq!(
        Conn::to(relay.relay.address).line().unwrap(),
        "X_ERR - refused: this relay is not open to your address"
    );
    let tunnel = relay.relay.tunnel();
    xcher(by(&tunnel)).args(["who"]).run().code(3).one_error(&["403"]);
    // The proxy's clients are others.
    assert_eq!(relay.get("/", &forwarded("8.8.8.8")), 200);
    drop(relay);
    // Whoever is no trusted proxy is a client, whatever it says.
    let relay = GuardedRelay::start("[networks]\nallow = [\"8.8.8.8\"]\n", &[]);
    for header in ["", &forwarded("8.8.8.8"), &forwarded("8.8.8.8, 8.8.8.8")] {
        for path in ["/", "/xcher"] {
            assert_eq!(relay.get(path, header), 403, "{path} {header}");
        }
    }
}

#[test]
fn a_reload_closes_tunnels_that_are_forbidden() {
    let relay = GuardedRelay::start("", &[]);
    let share = xcher(by(&relay.relay.tunnel())).args(["share", "--nick", "bob"]);
    let share = share.args([relay.at("s")]).start();
    share.out("online ");
    relay.reload("[nicks]\ndeny = [\"bob\"]\n", "to the relay: 1, tunnels: 1");
    share.err("this relay does not allow this nick");
    let line = relay.relay.process.err(" tunnel id=1 ");
    assert!(line.contains("outcome=\"kicked\""), "{line}");
}

#[test]
fn only_known_keys_are_admitted_and_codes_are_not() {
    let relay = GuardedRelay::start("", &[]);
    let key = relay.key("bob");
    relay.reload(&format!("[keys]\nallow = [\"{key}\"]\n"), "the new lists are in force");
    let bob = relay.share("bob", "bob");
    bob.out("online ");
    let who = relay.host("bob", &["who"]).run().code(0);
    assert!(who.out.iter().any(|nick| nick == "bob"), "{who}");
    let eve = relay.host("eve", &["who"]).run();
    eve.error(&["yours has shown none"]);
    let eve = relay.host("eve", &["check", "bob", "s/file"]).run();
    eve.error(&["has not allowed your host's key"]);
    let send = relay.host("bob", &["send"]).args([relay.at("s/file")]).run();
    send.error(&["so it has no codes"]);
    let mut plain = Conn::to(relay.relay.address);
    plain.say("X_WHO\n");
    assert!(plain.line().unwrap().starts_with("X_ERR X_WHO refused:"));
}

#[test]
fn check_and_start_refuse_a_bad_file_with_its_line() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("access.toml");
    for (text, why) in [
        ("[network]\n", "access.toml:1: unknown field `network`"),
        (
            "[networks]\nallow = [\"10.0.0.0/33\"]\n",
            "access.toml:2: expected an address, or a network",
        ),
        ("[nicks]\ndeny = [\n\"a*b\"]\n", "access.toml:3: expected a nick"),
    ] {
        fs::write(&file, text).unwrap();
        let relay = |more: &[&str]| xcher(["relay", "--listen", "127.0.0.1:0"]).args(more);
        let access = ["--access", file.to_str().unwrap()];
        relay(&access).args(["--check"]).run().code(2).one_error(&[why]);
        relay(&access).run().code(2).one_error(&[why]);
    }
    let none = folder.path().join("none.toml");
    let relay = xcher(["relay", "--check", "--access", none.to_str().unwrap()]);
    relay.run().code(2).one_error(&["cannot read", "none.toml"]);
    let hook = xcher(["relay", "--check", "--hook", "http://127.0.0.1:9/", "--access"]);
    fs::write(&file, "").unwrap();
    hook.args([&file]).run().code(0);
    xcher(["relay", "--check", "--hook", "ftp://a/"]).run().code(2);
    let alone = ["relay", "--check", "--hook-token-file", file.to_str().unwrap()];
    xcher(alone).run().code(2).one_error(&["without --hook"]);
}

#[test]
fn tens_of_thousands_of_entries_load_and_match() {
    let keys: Vec<_> = (0..30_000u32).map(|n| format!("\"{}\"", key_of(n))).collect();
    let networks: Vec<_> =
        (0..30_000u32).map(|n| format!("\"10.{}.{}.0/24\"", n >> 8, n & 255)).collect();
    let nicks: Vec<_> = (0..30_000).map(|n| format!("\"spam-{n}-*\"")).collect();
    let lists = format!(
        "[networks]\ndeny = [{}]\n[keys]\ndeny = [{}]\n[nicks]\ndeny = [{}]\n",
        networks.join(",\n"),
        keys.join(",\n"),
        nicks.join(",\n")
    );
    let relay = GuardedRelay::start(&lists, &[]);
    let mut client = Conn::to(relay.relay.address);
    client.say("X_NICK spam-29999-x\nX_NICK spam-30000-x\n");
    assert!(client.line().unwrap().contains("does not allow this nick"));
    assert_eq!(client.line().unwrap(), "X_NICK spam-30000-x YES");
}

fn key_of(n: u32) -> String {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    xcher_core::secure::PublicKey::new(bytes).to_string()
}

#[test]
fn nicks_are_listed_in_pages_with_keys_and_without_codes() {
    let relay = GuardedRelay::start("", &[]);
    let join = |nick: &str| {
        let mut client = Conn::to(relay.relay.address);
        client.say(format!("X_NICK {nick}\n"));
        assert_eq!(client.line().unwrap(), format!("X_NICK {nick} YES"));
        client
    };
    let names = ["a&b=c", "amy", "kim", "åsa"];
    let _clients: Vec<_> = names.iter().chain(&["4821"]).map(|nick| join(nick)).collect();
    let listed = relay.operator(&["nicks"]).run().code(0).quiet().out;
    let nicks: Vec<_> = listed.iter().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(nicks, names);
    assert!(listed[1].starts_with("amy\t127.0.0.1\t-\t-\t2\t"), "{listed:?}");
    let page = |query: &str| {
        let mut socket = std::os::unix::net::UnixStream::connect(relay.at("admin.sock")).unwrap();
        let request =
            format!("GET /nicks{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    let first: Value = serde_json::from_str(&page("?count=2")).unwrap();
    assert_eq!((first["hosts"].as_array().unwrap().len(), &first["next"]), (2, &json!("amy")));
    let rest: Value = serde_json::from_str(&page("?after=amy&count=3")).unwrap();
    assert_eq!((&rest["hosts"][1]["nick"], &rest["next"]), (&json!("åsa"), &Value::Null));
    for bad in ["?count=0", "?count=1001", "?count=x", "?all"] {
        assert!(page(bad).starts_with("expected ?after=NICK"), "{bad}");
    }
}
