//! `xcher partial`: incomplete downloads.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use xcher_core::secure::PublicKey;
use xcher_core::{FileName, HumanSize, Quoted};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::{Common, PartialArgs, PartialCommand};
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::cli::ui::selection::is_inside;
use crate::cli::ui::skipped::WhySkipped;
use crate::files::{IncompleteDownload, IncompleteDownloads};

pub(crate) fn run(common: &Common, args: &PartialArgs) -> Result<(), CliError> {
    let folder = &args.output;
    let failed = |error: io::Error| CliError::local(format!("cannot read {folder:?}: {error}"));
    let unfinished = IncompleteDownloads::open(folder).map_err(failed)?;
    let found = unfinished.list().map_err(failed)?;
    let output = Output::new(common);
    match &args.command {
        None | Some(PartialCommand::List) => list(&output, &found),
        Some(PartialCommand::Clear { names }) => clear(&output, folder, &unfinished, &found, names),
    }
}

fn list(output: &Output, found: &[IncompleteDownload]) -> Result<(), CliError> {
    let now = SystemTime::now();
    for file in found {
        // After the clock was set back, files can seem to come from the future.
        let age = now.duration_since(file.changed).unwrap_or_default();
        let size = file.size.map_or_else(|| "-".to_owned(), |size| size.to_string());
        let from = file.from.as_ref().map_or_else(|| "-".to_owned(), short_key);
        let state = if file.in_use { "in use".to_owned() } else { human_age(age) };
        let (bytes, name) = (file.bytes, safe_name(&file.name));
        let line = format_args!("{bytes}\t{size}\t{from}\t{state}\t{name}");
        output.result(line).map_err(CliError::unwritten)?;
        let event = JsonEvent::Partial {
            name: &file.name,
            bytes,
            size: file.size,
            from: file.from.as_ref().map(PublicKey::to_string),
            age_seconds: age.as_secs(),
            in_use: file.in_use,
            path: file.path.display().to_string(),
        };
        output.json(&event).map_err(CliError::unwritten)?;
    }
    Ok(())
}

fn clear(
    output: &Output,
    folder: &Path,
    unfinished: &IncompleteDownloads,
    found: &[IncompleteDownload],
    names: &[String],
) -> Result<(), CliError> {
    let mut complete = true;
    for name in names {
        if !found.iter().any(|file| is_named(file, name)) {
            let name_shown = Quoted(name);
            output.error(format_args!("no incomplete download {name_shown} in {folder:?}"));
            output.skip_here(name, None, &WhySkipped::Unknown);
            complete = false;
        }
    }
    let (mut files, mut bytes) = (0, 0);
    for file in found {
        if !names.is_empty() && !names.iter().any(|name| is_named(file, name)) {
            continue;
        }
        let name = safe_name(&file.name);
        let path = file.path.display().to_string();
        match unfinished.remove(file) {
            Ok(true) => {
                (files, bytes) = (files + 1, bytes + file.bytes);
                // A closed standard output does not stop the removal.
                output.remember(output.result(format_args!("{}\t{name}", file.bytes)));
                let event = JsonEvent::Cleared { name: &file.name, bytes: file.bytes, path };
                output.remember(output.json(&event));
            }
            Ok(false) => {
                output.note(format_args!("{name} is in use and stays"));
                output.skip_here(&file.name, Some(path), &WhySkipped::InUse);
                // Without names, only those that can be removed are meant.
                complete &= names.is_empty();
            }
            // Another process has removed or stored it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                output.error(format_args!("cannot remove {:?}: {error}", file.path));
                output.skip_here(&file.name, Some(path), &WhySkipped::Unremovable(error));
                complete = false;
            }
        }
    }
    unfinished.sweep();
    let downloads = if files == 1 { "download" } else { "downloads" };
    output.note(format_args!("freed {}: {files} incomplete {downloads}", HumanSize(bytes)));
    output.remember(output.json(&JsonEvent::Freed { files, bytes }));
    if complete { output.written() } else { Err(CliError::reported(ExitCode::Incomplete)) }
}

/// Returns true if a file is named, by itself or with a folder that contains it.
fn is_named(file: &IncompleteDownload, name: &str) -> bool {
    is_inside(&file.name, name.trim_end_matches('/'))
}

/// Returns the name, escaped unless a peer could have given it.
fn safe_name(name: &str) -> String {
    match FileName::parse(name) {
        Ok(name) => name.into_str().to_owned(),
        Err(_) => Quoted(name).to_string(),
    }
}

/// Returns enough of a key to tell a few of them apart.
fn short_key(key: &PublicKey) -> String {
    let mut text = key.to_string();
    text.truncate(8);
    text
}

/// Shows an age in the largest unit that fits.
fn human_age(age: Duration) -> String {
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
    fn shows_an_age_in_its_largest_unit() {
        let shown = |seconds| human_age(Duration::from_secs(seconds));
        let ages = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 7 * 86_400];
        let expected = ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "7 d"];
        assert_eq!(ages.map(shown), expected);
    }
}
