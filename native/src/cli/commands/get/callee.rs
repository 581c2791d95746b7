//! The peer to fetch from: a nick, a code, or a link to either; given, typed or piped in.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use xcher_core::Nick;
use xcher_core::code::Code;
use xcher_core::pasted::unwrapped;

use crate::cli::callee::Callee;
use crate::cli::exit::CliError;
use crate::cli::link::Link;
use crate::cli::options::{Common, GetArgs};
use crate::relay_address::RelayAddress;

/// What a command line of `xcher get` names.
pub(super) struct Source<'a> {
    pub(super) callee: Callee,
    /// The relay of a link.
    pub(super) relay: Option<RelayAddress>,
    /// The files.
    pub(super) names: &'a [String],
}

pub(super) fn read<'a>(common: &Common, args: &'a GetArgs) -> Result<Source<'a>, CliError> {
    let (text, names) = match args.peer.as_deref() {
        Some("-") | None => (read_line(args.peer.is_none())?, args.names.as_slice()),
        Some(first) => join_words(first, &args.names),
    };
    let is_typed = matches!(args.peer.as_deref(), Some("-") | None);
    let (target, relay) = match Link::looks_like(&text) {
        true => {
            let link: Link = text.parse().map_err(CliError::usage)?;
            (link.target, Some(link.relay))
        }
        false => (text, None),
    };
    let callee = if is_code(&target) || is_typed && relay.is_none() {
        Callee::Code(code(common, &target)?)
    } else {
        let nick = Nick::parse(&target).map_err(|error| CliError::usage(error.to_string()))?;
        Callee::Nick(nick)
    };
    Ok(Source { callee, relay, names })
}

/// Returns true for a code, valid or not. Digits alone are the number of one.
fn is_code(text: &str) -> bool {
    Code::looks_like(unwrapped(text)) || Code::missing_words(text).is_some()
}

fn code(common: &Common, text: &str) -> Result<Code, CliError> {
    let code = Code::parse(unwrapped(text)).map_err(|error| {
        let suggestion = error.suggestion().map(|word| format!(": did you mean \"{word}\"?"));
        CliError::usage(format!("{error}{}", suggestion.unwrap_or_default()))
    })?;
    if common.plain {
        return Err(CliError::usage("a code needs an encrypted session; leave out --plain"));
    }
    Ok(code)
}

/// Returns the code with the words that were typed as arguments of their own, and the names that follow:
/// `get 4821 crossover clockwork universe NAME`.
pub(crate) fn join_words<'a>(first: &str, names: &'a [String]) -> (String, &'a [String]) {
    let (mut text, mut names) = (first.to_owned(), names);
    while let (Some(1..), [word, rest @ ..]) = (Code::missing_words(unwrapped(&text)), names) {
        let longer = format!("{} {}", unwrapped(&text), unwrapped(word));
        if Code::missing_words(&longer).is_none() {
            break;
        }
        (text, names) = (longer, rest);
    }
    (text, names)
}

/// Reads a code or a link from standard input, so that it appears in no list of processes.
fn read_line(needs_terminal: bool) -> Result<String, CliError> {
    if io::stdin().is_terminal() {
        let _ = io::stderr().write_all(b"Code, such as 4821-crossover-clockwork-universe: ");
    } else if needs_terminal {
        return Err(CliError::usage(
            "name a nick, a code or a link, or - to read a code or a link from standard input",
        ));
    }
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| CliError::usage(format!("cannot read a code: {error}")))?;
    Ok(line)
}
