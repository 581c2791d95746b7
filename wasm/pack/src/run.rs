//! `cargo xcher …`: builds the page if it is missing or outdated, then builds and runs the binary.

use std::ffi::OsString;

use anyhow::Result;

use crate::compile::cargo;
use crate::folders::Folders;
use crate::{pack, say};

/// Commands that seldom or never run a relay in a cluster. Without the client of NATS the program is built sooner.
const WITHOUT_CLUSTERS: [&str; 12] = [
    "up", "share", "send", "receive", "ls", "check", "get", "partial", "peers", "who", "doctor",
    "bridge",
];
/// Beginnings of options, and a variable, that name a cluster all the same.
const CLUSTER_OPTIONS: [&str; 2] = ["--cluster", "--site"];
const CLUSTER_VARIABLE: &str = "XCHER_CLUSTER";

/// Runs the binary with these arguments.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    let folders = Folders::find()?;
    pack(&folders)?;
    say("pack: building the program with the page in it, then starting it");
    let mut command = cargo();
    command
        .args(["run", "--profile", "local", "--package", "xcher", "--manifest-path"])
        .arg(folders.root.join("Cargo.toml"))
        .args(features(arguments))
        .arg("--")
        .args(arguments);
    exec(command)
}

/// Returns what to build of the program for these arguments of it.
fn features(arguments: &[OsString]) -> &'static [&'static str] {
    let mut words = arguments.iter().map(|argument| argument.to_string_lossy());
    let is_cluster = |word: &str| CLUSTER_OPTIONS.iter().any(|option| word.starts_with(option));
    let is_small = words.next().is_some_and(|command| WITHOUT_CLUSTERS.contains(&&*command))
        && !words.any(|word| is_cluster(&word))
        && std::env::var_os(CLUSTER_VARIABLE).is_none();
    if is_small { &["--no-default-features", "--features", "cli"] } else { &[] }
}

/// Replaces this process, so that signals reach the binary.
#[cfg(unix)]
fn exec(mut command: std::process::Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec().into())
}

/// Runs it as a child: Ctrl-C reaches all processes of a console.
#[cfg(not(unix))]
fn exec(mut command: std::process::Command) -> Result<()> {
    std::process::exit(command.status()?.code().unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_clusters_is_built_where_one_may_be_used() {
        let is_complete = |line: &str| {
            let words: Vec<_> = line.split_whitespace().map(OsString::from).collect();
            features(&words).is_empty()
        };
        for line in
            ["", "--help", "man folder", "relay", "-v up", "up --cluster=nats://a", "up a --site b"]
        {
            assert!(is_complete(line), "{line}");
        }
        for line in ["up a", "get kim --all", "bridge --listen 0.0.0.0"] {
            assert!(!is_complete(line), "{line}");
        }
    }
}
