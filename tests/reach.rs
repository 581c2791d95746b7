//! Hosts at a bridge connect directly if possible, otherwise through the bridge, and report which.

#![allow(clippy::unwrap_used)]

mod seed_peer;
mod system;

use std::time::Duration;

use system::networks::{Host, Networks};
use system::not_tested;
use system::pace::Pace;
use system::patience::until;
use system::process::{Process, Xcher, xcher};
use system::relay::Relay;
use system::tree;
use system::wire::{Chat, Conn};
use tempfile::tempdir;

/// Time limit for finding a path, on an idle machine.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

fn files() -> Vec<(String, Vec<u8>)> {
    let named = [("a b.txt", 5), ("träd/日本.bin", 3_000_000), ("empty", 0)];
    let with_bytes = |(seed, (name, size)): (usize, (&str, usize))| {
        (name.to_owned(), tree::bytes(seed as u64, size))
    };
    named.into_iter().enumerate().map(with_bytes).collect()
}

fn at(relay: &str, command: &[&str]) -> Xcher {
    xcher(["--relay", relay]).args(command)
}

fn online(share: Xcher) -> Process {
    let share = share.start();
    share.event(&[("event", "online")]);
    share
}

/// Returns the path of a process's only session.
fn path(process: &Process) -> String {
    let open = process.event(&[("event", "session"), ("state", "open")]);
    open["path"].as_str().unwrap().to_owned()
}

#[test]
fn two_hosts_at_a_bridge_connect_directly() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(&folder.path().join("s"), files());
    for plain in [&[][..], &["--plain"]] {
        let out = tempdir().unwrap();
        let bob = at(&relay.tunnel(), &["share", "--nick", "bob", "--json"]).args(plain);
        let bob = online(bob.args([folder.path().join("s")]));
        let get = at(&relay.tunnel(), &["get", "bob", "--all", "-v", "-o"]).args([out.path()]);
        let get = get
            .args(plain)
            .run()
            .code(0)
            .session_line(&["bob (127.0.0.1) is connected directly; "]);
        assert!(!get.err.iter().any(|line| line.contains("bridge")), "{get}");
        assert_eq!(path(&bob), "direct");
        assert_eq!(tree::read(out.path()), tree::read(folder.path()));
    }
}

#[test]
fn via_selects_the_path() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("file", "1")]);
    for (via, expected) in [("auto", "direct"), ("direct", "direct"), ("bridge", "bridge")] {
        let options = ["share", "--nick", "bob", "--json", "--via", via];
        let bob = online(at(&relay.tunnel(), &options).args([folder.path()]));
        let ls = at(&relay.tunnel(), &["ls", "bob", "--json", "--via", via]).start();
        assert_eq!([path(&bob), path(&ls)], [expected; 2], "--via {via}");
        ls.wait().code(0);
    }
    let straight = relay.address.to_string();
    at(&straight, &["who", "--via", "bridge"]).run().code(2).one_error(&["name the bridge's URL"]);
    for via in ["auto", "direct"] {
        at(&straight, &["who", "--via", via]).run().code(0).quiet();
    }
    at(&straight, &["who", "--via", "pigeon"]).run().code(2).error(&["pigeon"]);
}

#[test]
fn caller_also_listens_at_the_bridge_if_no_callee_connects() {
    let relay = Relay::start();
    // The callee cannot reach the first address.
    let mut bob = Chat::join(relay.address, "bob");
    let pace = Pace::start();
    let ls = at(&relay.tunnel(), &["ls", "bob", "--json"]).start();
    let own = bob.called_from();
    let allocated = bob.called_from();
    let took = pace.elapsed();
    assert!(took < CONNECT_LIMIT, "took {took:?}");
    assert_ne!(own, allocated);
    let mut control = Conn::to(allocated);
    control.refuses_extensions();
    assert_eq!(path(&ls), "bridge");
    // The caller closes its own listener then.
    until("the caller's own port is closed", || std::net::TcpStream::connect(own).is_err());
    control.lists(&["file 1"]);
    ls.wait().code(0);
}

#[test]
fn uses_one_of_two_connections_from_a_callee() {
    let relay = Relay::start();
    for first in [0, 1] {
        let mut bob = Chat::join(relay.address, &format!("bob{first}"));
        let ls = at(&relay.tunnel(), &["ls", &format!("bob{first}"), "--json"]).start();
        let mut addresses = [bob.called_from(), bob.called_from()];
        addresses.rotate_left(first);
        let mut one = Conn::to(addresses[0]);
        one.hears("X_CHK //xcher/2");
        let mut other = Conn::to(addresses[1]);
        one.say("X_CHK //xcher/2 NO\n");
        one.lists(&["file 1"]);
        assert!(other.rest().bytes.is_empty(), "the second connection was used");
        assert_eq!(path(&ls), ["direct", "bridge"][first]);
        ls.wait().code(0);
    }
}

#[test]
fn base_protocol_provider_serves_a_caller_at_the_bridge() {
    let (relay, out) = (Relay::start(), tempdir().unwrap());
    let (online, is_online) = std::sync::mpsc::channel();
    let _bob = seed_peer::provide(relay.address, "bob", files(), move || {
        online.send(()).unwrap();
    });
    is_online.recv().unwrap();
    let get = at(&relay.tunnel(), &["get", "bob", "--all", "-o"]).args([out.path()]).run();
    get.code(0).quiet().session_line(&["bob (127.0.0.1) is connected directly; "]);
    assert_eq!(tree::read(out.path()), files().into_iter().collect());
}

