//! Patterns that select names of a listing, as a shell would expand them in the peer's folders.

use globset::{GlobBuilder, GlobMatcher};
use xcher_core::FileName;

/// The characters that make a name a pattern.
const SPECIAL: [char; 4] = ['*', '?', '[', '{'];

/// A pattern: case-sensitive, `*` and `?` stay within a folder, `**` does not.
#[derive(Debug)]
pub(crate) struct NamePattern {
    glob: GlobMatcher,
    /// Set if it may select hidden names at the top level, which a peer could otherwise slip in.
    selects_hidden: bool,
}

impl NamePattern {
    /// Parses a pattern; `None` for a text without special characters, or with misplaced ones: that is a name
    /// and nothing else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if !text.contains(SPECIAL) {
            return None;
        }
        let mut glob = GlobBuilder::new(text);
        // A peer's names are the same on every platform.
        glob.literal_separator(true).backslash_escape(true);
        let glob = glob.build().ok()?.compile_matcher();
        Some(Self { glob, selects_hidden: text.starts_with('.') })
    }

    /// Returns true if it matches a name, or a folder that contains it.
    pub(crate) fn selects(&self, name: &FileName) -> bool {
        let name = name.as_str();
        if name.starts_with('.') && !self.selects_hidden {
            return false;
        }
        let folders = name.match_indices('/').map(|(at, _)| &name[..at]);
        folders.chain([name]).any(|name| self.glob.is_match(name))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn selected<'a>(pattern: &str, names: &[&'a str]) -> Vec<&'a str> {
        let pattern = NamePattern::parse(pattern).unwrap();
        let selects = |name: &&&str| pattern.selects(&FileName::new(name).unwrap());
        names.iter().filter(selects).copied().collect()
    }

    #[test]
    fn stars_stay_within_a_folder_and_double_stars_do_not() {
        let names = ["a.jpg", "p/a.jpg", "p/b.JPG", "p/q/c.jpg", "p/q/d.txt", "z"];
        for (pattern, expected) in [
            ("*.jpg", &["a.jpg"][..]),
            ("p/*.jpg", &["p/a.jpg"]),
            ("*/*.jpg", &["p/a.jpg"]),
            ("**/*.jpg", &["a.jpg", "p/a.jpg", "p/q/c.jpg"]),
            ("p/**", &["p/a.jpg", "p/b.JPG", "p/q/c.jpg", "p/q/d.txt"]),
            ("p/?.JPG", &["p/b.JPG"]),
            ("p?a.jpg", &[]),
            ("p/[ab].*", &["p/a.jpg", "p/b.JPG"]),
            ("p/[!a].*", &["p/b.JPG"]),
            ("p/{a,b}.jpg", &["p/a.jpg"]),
            // A folder is selected with everything in it.
            ("p/*", &["p/a.jpg", "p/b.JPG", "p/q/c.jpg", "p/q/d.txt"]),
            ("?", &["p/a.jpg", "p/b.JPG", "p/q/c.jpg", "p/q/d.txt", "z"]),
        ] {
            assert_eq!(selected(pattern, &names), expected, "{pattern}");
        }
    }

    #[test]
    fn hidden_names_at_the_top_level_need_a_pattern_with_a_dot() {
        let names = [".bashrc", ".ssh/authorized_keys", "a/.b"];
        for pattern in ["*", "**", "?*", "[.]*", "{.bashrc,x}", "**/*", "**/.*"] {
            let selected = selected(pattern, &names);
            assert!(selected.iter().all(|name| *name == "a/.b"), "{pattern}: {selected:?}");
        }
        assert_eq!(selected(".b*", &names), [".bashrc"]);
        assert_eq!(selected(".s*/*", &names), [".ssh/authorized_keys"]);
    }

    #[test]
    fn text_that_is_no_pattern_is_a_name() {
        for text in ["a b.txt", "a[", "[", "{a", "a\\"] {
            assert!(NamePattern::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_matched_quickly() {
        let pattern = NamePattern::parse(&"*a".repeat(200)).unwrap();
        assert!(!pattern.selects(&FileName::new(&"a".repeat(199)).unwrap()));
    }
}
