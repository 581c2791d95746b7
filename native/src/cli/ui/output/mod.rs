//! Output of a command: results on standard output, everything else on standard error.

mod report;

use std::cell::Cell;
use std::collections::HashSet;
use std::io::{self, IsTerminal as _, Write as _};

use xcher_core::peer::TransferId;

use super::json::{self, JsonEvent};
use super::left_out::LeftOutFiles;
use super::progress::Progress;
use super::sessions::Sessions;
use super::transfer_paths::TransferPaths;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::Common;
use crate::cli::target::Target;
use crate::files::Shares;

/// Results, notes and progress bars.
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    verbose: u8,
    progress: Option<Progress>,
    sessions: Sessions,
    paths: TransferPaths,
    left_out: LeftOutFiles,
    /// How to resume incomplete downloads, and the bytes kept of them.
    resume: (&'static str, u64),
    /// Set if the command resumes by itself what a cut interrupts.
    resumes: bool,
    /// Likewise for sent files.
    resumes_sending: bool,
    /// Set if the loss of the relay is a detail.
    needs_no_relay: bool,
    /// Set if the session takes the place of one that was cut.
    is_resumed: bool,
    /// Lines printed about files that could not be sent.
    unsent: HashSet<String>,
    /// Lines printed about escaped names.
    escapes: HashSet<String>,
    /// Set if a text is all that is sent.
    sends_text: bool,
    /// Set if the command prints the entries of listings itself.
    holds_entries: bool,
    /// The first failed write to standard output that did not stop the command.
    unwritten: Cell<Option<io::Error>>,
}

/// The most lines about escaped names: a peer can have any number of them.
const MAX_ESCAPES: usize = 100;
/// The most lines about unsent files that are remembered.
const MAX_UNSENT: usize = 10_000;

impl Output {
    pub(crate) fn new(common: &Common) -> Self {
        let bars = !common.quiet && !common.json && io::stderr().is_terminal();
        Self {
            json: common.json,
            quiet: common.quiet,
            verbose: common.verbose,
            progress: bars.then(Progress::new),
            sessions: Sessions::default(),
            paths: TransferPaths::unknown(),
            left_out: LeftOutFiles::default(),
            resume: ("", 0),
            resumes: false,
            resumes_sending: false,
            needs_no_relay: false,
            is_resumed: false,
            unsent: HashSet::new(),
            escapes: HashSet::new(),
            sends_text: false,
            holds_entries: false,
            unwritten: Cell::new(None),
        }
    }

    /// Sets the folder of received files, for events, and how to resume incomplete downloads.
    pub(crate) fn receives_into(&mut self, target: Target, how_to_resume: &'static str) {
        self.paths.receives_into(target);
        self.resume.0 = how_to_resume;
    }

    /// Sets whether the command resumes by itself what a cut interrupts, so that a cut is a detail.
    pub(crate) fn resumes_by_itself(&mut self, resumes: bool) {
        self.resumes = resumes;
    }

    /// As [`resumes_by_itself`](Self::resumes_by_itself), for sent files.
    pub(crate) fn resumes_sending(&mut self) {
        self.resumes_sending = true;
    }

    /// Shows the loss of the relay as a detail: an open session does not need it.
    pub(crate) fn needs_no_relay(&mut self) {
        self.needs_no_relay = true;
    }

    /// Shows the security of the next session as a detail: the user has read that of the one it replaces.
    pub(crate) fn is_resumed(&mut self) {
        self.is_resumed = true;
    }

    /// Sets the files that are sent, for events.
    pub(crate) fn sends(&mut self, shares: Shares) {
        self.sends_text = shares.is_a_text();
        self.paths.sends(shares);
    }

    /// Leaves the entries of listings to the command, which may show some of them only.
    pub(crate) fn hold_entries(&mut self) {
        self.holds_entries = true;
    }

    /// Records that a transfer brings a text that is printed.
    pub(crate) fn prints(&mut self, transfer: TransferId) {
        self.paths.prints(transfer.0);
    }

