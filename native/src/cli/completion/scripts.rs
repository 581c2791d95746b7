//! The scripts that let a shell ask this program.

use clap_complete::Shell;

use crate::cli::options;
use crate::cli::ui::share_link::program;

/// Returns the script for a shell. Others than bash, zsh and fish complete commands and options only.
pub(crate) fn script(shell: Shell) -> Vec<u8> {
    let script = match shell {
        Shell::Bash => include_str!("xcher.bash"),
        Shell::Zsh => include_str!("xcher.zsh"),
        Shell::Fish => include_str!("xcher.fish"),
        _ => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut options::command(), "xcher", &mut script);
            return script;
        }
    };
    script.replace("PROGRAM", &program()).into_bytes()
}
