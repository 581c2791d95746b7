//! Checks whether the user can be asked on the terminal.

use std::io::{self, IsTerminal as _};

/// Returns true if a question would be seen and can be answered.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal() && is_in_foreground()
}

/// Returns true if this process receives what is typed. A terminal other than the one that started the
/// process has no background processes.
#[cfg(unix)]
fn is_in_foreground() -> bool {
    let reader = rustix::termios::tcgetpgrp(io::stdin());
    reader.map_or(true, |reader| reader == rustix::process::getpgrp())
}

#[cfg(not(unix))]
fn is_in_foreground() -> bool {
    true
}
