//! Patterns of nicks, as an operator writes them: a nick, or the beginning of nicks and `*`. What looks like one is
//! one (section 5.2).

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::nicks::forms_of_text;
use crate::{Nick, Quoted};

/// A pattern of nicks: `amy` or `amy-*`. It matches nicks that look like one it describes, too, and never the nick
/// of a code, which is secret and another host's next time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NickPattern {
    /// The nick, or what nicks begin with.
    text: Box<str>,
    is_prefix: bool,
}

impl NickPattern {
    /// Parses a nick, or the beginning of nicks and `*`; `*` alone stands for all nicks.
    ///
    /// # Errors
    ///
    /// [`InvalidNickPattern`], also for a nick of digits alone, which is a code's.
    pub fn parse(text: &str) -> Result<Self, InvalidNickPattern> {
        let invalid = || InvalidNickPattern { got: Quoted(text).to_box() };
        let (bare, is_prefix) = match text.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        if bare.contains('*') || (bare.is_empty() && !is_prefix) {
            return Err(invalid());
        }
        if !bare.is_empty() {
            let nick = Nick::parse(bare).map_err(|_| invalid())?;
            if nick.is_one_time() && !is_prefix {
                return Err(invalid());
            }
        }
        Ok(Self { text: bare.into(), is_prefix })
    }

    /// Returns true for a nick that it describes, or that looks like one.
    pub fn matches(&self, nick: &Nick) -> bool {
        if nick.is_one_time() {
            return false;
        }
        let own = self.forms();
        let is_own = |forms: BTreeSet<Box<str>>| !forms.is_disjoint(&own);
        match self.is_prefix {
            true => beginnings(nick).any(|text| is_own(forms_of_beginning(text))),
            false => is_own(forms_of_text(nick.as_str()).into()),
        }
    }

    fn forms(&self) -> BTreeSet<Box<str>> {
        match self.is_prefix {
            true => forms_of_beginning(&self.text),
            false => forms_of_text(&self.text).into(),
        }
    }
}

impl core::str::FromStr for NickPattern {
    type Err = InvalidNickPattern;

    fn from_str(text: &str) -> Result<Self, InvalidNickPattern> {
        Self::parse(text)
    }
}

impl fmt::Display for NickPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str(if self.is_prefix { "*" } else { "" })
    }
}

/// A text that is no [`NickPattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidNickPattern {
    /// The text, escaped and truncated.
    pub got: Box<str>,
}

impl fmt::Display for InvalidNickPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected a nick that is not of digits alone, or the beginning of nicks and *, such as amy-*, got {}",
            self.got
        )
    }
}

impl core::error::Error for InvalidNickPattern {}

/// Patterns, each with a value, found by a nick without trying them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NickPatterns<T> {
    /// Values by the forms of nicks.
    whole: BTreeMap<Box<str>, Vec<T>>,
    /// Values by the forms of what nicks begin with.
    prefixes: BTreeMap<Box<str>, Vec<T>>,
}

impl<T> Default for NickPatterns<T> {
    fn default() -> Self {
        Self { whole: BTreeMap::new(), prefixes: BTreeMap::new() }
    }
}

impl<T: Copy + Ord> NickPatterns<T> {
    pub(super) fn insert(&mut self, pattern: &NickPattern, value: T) {
        let all = if pattern.is_prefix { &mut self.prefixes } else { &mut self.whole };
        for form in pattern.forms() {
            all.entry(form).or_default().push(value);
        }
    }

    /// Returns the values of all patterns that match, each once.
    pub(super) fn find(&self, nick: &Nick) -> BTreeSet<T> {
        let mut found = BTreeSet::new();
        if nick.is_one_time() {
            return found;
        }
        if !self.whole.is_empty() {
            take(&self.whole, forms_of_text(nick.as_str()), &mut found);
        }
        if !self.prefixes.is_empty() {
            let forms = beginnings(nick).map(forms_of_beginning);
            forms.for_each(|forms| take(&self.prefixes, forms, &mut found));
        }
        found
    }
}

fn take<T: Copy + Ord>(
    all: &BTreeMap<Box<str>, Vec<T>>,
    forms: impl IntoIterator<Item = Box<str>>,
    found: &mut BTreeSet<T>,
) {
    for form in forms {
        found.extend(all.get(&form).into_iter().flatten().copied());
    }
}

