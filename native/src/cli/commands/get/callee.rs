//! The peer to fetch from: a nick, or a code that is given, typed or piped in.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use xcher_core::Nick;
use xcher_core::code::Code;

use crate::cli::callee::Callee;
use crate::cli::exit::CliError;
use crate::cli::options::{Common, GetArgs};

pub(super) fn read(common: &Common, args: &GetArgs) -> Result<Callee, CliError> {
    let typed;
    let text = match args.peer.as_deref() {
        Some("-") | None => {
            typed = read_code(args.peer.is_none())?;
            &typed
        }
        Some(text) if Code::looks_like(text) => text,
        Some(text) => {
            let nick = Nick::parse(text).map_err(|error| CliError::usage(error.to_string()))?;
            return Ok(Callee::Nick(nick));
        }
    };
    let code = Code::parse(text).map_err(|error| {
        let suggestion = error.suggestion().map(|word| format!(": did you mean \"{word}\"?"));
        CliError::usage(format!("{error}{}", suggestion.unwrap_or_default()))
    })?;
    if common.plain {
        return Err(CliError::usage("a code needs an encrypted session; leave out --plain"));
    }
    Ok(Callee::Code(code))
}

/// Reads a code from standard input, so that it appears in no list of processes.
fn read_code(needs_terminal: bool) -> Result<String, CliError> {
    if io::stdin().is_terminal() {
        let _ = io::stderr().write_all(b"Code, such as 4821-crossover-clockwork-universe: ");
    } else if needs_terminal {
        return Err(CliError::usage(
            "name a nick or a code, or - to read a code from standard input",
        ));
    }
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| CliError::usage(format!("cannot read a code: {error}")))?;
    Ok(line)
}
