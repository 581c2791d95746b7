//! Hosts with a tunnel exchange files with each other, with hosts on TCP and with base-protocol peers.

#![allow(clippy::unwrap_used)]

mod seed_peer;
mod system;

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use seed_peer::Wishes;
use system::not_tested;
use system::process::{Process, Xcher, xcher};
use system::relay::{Relay, by};
use system::tree;
use tempfile::tempdir;

fn files() -> Vec<(String, Vec<u8>)> {
    let named = [("a b.txt", 5), ("träd/日本.bin", 3_000_000), ("empty", 0), ("a YES", 70_000)];
    let with_bytes = |(seed, (name, size)): (usize, (&str, usize))| {
        (name.to_owned(), tree::bytes(seed as u64, size))
    };
    named.into_iter().enumerate().map(with_bytes).collect()
}

fn through(relay: &str, command: &[&str]) -> Xcher {
    xcher(by(relay)).args(command)
}

fn share(relay: &str, nick: &str, path: &Path) -> Process {
    let process = through(relay, &["share", "--nick", nick]).args([path]).start();
    process.out("online ");
    process
}

#[test]
fn exchanges_files_over_every_pair_of_paths() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(&folder.path().join("s"), files());
    // Directly, through the relay's own bridge, and through a separate bridge.
    let bridge = relay.xcher(["bridge", "--http", "127.0.0.1:0"]).start();
    let elsewhere = format!("ws://{}xcher", bridge.out("http http://"));
    let relays = [relay.address.to_string(), relay.tunnel(), elsewhere.clone()];
    for (at, from) in relays.iter().enumerate() {
        let nick = format!("bob{at}");
        let _bob = share(from, &nick, &folder.path().join("s"));
        for to in &relays {
            if *from == elsewhere && *to != elsewhere {
                // A bridge without a relay of its own treats this machine as its host, and connects to no
                // port here except those that it allocated.
                let get = through(to, &["ls", &nick, "--timeout", "2"]).run();
                get.code(3);
                continue;
            }
            let out = tempdir().unwrap();
            let get = through(to, &["get", &nick, "--all", "-o"]).args([out.path()]).run();
            get.code(0).quiet();
            assert_eq!(tree::read(out.path()), tree::read(folder.path()), "{from} to {to}");
            let ls = through(to, &["ls", &nick]).run().code(0);
            assert_eq!(ls.out.len(), files().len());
        }
    }
}

#[test]
fn base_protocol_requester_fetches_from_a_tunnelled_provider() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(&folder.path().join("s"), files());
    let _bob = share(&relay.tunnel(), "bob", &folder.path().join("s"));
    let wishes = Wishes { list: true, request_all: true, ..Wishes::default() };
    let amy = seed_peer::request(relay.address, "amy", "bob", wishes);
    let mut received = amy.join().unwrap().unwrap().files;
    received.sort();
    let mut expected: Vec<_> =
        files().into_iter().map(|(name, bytes)| (format!("s/{name}"), bytes)).collect();
    expected.sort();
    assert_eq!(received, expected);
}

#[test]
fn fetches_from_a_base_protocol_provider_through_the_bridge() {
    let (relay, out) = (Relay::start(), tempdir().unwrap());
    let (online, is_online) = std::sync::mpsc::channel();
    let _bob = seed_peer::provide(relay.address, "bob", files(), move || {
        online.send(()).unwrap();
    });
    is_online.recv().unwrap();
    let get = through(&relay.tunnel(), &["get", "bob", "--all", "-o"]).args([out.path()]).run();
    get.code(0).quiet();
    let expected: tree::Tree = files().into_iter().collect();
    assert_eq!(tree::read(out.path()), expected);
}

#[test]
fn bridge_with_a_token_requires_it() {
    let folder = tempdir().unwrap();
    let (right, wrong) = (folder.path().join("right"), folder.path().join("wrong"));
    fs::write(&right, "open-sesame\n").unwrap();
    fs::write(&wrong, "open-barley\n").unwrap();
    let relay = Relay::start_with(&["--token-file", right.to_str().unwrap()]);
    let tunnel = relay.tunnel();
    through(&tunnel, &["who"]).run().code(3).one_error(&["cannot use the bridge", "401"]);
    let who = |file: &Path| through(&tunnel, &["who", "--token-file"]).args([file]).run();
    who(&wrong).code(3).one_error(&["cannot use the bridge", "401"]);
    who(&right).code(0).quiet();
    who(&folder.path().join("none")).code(2).one_error(&["cannot read"]);
    // A client on TCP has no tunnel and needs no token.
    relay.xcher(["who"]).run().code(0);
}

