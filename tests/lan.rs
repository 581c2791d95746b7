//! `up` on all addresses, with unknown clients on the networks of its host.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod system;

use std::fs;

use system::networks::{Host, Networks};
use system::not_tested;
use system::process::Process;
use system::tree;
use tempfile::tempdir;

fn port(up: &Process, start: &str) -> String {
    let at = up.out(start);
    at.trim_end_matches('/').rsplit(':').next().unwrap().to_owned()
}

/// The client sees the shared files alone and leaves nothing; the host warns at its start that clients can
/// connect.
#[test]
fn an_unknown_client_gets_shared_files_alone_and_leaves_nothing() {
    let Some(networks) = Networks::new() else {
        return not_tested("this system does not allow network namespaces");
    };
    let (folder, client) = (tempdir().unwrap(), tempdir().unwrap());
    let files = [("s/shared", "shared"), ("s/.hidden", "h"), ("s/.d/x", "x"), ("beside", "b")];
    tree::write(folder.path(), files);
    tree::write(client.path(), [("gift", "unasked for")]);
    let before = tree::read(folder.path());
    let up = ["up", "s", "--nick", "bob", "--listen", "0.0.0.0:0", "--http", "0.0.0.0:0"];
    let up = networks.between(&up).dir(folder.path()).start();
    let [tcp, http] = ["relay ", "http http://"].map(|start| port(&up, start));
    up.out("online ");
    // One line for the relay and one for the bridge.
    up.until("two warnings", |lines| {
        let warnings = lines.err.iter().filter(|line| line.contains("WARNING")).count();
        (warnings >= 2).then_some(())
    });
    for host in [Host::A, Host::B] {
        let ip = networks.relay_seen_by(host);
        for at in [format!("{ip}:{tcp}"), format!("http://{ip}:{http}/")] {
            let run = |args: &[&str]| {
                let args = [&["--relay", &at], args].concat();
                networks.xcher(host, &args).dir(client.path()).run()
            };
            run(&["ls", "bob"]).code(0).out(&["6\ts/shared"]);
            for name in ["s/.hidden", "s/.d/x", "beside", "s/../beside", "/etc/hostname"] {
                let get = run(&["get", "bob", name, "-o", "out"]);
                assert!(matches!(get.code, Some(1 | 2 | 4)) && get.out.is_empty(), "{get}");
            }
            run(&["send", "--to", "bob", "gift"]).code(1);
            run(&["get", "bob", "--all", "--on-conflict", "overwrite", "-o", "out"]).code(0);
            let fetched = tree::finished(&client.path().join("out"));
            assert_eq!(fetched.into_keys().collect::<Vec<_>>(), ["s/shared"]);
        }
    }
    assert_eq!(tree::read(folder.path()), before, "a client left something in the folder");
    assert!(fs::read_dir(folder.path()).unwrap().count() == 2, "a client left a partial file");
}

/// The host of `up` answers callers on its own machine by every address, as it does others.
#[test]
fn up_on_all_addresses_is_reached_from_its_own_machine_and_from_others() {
    let Some(networks) = Networks::new() else {
        return not_tested("this system does not allow network namespaces");
    };
    let Some(ipv6) = networks.add_ipv6_and_default_routes() else {
        return not_tested("this system does not allow IPv6 in network namespaces");
    };
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("s/file", "12345"), ("gift", "g")]);
    let ipv4 = networks.relay_seen_by(Host::A);
    for (any, shown, own) in [
        ("0.0.0.0", ipv4.clone(), vec!["127.0.0.1".to_owned(), ipv4.clone()]),
        (
            "[::]",
            format!("[{ipv6}]"),
            vec!["[::1]".to_owned(), format!("[{ipv6}]"), "127.0.0.1".to_owned()],
        ),
    ] {
        let up = ["up", "s", "--nick", "bob", "--yes", "-o", "in", "--on-conflict", "overwrite"];
        let listen = ["--listen", &format!("{any}:0"), "--http", &format!("{any}:0")];
        let up = networks.between(&[&up[..], &listen].concat()).dir(folder.path()).start();
        let [tcp, http] = ["relay ", "http http://"].map(|start| port(&up, start));
        let command = up.err("to fetch it all in another terminal: ");
        assert!(command.contains(&format!("{shown}:{tcp}")), "{command}");
        let there = [Host::A, Host::B].map(|host| (Some(host), networks.relay_seen_by(host)));
        let callers = own.into_iter().map(|ip| (None, ip)).chain(there);
        for (host, ip) in callers.chain([(Some(Host::A), shown)]) {
            for at in [format!("{ip}:{tcp}"), format!("http://{ip}:{http}/")] {
                let run = |args: &[&str]| {
                    let args = [&["--relay", &at], args].concat();
                    let command = match host {
                        Some(host) => networks.xcher(host, &args),
                        None => networks.between(&args),
                    };
                    command.dir(folder.path()).run()
                };
                run(&["get", "bob", "--all", "--on-conflict", "overwrite", "-o", "out"]).code(0);
                run(&["send", "--to", "bob", "gift"]).code(0);
            }
        }
    }
}

/// A caller cannot make the host of `up` connect to its own machine.
#[test]
fn a_neighbour_cannot_name_a_loopback_address() {
    let Some(networks) = Networks::new() else {
        return not_tested("this system does not allow network namespaces");
    };
    if networks.add_ipv6_and_default_routes().is_none() {
        return not_tested("this system does not allow IPv6 in network namespaces");
    }
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("s/file", "12345")]);
    for any_address in [&[][..], &["--any-address"]] {
        let up = ["up", "s", "--nick", "bob", "--listen", "0.0.0.0:0", "--http", "off"];
        let up = networks.between(&[&up[..], any_address].concat()).dir(folder.path()).start();
        let tcp = port(&up, "relay ");
        up.out("online ");
        let at = format!("{}:{tcp}", networks.relay_seen_by(Host::A));
        let ls = ["ls", "bob", "--relay", &at, "--timeout", "2", "--advertise", "127.0.0.1"];
        let ls =
            networks.xcher(Host::A, &ls).run().code(if any_address.is_empty() { 4 } else { 3 });
        ls.error(&["bob"]);
        if !any_address.is_empty() {
            up.err("private address 127.0.0.1 is not allowed");
        }
    }
}

#[test]
fn ports_that_are_left_out_are_the_default_ones() {
    let Some(networks) = Networks::new() else {
        return not_tested("this system does not allow network namespaces");
    };
    let relay = networks.between(&["relay", "--listen", "0.0.0.0", "--http", "[::]"]).start();
    assert_eq!(relay.out("relay "), "0.0.0.0:9247");
    assert_eq!(relay.out("http "), "http://[::]:9248/");
    let folder = tempdir().unwrap();
    tree::write(folder.path(), [("s/file", "12345")]);
    let share = networks.between(&["share", "s", "--nick", "bob", "--relay", "127.0.0.1"]);
    let share = share.dir(folder.path()).start();
    share.out("online ");
    let ip = networks.relay_seen_by(Host::A);
    networks.xcher(Host::A, &["ls", "bob", "--relay", &ip]).run().code(0).out(&["5\ts/file"]);
    let link = format!("http://{ip}:9248/#bob");
    networks.xcher(Host::A, &["ls", &link]).run().code(0).out(&["5\ts/file"]);
}
