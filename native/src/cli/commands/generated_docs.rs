//! `xcher completions` and `xcher man`: generated from the options.

use std::io::{self, Write as _};
use std::path::Path;

use clap_complete::Shell;

use crate::cli::completion;
use crate::cli::exit::CliError;
use crate::cli::options;

/// Prints a completion script.
pub(super) fn completions(shell: Shell) -> Result<(), CliError> {
    print(&completion::script(shell))
}

/// Prints the manual page, or writes one for each command into `folder`.
pub(super) fn man(folder: Option<&Path>) -> Result<(), CliError> {
    match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(CliError::local)?;
            clap_mangen::generate_to(options::command(), folder).map_err(CliError::local)
        }
        None => {
            let mut page = Vec::new();
            let manual = clap_mangen::Man::new(options::command());
            manual.render(&mut page).map_err(CliError::local)?;
            print(&page)
        }
    }
}

fn print(text: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        // A pager that was quit early has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(CliError::unwritten),
    }
}
