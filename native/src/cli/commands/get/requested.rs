//! The files that the command line asks for.

use xcher_core::{FileName, Quoted};

use crate::cli::callee::Callee;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::outgoing_session::OutgoingSession;
use crate::cli::ui::selection::is_in;
use crate::cli::ui::shell_word::shell_word;
use crate::cli::ui::skipped::WhySkipped;

pub(super) enum Requested {
    /// Every file; `invalid` is set once an entry of the listing was invalid.
    All {
        invalid: bool,
    },
    Named(Vec<Named>),
}

pub(super) struct Named {
    name: FileName,
    found: bool,
}

impl Requested {
    pub(super) fn parse(all: bool, names: &[String], callee: &Callee) -> Result<Self, CliError> {
        if all && !names.is_empty() {
            return Err(CliError::usage("names of files and --all contradict each other; use one"));
        }
        let by_code = matches!(callee, Callee::Code(_));
        if all || by_code && names.is_empty() {
            return Ok(Self::All { invalid: false });
        }
        if names.is_empty() {
            return Err(CliError::usage(
                "name the files to fetch (`xcher ls` lists them), or fetch everything with --all",
            ));
        }
        let parse = |text: &String| {
            // Folders are often typed, or completed, with a trailing slash.
            let name = FileName::new(text.trim_end_matches('/'));
            name.map(|name| Named { name, found: false })
                .map_err(|error| CliError::usage(error.to_string()))
        };
        names.iter().map(parse).collect::<Result<_, _>>().map(Self::Named)
    }

    /// Returns true if a listed file is requested, by its name or with a folder that contains it.
    pub(super) fn includes(&mut self, name: &FileName) -> bool {
        let Self::Named(named) = self else { return true };
        let mut includes = false;
        for requested in named {
            if is_in(name, requested.name.as_str()) {
                requested.found = true;
                includes = true;
            }
        }
        includes
    }

    /// Records an invalid entry of the listing.
    pub(super) fn found_invalid(&mut self) {
        if let Self::All { invalid } = self {
            *invalid = true;
        }
    }

    /// Prints the names that are not in the listing.
    pub(super) fn report_missing(&self, call: &OutgoingSession<'_>, callee: &Callee) {
        let Self::Named(named) = self else { return };
        for missing in named.iter().filter(|named| !named.found) {
            let name = Quoted(missing.name.as_str());
            let output = &call.online.output;
            output.error(format_args!(
                "{callee} does not share {name}; list what it shares with `xcher ls {}{}`",
                shell_word(callee.nick().as_str()),
                call.relay_option()
            ));
            output.skip(call.session, missing.name.as_str(), None, &WhySkipped::NotShared);
        }
    }

    /// Returns the exit code for what is wrong with the listing itself.
    pub(super) fn error(&self) -> Option<ExitCode> {
        match self {
            Self::All { invalid } => invalid.then_some(ExitCode::Policy),
            Self::Named(named) => {
                named.iter().any(|named| !named.found).then_some(ExitCode::Incomplete)
            }
        }
    }
}
