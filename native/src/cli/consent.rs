//! Whether files are wanted, and which: the question, and what an answer means.

use glob::{MatchOptions, Pattern};
use indicatif::HumanBytes;
use xcher_core::FileName;

use super::exit::{CliError, Code};
use super::fetching::Target;
use super::json::Line;
use super::manifest::{Chosen, Manifest};
use super::output::Output;
use super::spool::Spool;
use crate::files::Inbox;

/// A question that is asked until it has an answer.
pub(super) struct Question {
    manifest: Manifest,
    to: Target,
    /// What was chosen, while it is asked whether it is meant although there is no room.
    chosen: Option<Chosen>,
}

/// What an answer comes to.
pub(super) enum Answer {
    /// It is asked again.
    Again,
    /// Nothing is wanted.
    No,
    /// These are.
    Take(Chosen),
}

impl Question {
    pub(super) fn new(spool: Spool, inbox: Option<Inbox>, to: &Target) -> Result<Self, CliError> {
        Ok(Self { manifest: Manifest::new(spool, inbox, to)?, to: to.clone(), chosen: None })
    }

    /// Shows what there is.
    pub(super) fn show(&mut self, output: &Output) -> Result<(), CliError> {
        let Manifest { files, bytes, unknown, here, taken, free, .. } = self.manifest;
        let line = Line::Manifest { files: files - here, bytes, unknown, here, taken, free };
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
                .show(&format!("  THERE IS NOT ENOUGH ROOM: {} are missing\n", HumanBytes(lacks)));
        }
        Ok(())
    }

    /// Whether nothing of it would come, since all is here.
    pub(super) fn is_idle(&self) -> bool {
        self.manifest.here == self.manifest.files
    }

    /// Whether nobody is going to be asked.
    fn is_for_nobody(&self) -> bool {
        !super::answers::can_ask()
    }

    /// Asks, with this behind the question.
    pub(super) fn ask(&self, output: &Output, end: &str) {
        let question = match (&self.chosen, self.manifest.has_more()) {
            (Some(_), _) => "Fetch anyway? [y/N]",
            (None, false) => "Fetch? [y/N, or which: 1,3-5 or *.jpg]",
            (None, true) => "Fetch? [y/N, or which: 1,3-5 or *.jpg; m shows more]",
        };
        output.show(&format!("{question}{end}"));
    }

    /// Everything, where the command line said yes; but what lands on a dot-name in the receiving folder
    /// itself only where it said that, too.
    pub(super) fn agreed(&mut self) -> Result<Chosen, CliError> {
        match self.manifest.lacks() {
            None => {
                let to = self.to.clone();
                self.manifest.select(|_, name| !to.is_wary_of(name))
            }
            Some(lacks) => {
                let message = format!(
                    "expected room for {} in {}, got {} too few",
                    HumanBytes(self.manifest.bytes),
                    self.to.folder.display(),
                    HumanBytes(lacks)
                );
                Err(CliError::new(Code::Incomplete, message))
            }
        }
    }

    /// Whether there is too little room for all of it.
    pub(super) fn lacks_room(&self) -> bool {
        self.manifest.lacks().is_some()
    }

    /// What is not here yet.
    pub(super) fn missing(&mut self) -> Result<Spool, CliError> {
        self.manifest.missing()
    }

    /// Nothing, where nobody wants any of it.
    pub(super) fn refused(&mut self) -> Result<Spool, CliError> {
        self.manifest.select(|_, _| false).map(|chosen| chosen.rest)
    }

    /// Takes an answer; no where there is none to come.
    pub(super) fn answer(
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
        let which = match Which::parse(&word, line) {
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
        output.show(&format!("  there is not enough room: {} are missing\n", HumanBytes(lacks)));
        self.chosen = Some(chosen);
        Ok(Answer::Again)
    }
}

pub(super) fn is_yes(word: &str) -> bool {
    matches!(word, "y" | "yes")
}

/// Whether a file is `folder`, or in it.
pub(super) fn is_in(name: &FileName, folder: &str) -> bool {
    let rest = name.as_str().strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Which files an answer means.
enum Which {
    All,
    Numbers(Vec<(u64, u64)>),
    Named(Pattern),
}

impl Which {
    /// Reads yes, or numbers and ranges of them, or a pattern.
    fn parse(word: &str, line: &str) -> Result<Self, String> {
        if is_yes(word) {
            return Ok(Self::All);
        }
        if line.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '-' | ' ')) {
            let ranges = line.split([',', ' ']).filter(|range| !range.is_empty());
            let ranges = ranges.map(|range| {
                parse_range(range).ok_or_else(|| format!("expected 3, 3-5 or 3-, got {range}"))
            });
            return ranges.collect::<Result<_, _>>().map(Self::Numbers);
        }
        let pattern = Pattern::new(line.trim_end_matches('/'));
        pattern.map(Self::Named).map_err(|error| format!("expected a pattern, got {error}"))
    }

    /// A pattern means a file by its whole name, by the last part of it, or by a folder that it is
    /// in.
    fn takes(&self, number: u64, name: &FileName) -> bool {
        match self {
            Self::All => true,
            Self::Numbers(ranges) => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&number))
            }
            Self::Named(pattern) => {
                let options = MatchOptions { case_sensitive: false, ..MatchOptions::new() };
                let is_it = |text: &str| pattern.matches_with(text, options);
                let (whole, last) = (name.as_str(), name.last_part());
                let folders = whole.match_indices('/').map(|(at, _)| &whole[..at]);
                [whole, last].into_iter().chain(folders).any(is_it)
            }
        }
    }
}

/// `3`, `3-5`, or `3-` for all from there.
fn parse_range(text: &str) -> Option<(u64, u64)> {
    match text.split_once('-') {
        None => text.parse().ok().map(|number| (number, number)),
        Some((from, "")) => from.parse().ok().map(|from| (from, u64::MAX)),
        Some((from, to)) => Some((from.parse().ok()?, to.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn taken(answer: &str, names: &[&str]) -> Vec<u64> {
        let which = Which::parse(&answer.to_lowercase(), answer).unwrap();
        let numbered = (1..).zip(names.iter().map(|name| FileName::new(name).unwrap()));
        numbered.filter(|(number, name)| which.takes(*number, name)).map(|(n, _)| n).collect()
    }

    #[test]
    fn what_an_answer_means() {
        let names = ["a/1.jpg", "a/b/2.JPG", "a/b/notes.txt", "java.avi", "y"];
        for (answer, expected) in [
            ("y", &[1, 2, 3, 4, 5][..]),
            ("YES", &[1, 2, 3, 4, 5]),
            ("2", &[2]),
            ("1,3-4", &[1, 3, 4]),
            ("1 , 5", &[1, 5]),
            ("4-", &[4, 5]),
            ("9", &[]),
            ("5-1", &[]),
            ("*.jpg", &[1, 2]),
            ("a/b", &[2, 3]),
            ("a/b/", &[2, 3]),
            ("notes.txt", &[3]),
            // The folder `a` too, with all that is in it.
            ("?", &[1, 2, 3, 5]),
            ("[j]*", &[4]),
            ("b", &[]),
        ] {
            assert_eq!(taken(answer, &names), expected, "{answer}");
        }
    }

    #[test]
    fn what_is_no_answer() {
        for answer in ["-", "1--2", "-3", "99999999999999999999999", "[a", "***"] {
            assert!(Which::parse(answer, answer).is_err(), "{answer}");
        }
    }
}
