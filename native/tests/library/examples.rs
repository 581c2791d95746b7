//! The examples work, and are as short as they are said to be.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::{photos, relay};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_example_sends_the_other_example_fetches() {
    let relay = relay().await;
    let (shared, large) = photos();
    let mut send = Command::new(example("send"));
    send.arg(&relay).arg(shared.path().join("photos"));
    let mut send = send.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(send.stdout.take().unwrap()).lines();
    let code = lines.next_line().await.unwrap().unwrap();
    let received = tempfile::tempdir().unwrap();
    let mut fetch = Command::new(example("fetch_all"));
    let fetch = fetch.arg(&relay).arg(&code).arg(received.path()).output().await.unwrap();
    assert!(fetch.status.success(), "{fetch:?}");
    assert!(send.wait().await.unwrap().success());
    assert!(std::fs::read(received.path().join("photos/large.jpg")).unwrap() == large);
    assert_eq!(std::fs::read(received.path().join("photos/small.txt")).unwrap(), b"small");
}

#[test]
fn each_is_below_fifty_lines() {
    for name in ["fetch_all", "send"] {
        let path = format!("{}/examples/{name}.rs", env!("CARGO_MANIFEST_DIR"));
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines < 50, "{name} has {lines} lines");
    }
}

/// Returns an example's program, which cargo builds beside the tests.
fn example(name: &str) -> std::path::PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let path = path.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.exists(), "build it first: cargo build --examples");
    path
}
