//! What the user types while something else goes on.

use std::io::{self, IsTerminal as _};

use tokio::sync::mpsc;

use super::exit::{CliError, Code};

/// Lines of standard input. Nothing is read before the first is wanted: a process in the background
/// of a terminal would be stopped for it.
#[derive(Default)]
pub(super) struct Answers(Option<mpsc::UnboundedReceiver<String>>);

impl Answers {
    /// The next line; `None` where there is no more. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<String> {
        self.0.get_or_insert_with(read).recv().await
    }
}

fn read() -> mpsc::UnboundedReceiver<String> {
    let (sender, answers) = mpsc::unbounded_channel();
    // A thread of its own, because reading a terminal cannot be given up.
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    answers
}

/// Who says whether files are wanted.
pub(super) enum Consent {
    /// The command line did.
    Given,
    /// Whoever is at the terminal.
    Asked(Answers),
}

impl Consent {
    /// # Errors
    ///
    /// A usage failure where nobody can be asked.
    pub(super) fn new(yes: bool) -> Result<Self, CliError> {
        match yes {
            true => Ok(Self::Given),
            false if can_ask() => Ok(Self::Asked(Answers::default())),
            false => Err(CliError::new(
                Code::Usage,
                "expected a terminal to ask on, or --yes to fetch without, got neither",
            )),
        }
    }
}

/// Whether there is someone who sees a question and can answer.
pub(super) fn can_ask() -> bool {
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
