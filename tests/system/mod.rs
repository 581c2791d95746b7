//! Support for the system tests, which run the real binary on real sockets.

// Each test file is a crate of its own and uses a part of this module.
#![allow(dead_code)]

pub(crate) mod authority;
pub(crate) mod encrypted_wire;
#[cfg(unix)]
pub(crate) mod guarded_relay;
pub(crate) mod hook_server;
pub(crate) mod irc_server;
#[cfg(unix)]
pub(crate) mod keys;
#[cfg(target_os = "linux")]
pub(crate) mod local_network;
pub(crate) mod middle;
#[cfg(target_os = "linux")]
pub(crate) mod namespaces;
pub(crate) mod nats_operator;
pub(crate) mod nats_server;
pub(crate) mod networks;
#[cfg(unix)]
pub(crate) mod other_user;
pub(crate) mod pace;
pub(crate) mod patience;
pub(crate) mod patient;
pub(crate) mod pebble;
pub(crate) mod process;
pub(crate) mod recorder;
pub(crate) mod relay;
#[cfg(unix)]
pub(crate) mod terminal;
pub(crate) mod tree;
pub(crate) mod wire;

use std::io::Write as _;
use std::time::Duration;

/// Time without any progress before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Reports a check that this machine cannot run.
pub(crate) fn not_tested(why: &str) {
    // Written directly: the output of `eprintln!` is captured and dropped if the test passes.
    let mut terminal = std::io::stderr();
    writeln!(terminal, "NOT TESTED: {why}").unwrap();
}