/// Returns the beginnings of a nick, from the empty one to the whole nick. A beginning ends between characters, not
/// between the letters that one of them looks like: `m` is drawn like `rn`, and does not begin with `r`.
fn beginnings(nick: &Nick) -> impl Iterator<Item = &str> {
    let text = nick.as_str();
    text.char_indices().map(|(at, _)| &text[..at]).chain([text])
}

/// Returns the forms of what nicks begin with. Two beginnings share one if nicks that begin so can look alike: the lower
/// case of a capital sigma is another one at the end of a word, and a beginning does not tell whether the word ends.
fn forms_of_beginning(text: &str) -> BTreeSet<Box<str>> {
    let mut forms = BTreeSet::from(forms_of_text(text));
    if text.contains('Σ') {
        forms.extend(forms_of_text(&text.replace('Σ', "σ")));
    }
    forms
}

/// Returns patterns as a list for people.
pub(super) fn listed(patterns: &[NickPattern]) -> String {
    let mut text = String::new();
    for pattern in patterns {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&alloc::format!("{pattern}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    fn nick(text: &str) -> Nick {
        Nick::parse(text).expect(text)
    }

    #[test]
    fn reads_nicks_and_beginnings() {
        for text in ["amy", "amy-*", "*", "4*", "é*"] {
            assert_eq!(NickPattern::parse(text).expect(text).to_string(), text);
        }
        for text in ["", "a b", "a*b", "**", "4821", "a/b", "EOF", "a\u{202e}*"] {
            assert!(NickPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn matches_what_looks_alike_and_no_code() {
        for (pattern, alike, others) in [
            ("amy", &["amy", "Amy", "аmy", "ａｍｙ", "arny"][..], &["amy-1", "am", "tim"][..]),
            ("amy-*", &["amy-", "amy-1", "AMY-x", "аmy-1", "arny-2"], &["amy", "xamy-1", "am"]),
            ("r*", &["r", "rnary", "Rob"], &["mary", "m", "bob"]),
            ("*", &["amy", "😀"], &["4821"]),
            ("4*", &["4a", "48b"], &["4821", "5a"]),
            ("ΑΣ", &["ΑΣ", "ας", "Ας"], &["ασ", "ΑΣΑ"]),
            ("ΑΣ*", &["ΑΣ", "ας", "ΑΣ-1", "ας-1", "ΑΣΑ", "ασα", "Ασα"], &["α", "ατα"]),
            ("ΑΣ.*", &["ΑΣ.", "ας.", "ας.-", "ΑΣ.Α", "ασ.α"], &["ΑΣ", "ασα"]),
            ("ασ*", &["ασα", "ΑΣΑ", "ασ"], &["ας"]),
            ("ας*", &["ας", "ΑΣ", "ας-1", "ΑΣ-1"], &["ασα"]),
        ] {
            let parsed = NickPattern::parse(pattern).expect(pattern);
            let mut all = NickPatterns::default();
            all.insert(&NickPattern::parse("unrelated").expect("a nick"), 0);
            all.insert(&parsed, 1);
            for (texts, matches) in [(alike, true), (others, false)] {
                for text in texts {
                    assert_eq!(parsed.matches(&nick(text)), matches, "{pattern} {text}");
                    assert_eq!(all.find(&nick(text)).contains(&1), matches, "{pattern} {text}");
                }
            }
        }
    }

    #[test]
    fn beginning_matches_all_that_look_like_a_nick_that_begins_so() {
        let letters = ["Α", "Σ", "α", "σ", "ς", "-", "."];
        let mut words = alloc::vec![String::new()];
        for _ in 0..3 {
            let longer = words.iter().flat_map(|word| letters.map(|letter| word.clone() + letter));
            words = longer.collect();
        }
        let mut by_form = BTreeMap::<_, Vec<_>>::new();
        for word in &words {
            for form in BTreeSet::from(forms_of_text(word)) {
                by_form.entry(form).or_default().push(nick(word));
            }
        }
        let mut pairs = 0;
        for alike in by_form.values() {
            for (one, other) in alike.iter().flat_map(|one| alike.iter().map(move |it| (one, it))) {
                for text in beginnings(one) {
                    let pattern = NickPattern::parse(&alloc::format!("{text}*")).expect(text);
                    assert!(pattern.matches(other), "{pattern} {other}");
                    pairs += usize::from(one != other);
                }
            }
        }
        assert!(pairs > 1000, "{pairs}");
    }
}
