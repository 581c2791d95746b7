//! The terminal: whether questions can be asked on it.

use std::io::{self, IsTerminal as _};

/// Whether there is someone who sees a question and can answer.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal() && is_in_front()
}

/// Whether what is typed comes to this process. A terminal that is not the one that started it knows
/// no processes in the background.
#[cfg(unix)]
fn is_in_front() -> bool {
    let reader = rustix::termios::tcgetpgrp(io::stdin());
    reader.map_or(true, |reader| reader == rustix::process::getpgrp())
}

#[cfg(not(unix))]
fn is_in_front() -> bool {
    true
}
