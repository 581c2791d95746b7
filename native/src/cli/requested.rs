//! The files that the command line asks for.

use xcher_core::{FileName, Quoted};

use crate::cli::callee::Callee;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::listing_spool::{ListingSpool, spool_error};
use crate::cli::name_pattern::NamePattern;
use crate::cli::outgoing_session::OutgoingSession;
use crate::cli::ui::selection::is_in;
use crate::cli::ui::shell_word::shell_word;
use crate::cli::ui::skipped::WhySkipped;

pub(crate) enum Requested {
    /// Every file; `invalid` is set once an entry of the listing was invalid.
    All {
        invalid: bool,
        unreadable: bool,
    },
    Named(Vec<Named>),
}

/// A name or pattern, and what the listing has for it.
pub(crate) struct Named {
    text: String,
    /// The text as a name; `None` if only a pattern can look like that.
    name: Option<FileName>,
    pattern: Option<NamePattern>,
    by_name: Seen,
    by_pattern: Seen,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    found: bool,
    /// Set if the peer cannot read it, or a part of it.
    unreadable: bool,
}

impl Named {
    fn parse(text: &str) -> Result<Self, CliError> {
        // Folders are often typed, or completed, with a trailing slash.
        let text = text.trim_end_matches('/');
        let pattern = NamePattern::parse(text);
        let name = match FileName::new(text) {
            Ok(name) => Some(name),
            Err(_) if pattern.is_some() => None,
            Err(error) => return Err(CliError::usage(error.to_string())),
        };
        let (text, by_name, by_pattern) = (text.to_owned(), Seen::default(), Seen::default());
        Ok(Self { text, name, pattern, by_name, by_pattern })
    }

    fn names(&self, name: &FileName) -> bool {
        self.name.as_ref().is_some_and(|own| is_in(name, own.as_str()))
    }

    fn matches(&self, name: &FileName) -> bool {
        self.pattern.as_ref().is_some_and(|pattern| pattern.selects(name))
    }

    /// Records an entry of the listing. Returns true if it may be requested by this.
    fn see(&mut self, name: &FileName, unreadable: bool) -> bool {
        let (is_named, is_matched) = (self.names(name), self.matches(name));
        self.by_name.add(is_named, unreadable);
        self.by_pattern.add(is_matched, unreadable);
        is_named || is_matched
    }

    /// Returns true if the text is a name: one that exists wins over its reading as a pattern.
    fn is_name(&self) -> bool {
        self.pattern.is_none() || self.by_name.found
    }

    /// Returns what the complete listing has for it.
    fn seen(&self) -> Seen {
        if self.is_name() { self.by_name } else { self.by_pattern }
    }

    /// Returns true if it selects an entry of the complete listing.
    fn selects(&self, name: &FileName) -> bool {
        if self.is_name() { self.names(name) } else { self.matches(name) }
    }
}

impl Seen {
    fn add(&mut self, found: bool, unreadable: bool) {
        self.found |= found;
        self.unreadable |= found && unreadable;
    }
}

impl Requested {
    pub(crate) fn parse(all: bool, names: &[String], callee: &Callee) -> Result<Self, CliError> {
        if all && !names.is_empty() {
            return Err(CliError::usage("names of files and --all contradict each other; use one"));
        }
        let by_code = matches!(callee, Callee::Code(_));
        if all || by_code && names.is_empty() {
            return Ok(Self::All { invalid: false, unreadable: false });
        }
        if names.is_empty() {
            return Err(CliError::usage(
                "name the files to fetch (`xcher ls` lists them), or fetch everything with --all",
            ));
        }
        Self::named(names)
    }

    /// Requests files by names and patterns.
    ///
    /// # Errors
    ///
    /// A usage error if a text is neither a name nor a pattern.
    pub(crate) fn named(texts: &[String]) -> Result<Self, CliError> {
        let named = texts.iter().map(|text| Named::parse(text));
        named.collect::<Result<_, _>>().map(Self::Named)
    }

    /// Returns true if a listed file may be requested: by its name, with a folder that contains it, or by a
    /// pattern. [`narrow`](Self::narrow) decides once the listing is complete.
    pub(crate) fn includes(&mut self, name: &FileName) -> bool {
        match self {
            Self::All { .. } => true,
            Self::Named(named) => see(named, name, false),
        }
    }

    /// Records a file that the peer cannot read.
    pub(crate) fn found_unreadable(&mut self, name: &FileName) {
        match self {
            Self::All { unreadable, .. } => *unreadable = true,
            Self::Named(named) => drop(see(named, name, true)),
        }
    }

    /// Returns true if the peer cannot read a requested file.
    pub(crate) fn has_unreadable(&self) -> bool {
        match self {
            Self::All { unreadable, .. } => *unreadable,
            Self::Named(named) => named.iter().any(|named| named.seen().unreadable),
        }
    }

    /// Returns the included files of a complete listing without those that matched a text that turned out
    /// to be a name.
    pub(crate) fn narrow(&self, spool: ListingSpool) -> Result<ListingSpool, CliError> {
        let Self::Named(named) = self else { return Ok(spool) };
        if !named.iter().any(|named| named.is_name() && named.by_pattern.found) {
            return Ok(spool);
        }
        let mut narrowed = ListingSpool::new().map_err(spool_error)?;
        let mut listing = spool.read().map_err(spool_error)?;
        while let Some((name, size, stat)) = listing.next().map_err(spool_error)? {
            if named.iter().any(|named| named.selects(&name)) {
                narrowed.push(&name, size, stat).map_err(spool_error)?;
            }
        }
        Ok(narrowed)
    }

    /// Records an invalid entry of the listing.
    pub(crate) fn found_invalid(&mut self) {
        if let Self::All { invalid, .. } = self {
            *invalid = true;
        }
    }

    /// Prints the names and patterns that the listing has nothing for.
    pub(crate) fn report_missing(&self, call: &OutgoingSession<'_>, callee: &Callee) {
        let Self::Named(named) = self else { return };
        for missing in named.iter().filter(|named| !named.seen().found) {
            let name = Quoted(&missing.text);
            let what = match missing.pattern {
                Some(_) => format!("{callee} shares nothing that matches {name}"),
                None => format!("{callee} does not share {name}"),
            };
            let output = &call.online.output;
            output.error(format_args!(
                "{what}; list what it shares with `xcher ls {}{}`",
                shell_word(callee.nick().as_str()),
                call.relay_option()
            ));
            output.skip(call.session, &missing.text, None, &WhySkipped::NotShared);
        }
    }

    /// Returns the exit code for what is wrong with the listing itself.
    pub(crate) fn error(&self) -> Option<ExitCode> {
        match self {
            Self::All { invalid, .. } => invalid.then_some(ExitCode::Policy),
            Self::Named(named) => {
                named.iter().any(|named| !named.seen().found).then_some(ExitCode::Incomplete)
            }
        }
    }
}

fn see(named: &mut [Named], name: &FileName, unreadable: bool) -> bool {
    let mut included = false;
    for named in named {
        included |= named.see(name, unreadable);
    }
    included
}
