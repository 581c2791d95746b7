//! The definition of the command line, with candidates for the values that only this program knows.

use std::ffi::OsStr;
use std::sync::Arc;

use clap::{Arg, Command, ValueHint};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use xcher_core::code::Code;

use super::code_words;
use super::command_line::CommandLine;
use super::online;
use super::reply::FILES;
use super::typed::Typed;
use crate::cli::commands::join_words;
use crate::cli::options;

/// Returns the command line's definition for the words before the one at the cursor.
pub(super) fn with_completers(typed: &Typed) -> Command {
    let before = Arc::new(typed.before.clone());
    let of = |complete: fn(&[String], &str) -> Vec<String>| {
        let before = Arc::clone(&before);
        ArgValueCompleter::new(move |current: &OsStr| {
            let found = current.to_str().map(|current| complete(&before, current));
            found.into_iter().flatten().map(CompletionCandidate::new).collect()
        })
    };
    let command = leave_paths_to_the_shell(options::command());
    let set = |command: Command, name: &'static str, arg: &'static str, completer| {
        command.mut_subcommand(name, |sub| {
            sub.mut_arg(arg, |arg| arg.add::<ArgValueCompleter>(completer))
        })
    };
    // Changed in order, because a changed argument becomes the last one.
    let command = set(command, "ls", "peer", of(nicks));
    let command = set(command, "ls", "names", of(names_to_list));
    let command = set(command, "check", "peer", of(nicks));
    let command = set(command, "check", "name", of(names_to_check));
    let command = set(command, "send", "to", of(nicks));
    let command = set(command, "get", "peer", of(codes_and_nicks));
    set(command, "get", "names", of(names_to_get))
}

/// Lets the shell complete paths: it knows `~` and variables.
fn leave_paths_to_the_shell(command: Command) -> Command {
    let files = |_: &OsStr| vec![CompletionCandidate::new("").id(Some(FILES.to_owned()))];
    let edit = move |arg: Arg| match arg.get_value_hint() {
        ValueHint::AnyPath => arg.add(ArgValueCompleter::new(files)),
        _ => arg,
    };
    command.mut_args(edit).mut_subcommands(leave_paths_to_the_shell)
}

fn nicks(before: &[String], current: &str) -> Vec<String> {
    let nicks = CommandLine::read(before).map(|line| online::nicks(line.common()));
    nicks.into_iter().flatten().filter(|nick| nick.starts_with(current)).collect()
}

fn codes_and_nicks(before: &[String], current: &str) -> Vec<String> {
    match code_words::continued(current) {
        words if words.is_empty() => nicks(before, current),
        words => words,
    }
}

fn names_to_check(before: &[String], current: &str) -> Vec<String> {
    names_of("check", before, current)
}

fn names_to_list(before: &[String], current: &str) -> Vec<String> {
    names_of("ls", before, current)
}

fn names_of(command: &str, before: &[String], current: &str) -> Vec<String> {
    let line = CommandLine::read(before);
    let peer = line.as_ref().and_then(|line| line.peer_of(command));
    peer.map(|peer| online::names(&peer, current)).unwrap_or_default()
}

fn names_to_get(before: &[String], current: &str) -> Vec<String> {
    let Some(line) = CommandLine::read(before) else { return Vec::new() };
    let Some((first, names)) = line.get() else { return Vec::new() };
    let (code, files) = join_words(first, &names);
    match Code::missing_words(&code) {
        Some(1..) if files.is_empty() => {
            let words = code_words::continued(&format!("{code} {current}"));
            let word =
                |text: &String| Some(text.get(code.len() + 1..)?.trim_end_matches('-').to_owned());
            words.iter().filter_map(word).collect()
        }
        Some(_) => Vec::new(),
        // A code is not called: a call that is not complete counts as an attempt.
        None if Code::looks_like(&code) => Vec::new(),
        None => line.peer(first).map(|peer| online::names(&peer, current)).unwrap_or_default(),
    }
}