#[test]
fn bridge_requires_a_relay_on_tcp() {
    xcher(["bridge", "--relay", "ws://127.0.0.1:1/xcher"]).run().code(2).one_error(&["HOST:PORT"]);
    xcher(["bridge", "--http", "off"]).run().code(2).one_error(&["--http"]);
    let bridge = xcher(["bridge", "--relay", "127.0.0.1:1", "--http", "127.0.0.1:0"]).start();
    let url = bridge.out("http ");
    through(&url, &["who", "--timeout", "2"])
        .run()
        .code(3)
        .one_error(&["the bridge cannot reach the relay"]);
    bridge.stop(Signal::TERM).code(0);
}

#[test]
fn reports_a_missing_bridge_in_one_line() {
    let relay = Relay::start_with(&["--http", "off"]);
    // The relay's TCP port does not speak HTTP.
    let wrong = format!("ws://{}/xcher", relay.address);
    let refused = through(&wrong, &["who"]).run().code(3);
    refused.one_error(&[
        "cannot use the bridge",
        "no bridge answers at this port",
        "use HOST:PORT",
    ]);
    through("ws://127.0.0.1:1/xcher", &["who"]).run().code(3).one_error(&["no bridge at "]);
    let done = relay.process.stop(Signal::TERM).code(0);
    assert_eq!(done.out.len(), 1, "a line for a bridge that does not run");
}

#[test]
fn printed_url_leads_to_the_tunnel() {
    let relay = Relay::start();
    let url = relay.process.out("http ");
    through(&url, &["who"]).run().code(0).quiet();
    through(&format!("{url}#bob"), &["who"]).run().code(0).quiet();
    // Another path of the bridge does not open a tunnel.
    let wrong = format!("{}healthz", url.replace("http://", "ws://"));
    through(&wrong, &["who"])
        .run()
        .code(3)
        .one_error(&["cannot use the bridge", "the bridge answered 200"]);
}

#[test]
fn bridge_listens_at_an_ipv6_address() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        not_tested("this host has no IPv6");
        return;
    }
    let (relay, folder) = (Relay::start_with(&["--http", "[::1]:0"]), tempdir().unwrap());
    tree::write(folder.path(), files());
    let tunnel = relay.tunnel();
    assert!(tunnel.starts_with("ws://[::1]:"), "{tunnel}");
    let _bob = share(&tunnel, "bob", folder.path());
    let ls = through(&relay.process.out("http "), &["ls", "bob"]).run().code(0).quiet();
    assert_eq!(ls.out.len(), files().len(), "{ls}");
}

#[test]
fn tunnel_that_fails_during_a_transfer_leaves_no_file() {
    let (relay, folder, out) = (Relay::start(), tempdir().unwrap(), tempdir().unwrap());
    fs::File::create(folder.path().join("large")).unwrap().set_len(1 << 33).unwrap();
    let _bob = share(&relay.address.to_string(), "bob", &folder.path().join("large"));
    let get = through(&relay.tunnel(), &["get", "bob", "large", "--json", "-o"]);
    let get = get.args([out.path()]).start();
    get.event(&[("event", "transfer"), ("state", "progress")]);
    relay.process.signal(Signal::KILL);
    get.wait().code(1);
    assert!(tree::finished(out.path()).is_empty());
}

#[test]
fn the_token_does_not_guard_the_relays_own_port() {
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("token", "open-sesame"), ("file", "12345")]);
    let token = folder.path().join("token");
    let relay = Relay::start_with(&["--token-file", token.to_str().unwrap()]);
    through(&relay.tunnel(), &["ls", "bob"]).run().code(3).one_error(&["401"]);
    // Over TCP every client is admitted, with any token or none.
    let _bob = relay.share("bob", &folder.path().join("file"));
    relay.xcher(["ls", "bob"]).run().code(0).out(&["5\tfile"]);
    relay.xcher(["ls", "bob", "--token-file"]).args([&token]).run().code(0).out(&["5\tfile"]);
    // Clients without the token exchange files with clients at the bridge.
    let get = through(&relay.tunnel(), &["get", "bob", "file", "--token-file"]).args([&token]);
    get.dir(folder.path()).run().code(0).out(&["file (1)"]);
}
