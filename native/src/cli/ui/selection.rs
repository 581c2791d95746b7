//! Which files of a list an answer selects.

use glob::{MatchOptions, Pattern};
use xcher_core::FileName;

use super::consent::is_yes;

/// Whether a file is `folder`, or in it.
pub(crate) fn is_in(name: &FileName, folder: &str) -> bool {
    let rest = name.as_str().strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Which files an answer means.
pub(crate) enum Selection {
    All,
    Numbers(Vec<(u64, u64)>),
    Named(Pattern),
}

impl Selection {
    /// Reads yes, or numbers and ranges of them, or a pattern.
    pub(crate) fn parse(word: &str, line: &str) -> Result<Self, String> {
        if is_yes(word) {
            return Ok(Self::All);
        }
        if line.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '-' | ' ')) {
            let ranges = line.split([',', ' ']).filter(|range| !range.is_empty());
            let ranges = ranges.map(|range| {
                parse_range(range).ok_or_else(|| format!("expected 3, 3-5 or 3-, got {range}"))
            });
            return ranges.collect::<Result<_, _>>().map(Self::Numbers);
        }
        let pattern = Pattern::new(line.trim_end_matches('/'));
        pattern.map(Self::Named).map_err(|error| format!("expected a pattern, got {error}"))
    }

    /// A pattern means a file by its whole name, by the last part of it, or by a folder that it is
    /// in.
    pub(crate) fn takes(&self, number: u64, name: &FileName) -> bool {
        match self {
            Self::All => true,
            Self::Numbers(ranges) => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&number))
            }
            Self::Named(pattern) => {
                let options = MatchOptions { case_sensitive: false, ..MatchOptions::new() };
                let is_it = |text: &str| pattern.matches_with(text, options);
                let (whole, last) = (name.as_str(), name.last_part());
                let folders = whole.match_indices('/').map(|(at, _)| &whole[..at]);
                [whole, last].into_iter().chain(folders).any(is_it)
            }
        }
    }
}

/// `3`, `3-5`, or `3-` for all from there.
fn parse_range(text: &str) -> Option<(u64, u64)> {
    match text.split_once('-') {
        None => text.parse().ok().map(|number| (number, number)),
        Some((from, "")) => from.parse().ok().map(|from| (from, u64::MAX)),
        Some((from, to)) => Some((from.parse().ok()?, to.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn taken(answer: &str, names: &[&str]) -> Vec<u64> {
        let which = Selection::parse(&answer.to_lowercase(), answer).unwrap();
        let numbered = (1..).zip(names.iter().map(|name| FileName::new(name).unwrap()));
        numbered.filter(|(number, name)| which.takes(*number, name)).map(|(n, _)| n).collect()
    }

    #[test]
    fn what_an_answer_means() {
        let names = ["a/1.jpg", "a/b/2.JPG", "a/b/notes.txt", "java.avi", "y"];
        for (answer, expected) in [
            ("y", &[1, 2, 3, 4, 5][..]),
            ("YES", &[1, 2, 3, 4, 5]),
            ("2", &[2]),
            ("1,3-4", &[1, 3, 4]),
            ("1 , 5", &[1, 5]),
            ("4-", &[4, 5]),
            ("9", &[]),
            ("5-1", &[]),
            ("*.jpg", &[1, 2]),
            ("a/b", &[2, 3]),
            ("a/b/", &[2, 3]),
            ("notes.txt", &[3]),
            // The folder `a` too, with all that is in it.
            ("?", &[1, 2, 3, 5]),
            ("[j]*", &[4]),
            ("b", &[]),
        ] {
            assert_eq!(taken(answer, &names), expected, "{answer}");
        }
    }

    #[test]
    fn what_is_no_answer() {
        for answer in ["-", "1--2", "-3", "99999999999999999999999", "[a", "***"] {
            assert!(Selection::parse(answer, answer).is_err(), "{answer}");
        }
    }
}
