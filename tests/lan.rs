//! `up` on all addresses, and strangers on the networks of its host.

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

/// It sees what is shared and no more, leaves nothing, and the host said at its start that it can.
#[test]
fn a_stranger_on_the_network_gets_what_is_shared_and_leaves_nothing() {
    let Some(networks) = Networks::new() else {
        return not_tested("no networks can be made here");
    };
    let (folder, theirs) = (tempdir().unwrap(), tempdir().unwrap());
    let files = [("s/shared", "shared"), ("s/.hidden", "h"), ("s/.d/x", "x"), ("beside", "b")];
    tree::write(folder.path(), files);
    tree::write(theirs.path(), [("gift", "unasked for")]);
    let before = tree::read(folder.path());
    let up = ["up", "s", "--nick", "bob", "--listen", "0.0.0.0:0", "--http", "0.0.0.0:0"];
    let up = networks.between(&up).dir(folder.path()).start();
    let [tcp, http] = ["relay ", "http http://"].map(|start| port(&up, start));
    up.out("online ");
    // A line for the relay and one for the bridge.
    up.until("two warnings", |lines| {
        let loud = lines.err.iter().filter(|line| line.contains("WARNING")).count();
        (loud >= 2).then_some(())
    });
    for host in [Host::A, Host::B] {
        let ip = networks.relay_seen_by(host);
        for at in [format!("{ip}:{tcp}"), format!("http://{ip}:{http}/")] {
            let run = |args: &[&str]| {
                let args = [&["--relay", &at], args].concat();
                networks.xcher(host, &args).dir(theirs.path()).run()
            };
            run(&["ls", "bob"]).code(0).out(&["6\ts/shared"]);
            for name in ["s/.hidden", "s/.d/x", "beside", "s/../beside", "/etc/hostname"] {
                let get = run(&["get", "bob", name, "-o", "out"]);
                assert!(matches!(get.code, Some(1 | 2 | 4)) && get.out.is_empty(), "{get}");
            }
            run(&["send", "--to", "bob", "gift"]).code(1);
            run(&["get", "bob", "--all", "--on-conflict", "overwrite", "-o", "out"]).code(0);
            let came = tree::finished(&theirs.path().join("out"));
            assert_eq!(came.into_keys().collect::<Vec<_>>(), ["s/shared"]);
        }
    }
    assert_eq!(tree::read(folder.path()), before, "something was left there");
    assert!(fs::read_dir(folder.path()).unwrap().count() == 2, "an unfinished file was");
}
