//! What a command says: results on standard output, everything else on standard error.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal as _, Write as _};

use xcher_core::peer::{Direction, Event, KeyStatus, Path, Security};
use xcher_core::{LeftOutReason, is_escaped};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::Common;
use crate::cli::target::Target;
use crate::cli::ui::json::{self, JsonEvent};
use crate::cli::ui::left_out::LeftOutFiles;
use crate::cli::ui::progress::Progress;
use crate::cli::ui::session_security::SessionSecurity;
use crate::cli::ui::transfer_paths::TransferPaths;
use crate::files::Shares;
use crate::host::HostEvent;

/// Where results, notes and bars go.
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    verbose: u8,
    progress: Option<Progress>,
    sessions: HashMap<u64, Session>,
    places: TransferPaths,
    left: LeftOutFiles,
    /// What was said of files that could not be sent.
    unsent: HashSet<String>,
    /// What was said of names that cannot be sent as they are.
    escapes: HashSet<String>,
    /// Why standard output did not take a line for which nothing stopped.
    unwritten: Cell<Option<io::Error>>,
}

/// Such lines that are said: a stranger may have many.
const ESCAPES: usize = 100;
/// Lines of files that could not be sent that are kept.
const UNSENT: usize = 10_000;

/// What was told of a session.
struct Session {
    /// Who is at the other end.
    who: String,
    /// Whether they called.
    called: bool,
    /// Which way it goes.
    path: Path,
    /// Who hears it, where the user has not read that yet: the safety words are to come.
    unread: Option<Security>,
}

impl Output {
    pub(crate) fn new(common: &Common) -> Self {
        let bars = !common.quiet && !common.json && io::stderr().is_terminal();
        Self {
            json: common.json,
            quiet: common.quiet,
            verbose: common.verbose,
            progress: bars.then(Progress::new),
            sessions: HashMap::new(),
            places: TransferPaths::unknown(),
            left: LeftOutFiles::default(),
            unsent: HashSet::new(),
            escapes: HashSet::new(),
            unwritten: Cell::new(None),
        }
    }

    /// Where what is received goes, for events to name.
    pub(crate) fn receives_into(&mut self, target: Target) {
        self.places.receives_into(target);
    }

    /// What is sent, for events to name.
    pub(crate) fn sends(&mut self, shares: Shares) {
        self.places.sends(shares);
    }

    /// A line of the command's result; nothing with `--json`, which has events of its own.
    ///
    /// # Errors
    ///
    /// Where nobody reads any more.
    pub(crate) fn result(&self, line: std::fmt::Arguments<'_>) -> io::Result<()> {
        if self.json { Ok(()) } else { self.out(line) }
    }

    /// An event for `--json`; nothing without.
    ///
    /// # Errors
    ///
    /// Where nobody reads any more.
    pub(crate) fn json(&self, line: &JsonEvent<'_>) -> io::Result<()> {
        if !self.json {
            return Ok(());
        }
        self.out(format_args!("{}", json::event_line(line)?))
    }

