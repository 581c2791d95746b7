//! The files of a list that an answer selects: all, by number, or by name.

use globset::{GlobBuilder, GlobMatcher};
use xcher_core::FileName;

pub(crate) enum Selection {
    All,
    Numbers(Vec<(u64, u64)>),
    Named(GlobMatcher),
}

impl Selection {
    /// Parses yes; numbers and ranges of `count` files; or a pattern. `word` is `line` in lower case.
    ///
    /// # Errors
    ///
    /// A line for the user.
    pub(crate) fn parse(word: &str, line: &str, count: u64) -> Result<Self, String> {
        if is_yes(word) {
            return Ok(Self::All);
        }
        if line.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '-' | ' ')) {
            let ranges = line.split([',', ' ']).filter(|range| !range.is_empty());
            return ranges
                .map(|range| numbers(range, count))
                .collect::<Result<_, _>>()
                .map(Self::Numbers);
        }
        // Typed in answer to a list, so that case and folders matter less than on the command line.
        let mut glob = GlobBuilder::new(line.trim_end_matches('/'));
        glob.case_insensitive(true).literal_separator(false);
        glob.build()
            .map(|glob| Self::Named(glob.compile_matcher()))
            .map_err(|error| format!("not a pattern ({error}); answer y, 1,3-5 or *.jpg"))
    }

    /// Returns true if a file is selected. A pattern matches a whole name, its last part, or a folder that
    /// contains it.
    pub(crate) fn includes(&self, number: u64, name: &FileName) -> bool {
        match self {
            Self::All => true,
            Self::Numbers(ranges) => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&number))
            }
            Self::Named(pattern) => {
                let matches = |text: &str| pattern.is_match(text);
                let (whole, last) = (name.as_str(), name.last_part());
                let folders = whole.match_indices('/').map(|(at, _)| &whole[..at]);
                [whole, last].into_iter().chain(folders).any(matches)
            }
        }
    }
}

pub(crate) fn is_yes(word: &str) -> bool {
    matches!(word, "y" | "yes")
}

/// Returns true if a file is `folder` or inside it.
pub(crate) fn is_in(name: &FileName, folder: &str) -> bool {
    is_inside(name.as_str(), folder)
}

/// Returns true if `name` is `folder` or inside it.
pub(crate) fn is_inside(name: &str, folder: &str) -> bool {
    let rest = name.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Parses `3`, `3-5`, or `3-` for all from there, each among `count` files.
fn numbers(text: &str, count: u64) -> Result<(u64, u64), String> {
    let parse = |number: &str| number.parse::<u64>().ok();
    let range = match text.split_once('-') {
        None => parse(text).map(|number| (number, number)),
        Some((from, "")) => parse(from).map(|from| (from, count.max(from))),
        Some((from, to)) => parse(from).zip(parse(to)),
    };
    let (from, to) =
        range.ok_or_else(|| format!("not a number or range: {text}; answer 3, 3-5 or 3-"))?;
    match [from, to].into_iter().find(|number| !(1..=count).contains(number)) {
        None => Ok((from, to)),
        Some(number) if count == 1 => Err(format!("there is no file {number}; the only one is 1")),
        Some(number) => Err(format!("there is no file {number}; choose from 1 to {count}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(answer: &str, count: usize) -> Result<Selection, String> {
        Selection::parse(&answer.to_lowercase(), answer, count as u64)
    }

    fn selected(answer: &str, names: &[&str]) -> Vec<u64> {
        let selection = parse(answer, names.len()).unwrap();
        let numbered = (1..).zip(names.iter().map(|name| FileName::new(name).unwrap()));
        numbered
            .filter(|(number, name)| selection.includes(*number, name))
            .map(|(n, _)| n)
            .collect()
    }

    #[test]
    fn selects_by_yes_number_range_and_pattern() {
        let names = ["a/1.jpg", "a/b/2.JPG", "a/b/notes.txt", "java.avi", "y"];
        for (answer, expected) in [
            ("y", &[1, 2, 3, 4, 5][..]),
            ("YES", &[1, 2, 3, 4, 5]),
            ("2", &[2]),
            ("1,3-4", &[1, 3, 4]),
            ("1 , 5", &[1, 5]),
            ("4-", &[4, 5]),
            ("5-1", &[]),
            ("*.jpg", &[1, 2]),
            ("a/b", &[2, 3]),
            ("a/b/", &[2, 3]),
            ("notes.txt", &[3]),
            // Matches the folder `a` as well, with everything in it.
            ("?", &[1, 2, 3, 5]),
            ("[j]*", &[4]),
            ("b", &[]),
        ] {
            assert_eq!(selected(answer, &names), expected, "{answer}");
        }
    }

    #[test]
    fn rejects_malformed_answers() {
        for answer in ["-", "1--2", "-3", "99999999999999999999999", "[a", "{a"] {
            assert!(parse(answer, 5).is_err(), "{answer}");
        }
    }

    #[test]
    fn names_the_number_that_no_file_has() {
        for (answer, count, why) in [
            ("1,9", 2, "there is no file 9; choose from 1 to 2"),
            ("0", 2, "there is no file 0; choose from 1 to 2"),
            ("2-4", 3, "there is no file 4; choose from 1 to 3"),
            ("7-", 3, "there is no file 7; choose from 1 to 3"),
            ("2", 1, "there is no file 2; the only one is 1"),
        ] {
            assert_eq!(parse(answer, count).err().as_deref(), Some(why), "{answer}");
        }
    }
}
