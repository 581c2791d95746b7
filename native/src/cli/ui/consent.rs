//! Asks the user which files to fetch, and interprets the answer.

use xcher_core::HumanSize;

use super::json::JsonEvent;
use super::manifest::{Chosen, Manifest};
use super::output::Output;
use super::selection::{Selection, is_yes};
use super::stdin_lines::StdinLines;
use super::terminal::can_ask;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::listing_spool::ListingSpool;
use crate::cli::target::Target;
use crate::files::Inbox;

/// Consent to fetch files.
pub(crate) enum Consent {
    /// Given on the command line.
    Given,
    /// To be asked for on the terminal.
    Ask(StdinLines),
}

impl Consent {
    /// # Errors
    ///
    /// A usage error if the user cannot be asked.
    pub(crate) fn new(yes: bool) -> Result<Self, CliError> {
        match yes {
            true => Ok(Self::Given),
            false if can_ask() => Ok(Self::Ask(StdinLines::default())),
            false => Err(CliError::usage("no terminal to ask on; fetch without asking with --yes")),
        }
    }
}

/// A question that is repeated until it is answered.
pub(crate) struct Question {
    manifest: Manifest,
    to: Target,
    /// The files chosen, while the user is asked to confirm despite too little space.
    chosen: Option<Chosen>,
}

/// A user's answer.
pub(crate) enum Answer {
    AskAgain,
    Decline,
    Accept(Chosen),
}

impl Question {
    pub(crate) fn new(
        spool: ListingSpool,
        inbox: Option<Inbox>,
        to: &Target,
    ) -> Result<Self, CliError> {
        Ok(Self { manifest: Manifest::new(spool, inbox, to)?, to: to.clone(), chosen: None })
    }

    /// Shows the files.
    pub(crate) fn show(&mut self, output: &Output) -> Result<(), CliError> {
        let Manifest { files, unknown, here, taken, free, .. } = self.manifest;
        let (files, bytes) = (files - here, self.manifest.all_bytes());
        let event = JsonEvent::Manifest { files, bytes, unknown, here, taken, free };
        output.json(&event).map_err(CliError::unwritten)?;
        if output.is_quiet() && !can_ask() {
            return Ok(());
        }
        output.show(&self.manifest.hidden_lines(&self.to));
        let page = self.manifest.page()?;
        output.show(&page);
        output.show(&self.manifest.total(&self.to));
        if let Some(short) = self.manifest.space_short() {
            output.show(&format!("  NOT ENOUGH DISK SPACE: {} short\n", HumanSize(short)));
        }
        Ok(())
    }

    /// Returns true if every file exists already.
    pub(crate) fn is_idle(&self) -> bool {
        self.manifest.here == self.manifest.files
    }

    /// Prints the question, followed by `end`.
    pub(crate) fn ask(&self, output: &Output, end: &str) {
        let question = match (&self.chosen, self.manifest.has_more()) {
            (None, _) if self.manifest.has_only_texts() && self.manifest.files == 1 => {
                "Show it? [y/N]"
            }
            (Some(_), _) => "Fetch anyway? [y/N]",
            (None, false) => "Fetch? [y/N, or which: 1,3-5 or *.jpg]",
            (None, true) => "Fetch? [y/N, or which: 1,3-5 or *.jpg; m shows more]",
        };
        output.show(&format!("{question}{end}"));
    }

    /// Accepts everything, as `--yes` says; hidden files at the top level only if `--hidden` is set, too.
    pub(crate) fn accept_all(&mut self) -> Result<Chosen, CliError> {
        match self.manifest.space_short() {
            None => {
                let to = self.to.clone();
                self.manifest.select(|_, name, stat| to.prints(stat) || !to.must_ask_for(name))
            }
            Some(short) => {
                let message = format!(
                    "not enough disk space in {}: {} needed, {} short; free some, or choose another \
                     folder with -o",
                    self.to.folder.display(),
                    HumanSize(self.manifest.bytes),
                    HumanSize(short)
                );
                Err(CliError::new(ExitCode::Incomplete, message))
            }
        }
    }

    /// Returns true if there is too little disk space for all files.
    pub(crate) fn lacks_room(&self) -> bool {
        self.manifest.space_short().is_some()
    }

    /// Returns the files that do not exist yet.
    pub(crate) fn missing(&mut self) -> Result<ListingSpool, CliError> {
        self.manifest.missing()
    }

    /// Returns all files, as declined.
    pub(crate) fn decline_all(&mut self) -> Result<ListingSpool, CliError> {
        self.manifest.select(|_, _, _| false).map(|chosen| chosen.rest)
    }

    /// Interprets a line the user typed; the end of input declines.
    pub(crate) fn answer(
        &mut self,
        line: Option<&str>,
        output: &Output,
    ) -> Result<Answer, CliError> {
        let Some(line) = line.map(str::trim) else { return Ok(Answer::Decline) };
        let word = line.to_lowercase();
        if let Some(chosen) = self.chosen.take() {
            return Ok(if is_yes(&word) { Answer::Accept(chosen) } else { Answer::Decline });
        }
        if matches!(word.as_str(), "" | "n" | "no") {
            return Ok(Answer::Decline);
        }
        if matches!(word.as_str(), "m" | "more") {
            if self.manifest.has_more() {
                let page = self.manifest.page()?;
                output.show(&page);
            }
            return Ok(Answer::AskAgain);
        }
        let selection = match Selection::parse(&word, line, self.manifest.files) {
            Ok(selection) => selection,
            Err(why) => {
                output.show(&format!("  {why}\n"));
                return Ok(Answer::AskAgain);
            }
        };
        let chosen = self.manifest.select(|number, name, _| selection.includes(number, name))?;
        if chosen.wanted.count() == 0 {
            output.show("  no file matches\n");
            return Ok(Answer::AskAgain);
        }
        self.confirm_space(chosen, output)
    }

    /// Accepts the files if there is space for them; otherwise asks once more.
    fn confirm_space(&mut self, mut chosen: Chosen, output: &Output) -> Result<Answer, CliError> {
        let Some(short) = self.manifest.space_short_for(&mut chosen.wanted, &self.to)? else {
            return Ok(Answer::Accept(chosen));
        };
        output.show(&format!("  not enough disk space: {} short\n", HumanSize(short)));
        self.chosen = Some(chosen);
        Ok(Answer::AskAgain)
    }
}
