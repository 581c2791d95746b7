//! What `--exclude` and `--ignore-file` leave out of shared files.

use std::path::Path;
use std::sync::Arc;

use ignore::gitignore::Gitignore;

use crate::cli::exit::CliError;
use crate::cli::filter::{Filter, any_prefix, builder};
use crate::cli::options::ExcludeArgs;
use crate::files::{Case, Exclude, SharedPath};

/// Patterns for names as peers see them, and the rules of files for every shared folder.
#[derive(Debug)]
struct Exclusions {
    patterns: Filter,
    ignored: Gitignore,
    ignored_in_any_case: Gitignore,
}

/// Reads the options; `None` if they exclude nothing.
///
/// # Errors
///
/// A usage error if a pattern is malformed or a file cannot be read.
pub(crate) fn read(args: &ExcludeArgs) -> Result<Option<Arc<dyn Exclude>>, CliError> {
    let mut patterns = Filter::default();
    for pattern in &args.exclude {
        patterns.add(pattern, true)?;
    }
    if patterns.is_empty() && args.ignore_file.is_empty() {
        return Ok(None);
    }
    let ignored = read_files(args, Case::Sensitive)?;
    let ignored_in_any_case = read_files(args, Case::Insensitive)?;
    Ok(Some(Arc::new(Exclusions { patterns, ignored, ignored_in_any_case })))
}

fn read_files(args: &ExcludeArgs, case: Case) -> Result<Gitignore, CliError> {
    let unusable =
        |error: ignore::Error| CliError::usage(format!("cannot use --ignore-file: {error}"));
    let mut rules = builder(case).map_err(unusable)?;
    for file in &args.ignore_file {
        // The error names the file.
        if let Some(error) = rules.add(file) {
            return Err(unusable(error));
        }
    }
    rules.build().map_err(unusable)
}

impl Exclude for Exclusions {
    fn excludes(&self, path: SharedPath<'_>, case: Case) -> bool {
        let SharedPath { share, below, is_folder } = path;
        // Joined to nothing, a path would end in a slash.
        let name = if below == Path::new("") { share.to_owned() } else { share.join(below) };
        let ignored = match case {
            Case::Sensitive => &self.ignored,
            Case::Insensitive => &self.ignored_in_any_case,
        };
        self.patterns.excludes(&name, is_folder, case)
            || any_prefix(below, is_folder, |path, is_folder| {
                ignored.matched(path, is_folder).is_ignore()
            })
    }
}