    /// Returns true if a text is all that is sent.
    pub(crate) fn sends_text(&self) -> bool {
        self.sends_text
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a line of the command's result; nothing with `--json`, which has its own events.
    ///
    /// # Errors
    ///
    /// If standard output cannot be written.
    pub(crate) fn result(&self, line: std::fmt::Arguments<'_>) -> io::Result<()> {
        if self.json { Ok(()) } else { self.out(line) }
    }

    /// Prints an event with `--json`; nothing without.
    ///
    /// # Errors
    ///
    /// If standard output cannot be written.
    pub(crate) fn json(&self, event: &JsonEvent<'_>) -> io::Result<()> {
        if !self.json {
            return Ok(());
        }
        self.out(format_args!("{}", json::event_line(event)?))
    }

    /// Takes the result of a write that must not stop the command. [`written`](Self::written) reports a
    /// full disk at the end.
    pub(crate) fn remember(&self, wrote: io::Result<()>) {
        if let Err(error) = wrote
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            let first = self.unwritten.take().unwrap_or(error);
            self.unwritten.set(Some(first));
        }
    }

    /// Returns the result of a command that did everything else.
    ///
    /// # Errors
    ///
    /// If a write to standard output has failed.
    pub(crate) fn written(&self) -> Result<(), CliError> {
        self.unwritten.take().map_or(Ok(()), |error| Err(CliError::unwritten(error)))
    }

    fn out(&self, line: std::fmt::Arguments<'_>) -> io::Result<()> {
        // The standard library flushes at every line end.
        let write = || writeln!(io::stdout().lock(), "{line}");
        match &self.progress {
            Some(progress) => {
                let mut written = Ok(());
                progress.print(|| written = write());
                written
            }
            None => write(),
        }
    }

    /// Prints a note for a person, unless `--quiet`.
    pub(crate) fn note(&self, text: std::fmt::Arguments<'_>) {
        if !self.quiet {
            self.error(text);
        }
    }

    /// Prints a detail with `-v`.
    pub(crate) fn detail(&self, text: std::fmt::Arguments<'_>) {
        if self.verbose > 0 {
            self.note(text);
        }
    }

    /// Prints a line for a person who watches: at a terminal, or with `-v`. Returns false if nobody does.
    pub(crate) fn tell_people(&self, text: std::fmt::Arguments<'_>) -> bool {
        let told = self.progress.is_some() || self.verbose > 0;
        if told {
            self.note(text);
        }
        told
    }

    /// Prints a line on standard error, whose failure cannot be reported anywhere.
    pub(crate) fn error(&self, text: std::fmt::Arguments<'_>) {
        let write = || {
            // A single write, so that the lines of two programs on one terminal do not mix.
            let _ = io::stderr().lock().write_all(format!("xcher: {text}\n").as_bytes());
        };
        match &self.progress {
            Some(progress) => progress.print(write),
            None => write(),
        }
    }

    /// Prints text as it is: a list or a question.
    pub(crate) fn show(&self, text: &str) {
        let write = || {
            let mut err = io::stderr().lock();
            let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
        };
        match &self.progress {
            Some(progress) => progress.print(write),
            None => write(),
        }
    }

    /// Returns the peer of a session: its nick and address.
    pub(crate) fn peer(&self, session: u64) -> &str {
        self.sessions.peer(session)
    }

    /// Returns the peer of a session: its nick, or its address.
    pub(crate) fn name(&self, session: u64) -> &str {
        self.sessions.name(session)
    }

    /// Returns the path of a session that is open.
    pub(crate) fn path(&self, session: u64) -> Option<xcher_core::peer::Path> {
        self.sessions.path(session)
    }

    /// Returns true if the user has yet to read about the security of a session.
    pub(crate) fn awaits_words(&self, session: u64) -> bool {
        self.sessions.awaits_words(session)
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub(crate) fn progress(&mut self) -> Option<&mut Progress> {
        self.progress.as_mut()
    }

    /// Returns the result of a command that did everything else.
    ///
    /// # Errors
    ///
    /// If a file that should have been sent could not be read, which was printed.
    pub(crate) fn left_outcome(&self) -> Result<(), CliError> {
        match self.left_out.has_errors() {
            true => Err(CliError::reported(ExitCode::Incomplete)),
            false => Ok(()),
        }
    }

    /// Prints at the end how much was left out, and how to resume.
    pub(crate) fn summarise(&self) {
        if let Some(summary) = self.left_out.summary() {
            match self.left_out.has_errors() {
                true => self.error(format_args!("{summary}")),
                false => self.note(format_args!("{summary}")),
            }
        }
        if let (how, 1..) = self.resume
            && !self.resumes
        {
            self.note(format_args!("{how}"));
        }
    }

    /// Names a file that did not arrive, unless that was printed when it could not be sent.
    pub(crate) fn missing(&self, line: &str) {
        if !self.unsent.contains(line) {
            self.error(format_args!("{line}"));
        }
    }
}