#[test]
fn asks_about_a_call_once() {
    let (relay, folder) = (Relay::start(), tempdir().unwrap());
    tree::write(folder.path(), [("file", "1")]);
    let options = ["share", "--nick", "bob", "--ask", "--json"];
    let mut bob = online(at(&relay.address.to_string(), &options).args([folder.path()]));
    let ls = at(&relay.tunnel(), &["ls", "bob", "-v"]).start();
    bob.event(&[("event", "session"), ("state", "call")]);
    // The second X_INIT follows at once, and arrives before the relay's answer to a later client.
    ls.err("also listening through the bridge");
    at(&relay.address.to_string(), &["who"]).run().code(0);
    bob.say("y\n");
    let ls = ls.wait().code(0);
    assert_eq!(ls.out.len(), 1, "{ls}");
    bob.close_stdin();
    let bob = bob.stop(rustix::process::Signal::INT);
    let calls = bob.events().into_iter().filter(|event| event["state"] == "call").count();
    assert_eq!(calls, 1, "{bob}");
}

#[test]
fn two_networks_connect_through_the_bridge() {
    let Some(networks) = Networks::new() else {
        return not_tested("this user may not make networks");
    };
    let (_relay, [straight, http]) = networks.relay();
    let folder = tempdir().unwrap();
    tree::write(&folder.path().join("s"), files());
    let relay = |host, bridge: bool| match (networks.relay_seen_by(host), bridge) {
        (ip, true) => format!("http://{ip}:{http}/"),
        (ip, false) => format!("{ip}:{straight}"),
    };
    // Lists which of A, the caller, and B are at the bridge. If only B is, the bridge dials A's own address for
    // it; if only A is, B connects to a port allocated to A. Where both are, either may be faster.
    for (a_bridge, b_bridge, plain_paths) in [
        (true, true, ["bridge", "direct"]),
        (true, false, ["bridge", "direct"]),
        (false, true, ["direct", "bridge"]),
    ] {
        for (plain, paths) in [(&[][..], ["bridge"; 2]), (&["--plain"], plain_paths)] {
            let (at_a, at_b) = (relay(Host::A, a_bridge), relay(Host::B, b_bridge));
            let bob = ["share", "--nick", "bob", "--json", "--relay", &at_b];
            let bob = networks.xcher(Host::B, &bob).args(plain).args([folder.path().join("s")]);
            let bob = online(bob);
            let out = tempdir().unwrap();
            let get = ["get", "bob", "--all", "--json", "--relay", &at_a, "-o"];
            let get = networks.xcher(Host::A, &get).args([out.path()]).args(plain).start();
            get.event(&[("event", "online")]);
            let pace = Pace::start();
            let mut got = [path(&get), path(&bob)];
            if a_bridge && b_bridge {
                got.sort();
            }
            assert_eq!(got, paths, "{at_a} calls {at_b} {plain:?}");
            let took = pace.elapsed();
            assert!(took < CONNECT_LIMIT, "{at_a} calls {at_b}: took {took:?}");
            get.wait().code(0);
            assert_eq!(tree::read(out.path()), tree::read(folder.path()));
        }
    }
}

#[test]
fn via_bridge_shows_the_peer_the_bridges_address_alone() {
    let Some(networks) = Networks::new() else {
        return not_tested("this user may not make networks");
    };
    let (_relay, [straight, http]) = networks.relay();
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("s/file", "1")]);
    let bridge = format!("http://{}:{http}/", networks.relay_seen_by(Host::A));
    let by_bridge = ["--relay", &bridge, "--via", "bridge", "--json"];
    let tcp = format!("{}:{straight}", networks.relay_seen_by(Host::B));
    let by_tcp = ["--relay", &tcp, "--json"];
    // A is the caller, then the callee.
    for calls in [true, false] {
        let [of_a, of_b] = match calls {
            true => [["ls", "other"], ["share", "s"]],
            false => [["share", "s"], ["ls", "other"]],
        };
        let start = |host, command: &[&str], options: &[&str]| {
            let named = if command[0] == "share" { &["--nick", "other"][..] } else { &[] };
            networks.xcher(host, &[command, options, named].concat()).dir(folder.path())
        };
        let (a, b) = (|| start(Host::A, &of_a, &by_bridge), || start(Host::B, &of_b, &by_tcp));
        let (a, b) = if calls {
            let b = online(b());
            (a().start(), b)
        } else {
            let a = online(a());
            (a, b().start())
        };
        let open = b.event(&[("event", "session"), ("state", "open")]);
        let peer = open["peer"].as_str().unwrap();
        let (ip, _) = peer.rsplit_once(':').unwrap();
        // The bridge has an address on each network.
        let bridges = [Host::A, Host::B].map(|host| networks.relay_seen_by(host));
        assert!(bridges.iter().any(|bridge| bridge == ip), "{open}");
        assert_eq!(path(&a), "bridge");
        b.event(&[("event", "session"), ("state", "ended")]);
        let own = networks.address(Host::A);
        b.until("its output", |lines| {
            assert!(!lines.out.iter().chain(&lines.err).any(|line| line.contains(&own)));
            Some(())
        });
    }
}
