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
