//! Whether files are wanted, and which: the question, and what an answer means.

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::listing_spool::ListingSpool;
use crate::cli::target::Target;
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::manifest::{Chosen, Manifest};
use crate::cli::ui::output::Output;
use crate::cli::ui::selection::Selection;
use crate::cli::ui::size::human_size;
use crate::cli::ui::stdin_lines::StdinLines;
use crate::cli::ui::terminal::can_ask;
use crate::files::Inbox;

/// Who says whether files are wanted.
pub(crate) enum Consent {
    /// The command line did.
    Given,
    /// Whoever is at the terminal.
    Asked(StdinLines),
}

impl Consent {
    /// # Errors
    ///
    /// A usage failure where nobody can be asked.
    pub(crate) fn new(yes: bool) -> Result<Self, CliError> {
        match yes {
            true => Ok(Self::Given),
            false if can_ask() => Ok(Self::Asked(StdinLines::default())),
            false => Err(CliError::new(
                ExitCode::Usage,
                "expected a terminal to ask on, or --yes to fetch without, got neither",
            )),
        }
    }
}

/// A question that is asked until it has an answer.
pub(crate) struct Question {
    manifest: Manifest,
    to: Target,
    /// What was chosen, while it is asked whether it is meant although there is no room.
    chosen: Option<Chosen>,
}

/// What an answer comes to.
pub(crate) enum Answer {
    /// It is asked again.
    Again,
    /// Nothing is wanted.
    No,
    /// These are.
    Take(Chosen),
}

impl Question {
    pub(crate) fn new(
        spool: ListingSpool,
        inbox: Option<Inbox>,
        to: &Target,
    ) -> Result<Self, CliError> {
        Ok(Self { manifest: Manifest::new(spool, inbox, to)?, to: to.clone(), chosen: None })
    }

    /// Shows what there is.
    pub(crate) fn show(&mut self, output: &Output) -> Result<(), CliError> {
        let Manifest { files, bytes, unknown, here, taken, free, .. } = self.manifest;
        let line = JsonEvent::Manifest { files: files - here, bytes, unknown, here, taken, free };
        output.json(&line).map_err(CliError::unwritten)?;
        if output.is_quiet() && self.is_for_nobody() {
            return Ok(());
        }
        output.show(&self.manifest.dotted_lines(&self.to));
        let page = self.manifest.page()?;
        output.show(&page);
        output.show(&self.manifest.total(&self.to));
        if let Some(lacks) = self.manifest.lacks() {
            output
                .show(&format!("  THERE IS NOT ENOUGH ROOM: {} are missing\n", human_size(lacks)));
        }
        Ok(())
    }

    /// Whether nothing of it would come, since all is here.
    pub(crate) fn is_idle(&self) -> bool {
        self.manifest.here == self.manifest.files
    }

    /// Whether nobody is going to be asked.
    fn is_for_nobody(&self) -> bool {
        !can_ask()
    }

    /// Asks, with this behind the question.
    pub(crate) fn ask(&self, output: &Output, end: &str) {
        let question = match (&self.chosen, self.manifest.has_more()) {
            (Some(_), _) => "Fetch anyway? [y/N]",
            (None, false) => "Fetch? [y/N, or which: 1,3-5 or *.jpg]",
            (None, true) => "Fetch? [y/N, or which: 1,3-5 or *.jpg; m shows more]",
        };
        output.show(&format!("{question}{end}"));
    }

    /// Everything, where the command line said yes; but what lands on a dot-name in the receiving folder
    /// itself only where it said that, too.
    pub(crate) fn agreed(&mut self) -> Result<Chosen, CliError> {
        match self.manifest.lacks() {
            None => {
                let to = self.to.clone();
                self.manifest.select(|_, name| !to.is_wary_of(name))
            }
            Some(lacks) => {
                let message = format!(
                    "expected room for {} in {}, got {} too few",
                    human_size(self.manifest.bytes),
                    self.to.folder.display(),
                    human_size(lacks)
                );
                Err(CliError::new(ExitCode::Incomplete, message))
            }
        }
    }

    /// Whether there is too little room for all of it.
    pub(crate) fn lacks_room(&self) -> bool {
        self.manifest.lacks().is_some()
    }

    /// What is not here yet.
    pub(crate) fn missing(&mut self) -> Result<ListingSpool, CliError> {
        self.manifest.missing()
    }

    /// Nothing, where nobody wants any of it.
    pub(crate) fn refused(&mut self) -> Result<ListingSpool, CliError> {
        self.manifest.select(|_, _| false).map(|chosen| chosen.rest)
    }

    /// Takes an answer; no where there is none to come.
    pub(crate) fn answer(
        &mut self,
        line: Option<&str>,
        output: &Output,
    ) -> Result<Answer, CliError> {
        let Some(line) = line.map(str::trim) else { return Ok(Answer::No) };
        let word = line.to_lowercase();
        if let Some(chosen) = self.chosen.take() {
            return Ok(if is_yes(&word) { Answer::Take(chosen) } else { Answer::No });
        }
        if matches!(word.as_str(), "" | "n" | "no") {
            return Ok(Answer::No);
        }
        if matches!(word.as_str(), "m" | "more") {
            if self.manifest.has_more() {
                let page = self.manifest.page()?;
                output.show(&page);
            }
            return Ok(Answer::Again);
        }
        let which = match Selection::parse(&word, line) {
            Ok(which) => which,
            Err(why) => {
                output.show(&format!("  {why}\n"));
                return Ok(Answer::Again);
            }
        };
        let chosen = self.manifest.select(|number, name| which.takes(number, name))?;
        if chosen.wanted.count() == 0 {
            output.show("  none of them is meant by that\n");
            return Ok(Answer::Again);
        }
        self.check_room(chosen, output)
    }

    /// Lets through what there is room for; of anything else it is asked once more.
    fn check_room(&mut self, mut chosen: Chosen, output: &Output) -> Result<Answer, CliError> {
        let Some(lacks) = self.manifest.lacks_for(&mut chosen.wanted, &self.to)? else {
            return Ok(Answer::Take(chosen));
        };
        output.show(&format!("  there is not enough room: {} are missing\n", human_size(lacks)));
        self.chosen = Some(chosen);
        Ok(Answer::Again)
    }
}

pub(crate) fn is_yes(word: &str) -> bool {
    matches!(word, "y" | "yes")
}
