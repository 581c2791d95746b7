//! `xcher partial`: what did not arrive whole.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use xcher_core::secure::PublicKey;
use xcher_core::{FileName, Quoted};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::{Common, PartialArgs, PartialCommand};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::cli::ui::skip_reason::SkipReason;
use crate::files::{Leftover, Unfinished};

pub(crate) fn run(common: &Common, args: &PartialArgs) -> Result<(), CliError> {
    let folder = &args.output;
    let failed =
        |error: io::Error| CliError::local(format!("cannot look into {folder:?}: {error}"));
    let unfinished = Unfinished::open(folder).map_err(failed)?;
    let found = unfinished.list().map_err(failed)?;
    let output = Output::new(common);
    match &args.command {
        None | Some(PartialCommand::List) => list(&output, &found),
        Some(PartialCommand::Clear { names }) => clear(&output, folder, &unfinished, &found, names),
    }
}

fn list(output: &Output, found: &[Leftover]) -> Result<(), CliError> {
    let now = SystemTime::now();
    for file in found {
        // A clock that was set back makes nothing younger than now.
        let age = now.duration_since(file.changed).unwrap_or_default();
        let size = file.size.map_or_else(|| "-".to_owned(), |size| size.to_string());
        let from = file.from.as_ref().map_or_else(|| "-".to_owned(), short);
        let state = if file.in_use { "in use".to_owned() } else { shown_age(age) };
        let (bytes, name) = (file.bytes, shown(&file.name));
        let line = format_args!("{bytes}\t{size}\t{from}\t{state}\t{name}");
        output.result(line).map_err(CliError::unwritten)?;
        let line = JsonEvent::Partial {
            name: &file.name,
            bytes,
            size: file.size,
            from: file.from.as_ref().map(PublicKey::to_string),
            age_seconds: age.as_secs(),
            in_use: file.in_use,
            path: file.path.display().to_string(),
        };
        output.json(&line).map_err(CliError::unwritten)?;
    }
    Ok(())
}

fn clear(
    output: &Output,
    folder: &Path,
    unfinished: &Unfinished,
    found: &[Leftover],
    names: &[String],
) -> Result<(), CliError> {
    let mut complete = true;
    for name in names {
        if !found.iter().any(|file| is_of(file, name)) {
            output.error(format_args!("no unfinished file {} in {folder:?}", Quoted(name)));
            output.skip_here(name, None, &SkipReason::Unknown);
            complete = false;
        }
    }
    let (mut files, mut bytes) = (0, 0);
    for file in found {
        if !names.is_empty() && !names.iter().any(|name| is_of(file, name)) {
            continue;
        }
        let name = shown(&file.name);
        let path = file.path.display().to_string();
        match unfinished.remove(file) {
            Ok(true) => {
                (files, bytes) = (files + 1, bytes + file.bytes);
                // They are removed for their own sake.
                output.remember(output.result(format_args!("{}\t{name}", file.bytes)));
                let line = JsonEvent::Cleared { name: &file.name, bytes: file.bytes, path };
                output.remember(output.json(&line));
            }
            Ok(false) => {
                output.note(format_args!("{name} is in use and stays"));
                output.skip_here(&file.name, Some(path), &SkipReason::InUse);
                // Who asked for all asked for those that can go.
                complete &= names.is_empty();
            }
            // Another process has removed or stored it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                output.error(format_args!("cannot remove {:?}: {error}", file.path));
                output.skip_here(&file.name, Some(path), &SkipReason::Unremovable(error));
                complete = false;
            }
        }
    }
    unfinished.sweep();
    output.note(format_args!("freed {bytes} bytes of {files} unfinished files"));
    output.remember(output.json(&JsonEvent::Freed { files, bytes }));
    if complete { output.written() } else { Err(CliError::told(ExitCode::Incomplete)) }
}

/// Whether it is asked for, by itself or with a folder it is in.
fn is_of(file: &Leftover, name: &str) -> bool {
    let rest = file.name.strip_prefix(name.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A name as it is, or escaped where it is none that a peer could have given.
fn shown(name: &str) -> String {
    match FileName::parse(name) {
        Ok(name) => name.into_str().to_owned(),
        Err(_) => Quoted(name).to_string(),
    }
}

/// Enough of a key to tell a few of them apart.
fn short(key: &PublicKey) -> String {
    let mut text = key.to_string();
    text.truncate(8);
    text
}

/// In the largest unit that there is a whole one of.
fn shown_age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let told = |seconds| shown_age(Duration::from_secs(seconds));
        let ages = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 7 * 86_400];
        let expected = ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "7 d"];
        assert_eq!(ages.map(told), expected);
    }
}
