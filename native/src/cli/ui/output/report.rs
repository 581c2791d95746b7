//! Prints what a host reports: events for `--json`, progress bars, and notes.

use std::io::{self, IsTerminal as _};

use xcher_core::addr::AddrError;
use xcher_core::peer::{Delivery, Direction, Error, Event, Notice};
use xcher_core::{HumanSize, LeftOutReason, Size, is_escaped};

use super::{MAX_ESCAPES, MAX_UNSENT, Output};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::left_out::describe;
use crate::host::HostEvent;

impl Output {
    /// Prints a report. Results are left to the commands.
    ///
    /// # Errors
    ///
    /// If standard output cannot be written.
    pub(crate) fn report(&mut self, event: &HostEvent) -> io::Result<()> {
        let is_held = self.holds_entries && matches!(event, HostEvent::Peer(Event::Entry { .. }));
        if self.json && !is_held {
            let path = match event {
                HostEvent::Peer(event) => self.paths.of(event),
                _ => None,
            };
            if let Some(event) = JsonEvent::of(event, path) {
                self.json(&event)?;
            }
        }
        match event {
            HostEvent::NotShared(skipped) => {
                let (told, word) = (skipped.why.left_out_reason(), skipped.why.as_str());
                self.leave_out(&describe(skipped), (told, word), skipped.why.is_error());
            }
            HostEvent::Escaped(escaped) => self.note_escape(escaped.to_string()),
            HostEvent::PinFailed { nick: Some(nick), why } => {
                self.error(format_args!("cannot store the key of {nick}: {why}"));
            }
            HostEvent::PinFailed { nick: None, why } => {
                self.error(format_args!("cannot store the key of the relay: {why}"));
            }
            HostEvent::RelayKeyChanged { before, now } => {
                let now = now.map_or_else(|| "none".to_owned(), |key| key.to_string());
                self.note(format_args!(
                    "the key of the relay has changed: now {now}, before {before}. Known peers stay \
                     known. If the relay was set up anew, `xcher peers forget --all` with its --relay \
                     forgets the old key; otherwise an attacker may be on the path"
                ));
            }
            HostEvent::PortMapping(report) => self.detail(format_args!("{report}")),
            HostEvent::PartialKept { path, bytes, .. } => {
                self.resume.1 += bytes;
                let size = HumanSize(*bytes);
                let kept = format_args!("kept the first {size} in {}", path.display());
                if self.resumes { self.detail(kept) } else { self.note(kept) }
            }
            HostEvent::Text { session, text, .. } => self.print_text(session.0, text)?,
            HostEvent::Peer(event) => {
                if let Some(progress) = &mut self.progress {
                    progress.event(event);
                }
                self.describe(event);
            }
        }
        Ok(())
    }

    /// Prints a text that a peer sent: as it is for a program, without anything that acts on a terminal for a
    /// person.
    fn print_text(&self, session: u64, text: &str) -> io::Result<()> {
        let peer = self.name(session);
        if !peer.is_empty() {
            self.note(format_args!("text from {peer}:"));
        }
        let text = text.strip_suffix('\n').unwrap_or(text);
        match io::stdout().is_terminal() {
            true => self.result(format_args!("{}", xcher_core::text::shown(text))),
            false => self.result(format_args!("{text}")),
        }
    }