    /// Takes how it went to write a line about what is done for its own sake: nothing stops for that.
    /// What a full disk did not take, [`written`](Self::written) tells at the end.
    pub(crate) fn remember(&self, wrote: io::Result<()>) {
        if let Err(error) = wrote
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            let first = self.unwritten.take().unwrap_or(error);
            self.unwritten.set(Some(first));
        }
    }

    /// How a command ends that did everything else: standard output may not have taken what was done.
    ///
    /// # Errors
    ///
    /// If so.
    pub(crate) fn written(&self) -> Result<(), CliError> {
        self.unwritten.take().map_or(Ok(()), |error| Err(CliError::unwritten(error)))
    }

    fn out(&self, line: std::fmt::Arguments<'_>) -> io::Result<()> {
        // Written line by line as it is: the standard library flushes at every line end.
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

    /// A note for a person, unless `--quiet`.
    pub(crate) fn note(&self, text: std::fmt::Arguments<'_>) {
        if !self.quiet {
            self.error(text);
        }
    }

    /// A detail for a person who asked for it with `-v`.
    pub(crate) fn detail(&self, text: std::fmt::Arguments<'_>) {
        if self.verbose > 0 {
            self.note(text);
        }
    }

    /// A line on standard error. Where nobody reads that, nothing more can be said.
    pub(crate) fn error(&self, text: std::fmt::Arguments<'_>) {
        let write = || {
            // In one piece, so that lines of two programs on one terminal do not mix.
            let _ = io::stderr().lock().write_all(format!("xcher: {text}\n").as_bytes());
        };
        match &self.progress {
            Some(progress) => progress.print(write),
            None => write(),
        }
    }

    /// Text for the terminal as it is: a list, a question.
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

    /// Who is at the other end of a session.
    pub(crate) fn who(&self, session: u64) -> &str {
        self.sessions.get(&session).map_or("someone", |session| &session.who)
    }

    /// Whether the user has yet to read who hears what is said in a session.
    pub(crate) fn awaits_words(&self, session: u64) -> bool {
        self.sessions.get(&session).is_some_and(|session| session.unread.is_some())
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub(crate) fn progress(&mut self) -> Option<&mut Progress> {
        self.progress.as_mut()
    }

    /// What every command says of what its host told: the event for `--json`, the bars, and the
    /// notes. Results are the commands' own.
    ///
    /// # Errors
    ///
    /// Where nobody reads any more.
    pub(crate) fn told(&mut self, told: &HostEvent) -> io::Result<()> {
        if self.json {
            let path = match told {
                HostEvent::Peer(event) => self.places.of(event),
                _ => None,
            };
            if let Some(line) = JsonEvent::of(told, path) {
                self.json(&line)?;
            }
        }
        match told {
            HostEvent::NotShared(skipped) => {
                let (told, word) = (skipped.why.told(), skipped.why.as_str());
                self.left_out(&skipped.to_string(), (told, word), skipped.why.is_error());
            }
            HostEvent::Escaped(escaped) => {
                let line = escaped.to_string();
                if self.first_time(&line) {
                    self.note(format_args!("{line}"));
                }
            }
            HostEvent::PinFailed { nick: Some(nick), why } => {
                self.error(format_args!("the key of {nick} is not kept: {why}"));
            }
            HostEvent::PinFailed { nick: None, why } => {
                self.error(format_args!("the key of the relay is not kept: {why}"));
            }
            HostEvent::RelayKeyChanged { before, now } => {
                let now = now.map_or_else(|| "none".to_owned(), |key| key.to_string());
                self.note(format_args!(
                    "the relay has another key than before: {now}, before {before}. Those whose keys \
                     are known stay known. If the relay was set up anew, `xcher peers forget --all` \
                     with its --relay forgets it; else someone may be in between"
                ));
            }
            HostEvent::PartialKept { path, bytes, .. } => {
                self.note(format_args!("{bytes} bytes are kept in {}", path.display()));
            }
            HostEvent::Peer(event) => {
                if let Some(progress) = &mut self.progress {
                    progress.event(event);
                }
                self.describe(event);
            }
        }
        Ok(())
    }

    /// Says what is not sent, once.
    fn left_out(&mut self, line: &str, why: (LeftOutReason, &'static str), is_error: bool) {
        if self.left.add(line, why, is_error) {
            match is_error {
                true => self.error(format_args!("{line}")),
                false => self.note(format_args!("{line}")),
            }
        }
    }

    /// How a command ends that did everything else: something that should have been sent may not have
    /// been readable, which was told.
    ///
    /// # Errors
    ///
    /// If so.
    pub(crate) fn left_outcome(&self) -> Result<(), CliError> {
        if self.left.has_errors() { Err(CliError::told(ExitCode::Incomplete)) } else { Ok(()) }
    }

    /// Says at the end how much was left out.
    pub(crate) fn tell_left(&self) {
        if let Some(summary) = self.left.summary() {
            match self.left.has_errors() {
                true => self.error(format_args!("{summary}")),
                false => self.note(format_args!("{summary}")),
            }
        }
    }

    /// Names a file that did not arrive, unless that was said when it could not be sent.
    pub(crate) fn missing(&self, line: &str) {
        if !self.unsent.contains(line) {
            self.error(format_args!("{line}"));
        }
    }

    fn first_time(&mut self, line: &str) -> bool {
        self.escapes.len() < ESCAPES && self.escapes.insert(line.to_owned())
    }

    fn describe(&mut self, event: &Event) {
        match event {
            Event::Offline { error, retry: Some(wait) } => {
                let wait = wait.as_secs();
                self.note(format_args!("the relay is gone ({error}); trying again in {wait} s"));
            }
            Event::CallRefused { from, error } => {
                self.note(format_args!("a call from {from} was refused: {error}"));
            }
            Event::Opened { session, peer, nick, incoming, path, security } => {
                let ip = peer.ip().to_canonical();
                let who = match nick {
                    Some(nick) => format!("{nick} ({ip})"),
                    None => ip.to_string(),
                };
                let met = Session { who, called: *incoming, path: *path, unread: Some(*security) };
                self.sessions.insert(session.0, met);
                if let Security::Unencrypted(_)
                | Security::Encrypted { status: KeyStatus::ByCode, .. } = security
                {
                    self.say_who_hears(session.0, None);
                }
            }
            Event::SafetyWords { session, words } => self.say_who_hears(session.0, Some(words)),
            Event::Ended { session, error } => {
                self.say_who_hears(session.0, None);
                if let Some(Session { who, called, .. }) = self.sessions.remove(&session.0) {
                    match error {
                        Some(error) if called => self.note(format_args!("{who} is gone: {error}")),
                        // The command that called says it.
                        Some(error) => self.detail(format_args!("{who} is gone: {error}")),
                        None => self.detail(format_args!("{who} is gone")),
                    }
                }
            }
            Event::OpenFailed { error, .. } => {
                self.detail(format_args!("a session did not open: {error}"));
            }
            Event::Started { direction, session, name, size, .. } => {
                self.say_who_hears(session.0, None);
                if *direction == Direction::Receive {
                    return;
                }
                let who = self.sessions.get(&session.0).map_or("", |session| &session.who);
                match size.is_unknown() {
                    true => self.detail(format_args!("sending {name} to {who}")),
                    false => self.detail(format_args!("sending {name} ({size} bytes) to {who}")),
                }
            }
            Event::Failed { direction, name, error, .. } => {
                let line = format!("{name}: {error}");
                self.error(format_args!("{line}"));
                if *direction == Direction::Send && self.unsent.len() < UNSENT {
                    self.unsent.insert(line);
                }
            }
            Event::InvalidEntry { why, .. } => {
                self.note(format_args!("left out of the list: {why}"))
            }
            Event::LeftOut { left, .. } => {
                let why = (left.reason, left.reason.as_str());
                self.left_out(&left.to_string(), why, left.reason.is_error());
            }
            Event::Entry { name, .. } | Event::Offered { name, .. }
                if is_escaped(name.as_str()) =>
            {
                let line = format!("{name}: %{{HH}} stands for a byte that a name cannot have");
                if self.first_time(&line) {
                    self.note(format_args!("{line}"));
                }
            }
            Event::InvalidOffer { why, .. } => {
                self.detail(format_args!("left out of the offer: {why}"))
            }
            Event::Notice { text, .. } => self.detail(format_args!("{text}")),
            _ => {}
        }
    }

    /// Once for each session: with its safety words, or when something else shows that they do not
    /// come.
    fn say_who_hears(&mut self, session: u64, words: Option<&str>) {
        if let Some(Session { who, path, unread, .. }) = self.sessions.get_mut(&session)
            && let Some(security) = unread.take()
        {
            let line =
                format!("{who} is connected {path}; {}", SessionSecurity { security, words });
            self.note(format_args!("{line}"));
        }
    }
}
