//! Completion at a shell's prompt. A script (`scripts`) calls this program with the words typed so far, and this
//! program answers with candidates: commands and options, words of codes, nicks that are online, and the names of
//! a peer's files.
//!
//! Completion prints no errors, asks nothing and leaves nothing behind: no key is created and none is pinned.

mod code_words;
mod command_line;
mod definition;
mod online;
mod quote;
mod reply;
mod scripts;
mod typed;

use std::ffi::OsString;
use std::io::{self, Write as _};

use clap_complete::engine;

pub(super) use scripts::script;
use typed::Typed;

/// The first argument by which the scripts call this program.
const CALL: &str = "__complete";

/// Answers a completion script, if one calls. The script ignores everything but a complete answer.
pub(super) fn answer() -> bool {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_none_or(|first| first != CALL) {
        return false;
    }
    let words: Option<Vec<_>> = args.map(|word| word.into_string().ok()).collect();
    if let Some(reply) = words.and_then(|words| candidates(&words)) {
        let _ = io::stdout().lock().write_all(reply.as_bytes());
    }
    true
}

fn candidates(args: &[String]) -> Option<String> {
    let (shell, args) = args.split_first()?;
    let typed = Typed::at(shell, args)?;
    let words: Vec<OsString> = typed.words().map(OsString::from).collect();
    let last = words.len().checked_sub(1)?;
    let mut command = definition::with_completers(&typed);
    let candidates = engine::complete(&mut command, words, last, None).ok()?;
    Some(reply::encode(&typed, &candidates))
}