    /// Prints a file that is left out, once.
    fn leave_out(&mut self, line: &str, why: (LeftOutReason, &'static str), is_error: bool) {
        if self.left_out.add(line, why, is_error) {
            match is_error {
                true => self.error(format_args!("{line}")),
                false => self.note(format_args!("{line}")),
            }
        }
    }

    fn note_escape(&mut self, line: String) {
        if self.escapes.len() < MAX_ESCAPES && !self.escapes.contains(&line) {
            self.note(format_args!("{line}"));
            self.escapes.insert(line);
        }
    }

    /// Prints the line about a session's security, if it is due.
    fn announce(&mut self, session: u64, words: Option<&str>) {
        if let Some(line) = self.sessions.announce(session, words) {
            match self.is_resumed {
                true => self.detail(format_args!("{line}")),
                false => self.note(format_args!("{line}")),
            }
        }
    }

    fn describe(&mut self, event: &Event) {
        match event {
            Event::Offline { error, retry: Some(wait) } => {
                let wait = wait.as_secs();
                let text =
                    format!("disconnected from the relay ({error}); reconnecting in {wait} s");
                match self.needs_no_relay {
                    true => self.detail(format_args!("{text}")),
                    false => self.note(format_args!("{text}")),
                }
            }
            Event::CallRefused { from, error } => {
                let hint = match error {
                    Error::Policy(AddrError::PrivateAddress(_)) => "; --allow-private accepts it",
                    _ => "",
                };
                self.note(format_args!("refused a call from {from}: {error}{hint}"));
            }
            Event::Opened { session, peer, nick, incoming, path, near, security, .. } => {
                let how = (*path, *near, *security);
                let line = self.sessions.opened(session.0, *peer, nick.as_ref(), *incoming, how);
                match line {
                    Some(line) if self.is_resumed => self.detail(format_args!("{line}")),
                    Some(line) => self.note(format_args!("{line}")),
                    None => {}
                }
            }
            Event::SafetyWords { session, words } => self.announce(session.0, Some(words)),
            Event::Ended { session, error } => {
                self.announce(session.0, None);
                match (self.sessions.ended(session.0), error) {
                    (Some((peer, true)), Some(error)) => {
                        self.note(format_args!("{peer} disconnected: {error}"));
                    }
                    // The command that called prints the error.
                    (Some((peer, false)), Some(error)) => {
                        self.detail(format_args!("{peer} disconnected: {error}"));
                    }
                    (Some((peer, _)), None) => self.detail(format_args!("{peer} disconnected")),
                    (None, _) => {}
                }
            }
            Event::OpenFailed { error, .. } => {
                self.detail(format_args!("a session did not open: {error}"));
            }
            Event::Started { direction, session, name, size, .. } => {
                self.announce(session.0, None);
                if *direction == Direction::Send {
                    let (peer, size) = (self.sessions.peer(session.0), shown_size(*size));
                    self.detail(format_args!("sending {name}{size} to {peer}"));
                }
            }
            Event::Failed { direction, name, error, .. } => {
                let line = format!("{name}: {error}");
                let resumes = match direction {
                    Direction::Receive => self.resumes && error.is_cut(),
                    Direction::Send => self.resumes_sending,
                };
                match resumes {
                    true => self.detail(format_args!("{line}")),
                    false => self.error(format_args!("{line}")),
                }
                if *direction == Direction::Send && !resumes && self.unsent.len() < MAX_UNSENT {
                    self.unsent.insert(line);
                }
            }
            Event::Delivered { session, name, bytes, delivery, .. } if delivery.is_done() => {
                let (peer, size) = (self.sessions.name(session.0), HumanSize(*bytes));
                let doubt = match delivery {
                    Delivery::Stored => "",
                    _ => ", which does not confirm it",
                };
                self.tell_people(format_args!("sent {name} ({size}) to {peer}{doubt}"));
            }
            Event::InvalidEntry { error, .. } => {
                self.note(format_args!("skipped an invalid entry of the listing: {error}"));
            }
            Event::LeftOut { left, .. } => {
                let why = (left.reason, left.reason.as_str());
                self.leave_out(&left.to_string(), why, left.reason.is_error());
            }
            Event::Entry { name, .. } | Event::Offered { name, .. }
                if is_escaped(name.as_str()) =>
            {
                self.note_escape(format!(
                    "{name}: %{{HH}} stands for a byte that names cannot contain"
                ));
            }
            Event::InvalidOffer { error, .. } => {
                self.detail(format_args!("skipped an invalid entry of the offer: {error}"));
            }
            // A channel's client reports so what it did not pass on.
            Event::Notice { notice: Notice::RelayError { verb, reason }, .. }
                if &**verb == "\"-\"" =>
            {
                let hint = match reason.contains("is private") {
                    true => "; --allow-private accepts it",
                    false => "",
                };
                self.note(format_args!("{}{hint}", reason.trim_matches('"')));
            }
            Event::Notice { notice, .. } => self.detail(format_args!("{notice}")),
            _ => {}
        }
    }
}

/// Shows a size in parentheses, unless it is unknown.
fn shown_size(size: Size) -> String {
    match size.is_unknown() {
        true => String::new(),
        false => format!(" ({})", HumanSize(size.bytes())),
    }
}
