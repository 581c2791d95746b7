//! The text that `xcher send --text` sends.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;

use xcher_core::text::{MAX_TEXT_LEN, parse_text};

use super::exit::CliError;
use super::open_shares::is_stdin;

/// Returns the text of the option; for `-`, that of standard input.
///
/// # Errors
///
/// A usage error if it cannot be read or sent.
pub(crate) fn read(option: &str, paths: &[PathBuf]) -> Result<String, CliError> {
    if option != "-" {
        return checked(option.as_bytes());
    }
    if paths.iter().any(|path| is_stdin(path)) {
        return Err(CliError::usage(
            "standard input cannot be both the text (--text -) and a file (-); leave one out",
        ));
    }
    if io::stdin().is_terminal() {
        let end = if cfg!(windows) { "Ctrl-Z and Enter" } else { "Ctrl-D" };
        let _ =
            writeln!(io::stderr(), "Type the text, and end it with {end} on a line of its own:");
    }
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(MAX_TEXT_LEN + 1).read_to_end(&mut bytes);
    read.map_err(|error| CliError::usage(format!("cannot read standard input: {error}")))?;
    checked(&bytes)
}

fn checked(bytes: &[u8]) -> Result<String, CliError> {
    let text = parse_text(bytes).map_err(|error| CliError::usage(error.to_string()))?;
    Ok(text.to_owned())
}
