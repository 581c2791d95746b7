//! What the whole-system tests start, talk to and compare: the real binary on real sockets.

// Each test file uses a part of it.
#![allow(dead_code)]

#[cfg(unix)]
pub(crate) mod another_user;
#[cfg(unix)]
pub(crate) mod keys;
pub(crate) mod middle;
pub(crate) mod networks;
#[cfg(unix)]
pub(crate) mod other_user;
pub(crate) mod pace;
pub(crate) mod patience;
pub(crate) mod patient;
pub(crate) mod private_wire;
pub(crate) mod process;
pub(crate) mod recorder;
pub(crate) mod relay;
#[cfg(unix)]
pub(crate) mod terminal;
pub(crate) mod tree;
pub(crate) mod wire;

use std::io::Write as _;
use std::time::Duration;

/// How long nothing may move before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Tells what could not be tried here.
pub(crate) fn not_tested(why: &str) {
    // Not by a macro, which a test that passes would keep to itself.
    let mut terminal = std::io::stderr();
    writeln!(terminal, "NOT TESTED: {why}").unwrap();
}
