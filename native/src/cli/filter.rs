//! Patterns that exclude and include names, in the syntax of .gitignore.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::cli::exit::CliError;
use crate::files::Case;

/// Patterns in order: the first that matches decides, for a folder and then for what is in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    excludes: bool,
    pattern: Gitignore,
    any_case: Gitignore,
}

impl Filter {
    /// Adds a pattern after the others.
    ///
    /// # Errors
    ///
    /// A usage error if it is malformed.
    pub(crate) fn add(&mut self, pattern: &str, excludes: bool) -> Result<(), CliError> {
        // A list from the environment or a file may have empty lines.
        if pattern.trim().is_empty() {
            return Ok(());
        }
        if pattern.starts_with('!') {
            return Err(CliError::usage(format!(
                "a pattern does not begin with !: {pattern}; write \\! for a name that does, or exclude less"
            )));
        }
        // In .gitignore it would begin a comment.
        let line = match pattern.strip_prefix('#') {
            Some(rest) => format!("\\#{rest}"),
            None => pattern.to_owned(),
        };
        let build = |case| {
            let mut builder = builder(case)?;
            builder.add_line(None, &line).and_then(|builder| builder.build())
        };
        let built = build(Case::Sensitive).and_then(|it| Ok((it, build(Case::Insensitive)?)));
        let (pattern, any_case) =
            built.map_err(|error| CliError::usage(format!("not a pattern: {pattern}: {error}")))?;
        self.0.push(Rule { excludes, pattern, any_case });
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if a file or folder is excluded, by itself or with a folder that contains it.
    pub(crate) fn excludes(&self, path: &Path, is_folder: bool, case: Case) -> bool {
        if self.is_empty() {
            return false;
        }
        any_prefix(path, is_folder, |path, is_folder| {
            let deciding = self.0.iter().find(|rule| {
                let pattern = match case {
                    Case::Sensitive => &rule.pattern,
                    Case::Insensitive => &rule.any_case,
                };
                pattern.matched(path, is_folder).is_ignore()
            });
            deciding.is_some_and(|rule| rule.excludes)
        })
    }
}

/// Returns an empty set of rules.
pub(super) fn builder(case: Case) -> Result<GitignoreBuilder, ignore::Error> {
    let mut builder = GitignoreBuilder::new("");
    builder.case_insensitive(case == Case::Insensitive)?;
    Ok(builder)
}

/// Returns true if `is_match` holds for the path or a folder that contains it, from the outermost on.
pub(super) fn any_prefix(
    path: &Path,
    is_folder: bool,
    mut is_match: impl FnMut(&Path, bool) -> bool,
) -> bool {
    let mut prefixes: Vec<_> = path.ancestors().filter(|it| !it.as_os_str().is_empty()).collect();
    prefixes.reverse();
    let last = prefixes.len();
    prefixes.into_iter().zip(1..).any(|(prefix, at)| is_match(prefix, at < last || is_folder))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn filter(rules: &[&str]) -> Filter {
        let mut filter = Filter::default();
        for rule in rules {
            filter.add(&rule[1..], rule.starts_with('-')).unwrap();
        }
        filter
    }

    #[test]
    fn the_first_pattern_that_matches_decides() {
        for (rules, excluded, kept) in [
            (&["-*.tmp"][..], &["a.tmp", "s/a.tmp", "s/b.tmp/c"][..], &["a.tmpx", "A.TMP"][..]),
            (&["-raw"], &["raw", "s/raw", "s/raw/x"], &["s/draw", "s/raw.txt"]),
            (&["-/s/raw"], &["s/raw/x"], &["raw/x", "t/s/raw"]),
            (&["-s/*.c"], &["s/a.c"], &["s/b/a.c", "t/s/a.c"]),
            (&["-s/**/*.c"], &["s/a.c", "s/b/a.c"], &["a.c"]),
            (&["-raw/"], &["raw/x"], &["raw"]),
            (&["+keep.tmp", "-*.tmp"], &["s/a.tmp"], &["s/keep.tmp"]),
            (&["-*.tmp", "+keep.tmp"], &["s/a.tmp", "s/keep.tmp"], &[]),
            // A folder comes before what is in it.
            (&["+keep", "-raw"], &["raw/keep"], &["keep", "keep/x"]),
            (&["+*/", "+*.jpg", "-*"], &["a.txt", "s/b.txt"], &["s/a.jpg", "s/t/u.jpg"]),
            (&["-#a", "-\\!b"], &["#a", "!b"], &["a", "b"]),
            (&["-", "- "], &[], &["a"]),
        ] {
            let filter = filter(rules);
            let excludes = |name: &str| filter.excludes(name.as_ref(), false, Case::Sensitive);
            assert!(excluded.iter().all(|name| excludes(name)), "{rules:?} {excluded:?}");
            assert!(!kept.iter().any(|name| excludes(name)), "{rules:?} {kept:?}");
        }
        let filter = filter(&["-raw/"]);
        assert!(filter.excludes("raw".as_ref(), true, Case::Sensitive));
        assert!(!filter.excludes("RAW".as_ref(), true, Case::Sensitive));
        assert!(filter.excludes("RAW".as_ref(), true, Case::Insensitive));
    }

    #[test]
    fn malformed_patterns_are_rejected() {
        for pattern in ["!a", "[z-a]", "{a"] {
            assert!(Filter::default().add(pattern, true).is_err(), "{pattern}");
        }
    }
}
