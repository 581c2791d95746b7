//! A command line that is being typed, up to the cursor.

use super::quote::Quote;

/// The words of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Typed {
    /// The words before the one at the cursor, the program first.
    pub(super) before: Vec<String>,
    /// The word at the cursor, up to there.
    pub(super) current: String,
    /// The beginning of `current` that the shell does not replace.
    pub(super) kept: usize,
    /// The quotes that candidates need; `None` if the shell quotes them itself.
    quote: Option<Quote>,
}

impl Typed {
    /// Reads what a script passes: see the scripts. `None` if the line cannot be understood.
    pub(super) fn at(shell: &str, args: &[String]) -> Option<Self> {
        match (shell, args) {
            ("bash", [line, replaced]) => Self::of_line(line, replaced),
            // zsh passes the words as they were typed.
            ("zsh", [before @ .., current]) => {
                let before = before.iter().map(|word| unquoted(word)).collect::<Option<_>>()?;
                Some(Self { before, current: unquoted(current)?, kept: 0, quote: None })
            }
            // fish passes all but the last without quotes.
            ("fish", [before @ .., current]) => Some(Self {
                before: before.to_vec(),
                current: unquoted(current)?,
                kept: 0,
                quote: None,
            }),
            _ => None,
        }
    }

    /// Splits a line. `replaced` is the part of the last word that bash replaces: it also ends words at `:` and
    /// `=`.
    fn of_line(line: &str, replaced: &str) -> Option<Self> {
        let (mut before, quote) = split(line)?;
        let current = before.pop()?;
        // Between quotes that are open, bash passes the part without them.
        let parts = [Some(replaced.to_owned()), unquoted(replaced)].into_iter().flatten();
        let kept = parts.filter_map(|part| Some(current.strip_suffix(&part)?.len()));
        let kept = kept.min_by_key(|kept| *kept).unwrap_or_default();
        Some(Self { before, current, kept, quote: Some(quote) })
    }

    /// Returns a candidate as the shell inserts it; `None` if the quotes at the cursor do not permit it.
    pub(super) fn inserted(&self, candidate: &str) -> Option<String> {
        let value = candidate.get(self.kept..)?;
        self.quote.map_or_else(|| Some(value.to_owned()), |quote| quote.quoted(value))
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.before.iter().chain([&self.current]).map(String::as_str)
    }
}

fn unquoted(word: &str) -> Option<String> {
    match split(word)?.0.as_slice() {
        [word] => Some(word.clone()),
        _ => None,
    }
}

/// Splits text into the words of a shell. The last word may be empty, and its quotes need not be closed: returns
/// which are open.
fn split(text: &str) -> Option<(Vec<String>, Quote)> {
    // A letter marks where the last word ends, also if it has none yet.
    let closed = |end| shlex::split(&format!("{text}x{end}"));
    let ends = [("", Quote::Open), ("\"", Quote::Double), ("'", Quote::Single)];
    let (mut words, quote) =
        ends.into_iter().find_map(|(end, quote)| Some((closed(end)?, quote)))?;
    words.last_mut()?.pop();
    Some((words, quote))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn typed(before: &[&str], current: &str, kept: usize, quote: Option<Quote>) -> Option<Typed> {
        let before = before.iter().map(|&word| word.to_owned()).collect();
        Some(Typed { before, current: current.to_owned(), kept, quote })
    }

    fn at(shell: &str, args: &[&str]) -> Option<Typed> {
        Typed::at(shell, &args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn bash_passes_a_line_and_the_part_that_it_replaces() {
        use Quote::{Double, Open, Single};
        for (line, replaced, before, current, kept, quote) in [
            ("xcher get k", "k", &["xcher", "get"][..], "k", 0, Open),
            ("xcher get ", "", &["xcher", "get"], "", 0, Open),
            ("xcher  get 'a b' c\\ d", "c\\ d", &["xcher", "get", "a b"], "c d", 0, Open),
            ("xcher get \"a b", "a b", &["xcher", "get"], "a b", 0, Double),
            ("xcher get 'a b", "'a b", &["xcher", "get"], "a b", 0, Single),
            ("xcher get a\"b", "b", &["xcher", "get"], "ab", 1, Double),
            ("xcher get a\\", "a\\", &["xcher", "get"], "a", 0, Open),
            ("xcher get kim a:b", "b", &["xcher", "get", "kim"], "a:b", 2, Open),
            ("xcher ls --relay=h:1", "1", &["xcher", "ls"], "--relay=h:1", 10, Open),
            ("xcher ls --relay=", "", &["xcher", "ls"], "--relay=", 8, Open),
            ("", "", &[], "", 0, Open),
        ] {
            let expected = typed(before, current, kept, Some(quote));
            assert_eq!(at("bash", &[line, replaced]), expected, "{line:?}");
        }
    }

    #[test]
    fn zsh_and_fish_pass_words() {
        let expected = typed(&["xcher", "get", "a b"], "c d", 0, None);
        assert_eq!(at("zsh", &["xcher", "get", "'a b'", "c\\ d"]), expected);
        assert_eq!(at("fish", &["xcher", "get", "a b", "'c d"]), expected);
        assert_eq!(at("fish", &["xcher", ""]), typed(&["xcher"], "", 0, None));
        for args in [&[][..], &["a b"]] {
            assert_eq!(at("zsh", args), None, "{args:?}");
        }
        assert_eq!(at("tcsh", &["xcher", ""]), None);
    }
}
