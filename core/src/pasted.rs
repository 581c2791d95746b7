//! Text pasted from a chat or a mail, with the punctuation around it.

pub use crate::before_module::{BRACKETS, ENDS, QUOTES};

/// Returns a code, a nick or a link without quotes, brackets and the end of a sentence around it. The page does the same
/// before its module is loaded (`www/pasted.js`), with the same characters.
pub fn unwrapped(text: &str) -> &str {
    let [opening, closing] = BRACKETS;
    let opens = |c: char| QUOTES.contains(c) || opening.contains(c) || c.is_whitespace();
    let mut text = text.trim_start_matches(opens);
    while let Some(last) = text.chars().next_back() {
        let count = |bracket| text.matches(bracket).count();
        let is_unmatched = opening
            .chars()
            .zip(closing.chars())
            .any(|(open, close)| close == last && count(close) > count(open));
        let is_outside = is_unmatched || QUOTES.contains(last) || ENDS.contains(last);
        if !is_outside && !last.is_whitespace() {
            break;
        }
        text = text.strip_suffix(last).unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn punctuation_around_is_no_part() {
        let code = "4821-crossover-clockwork-universe";
        let link = "http://127.0.0.1:9248/#kim";
        for inside in [code, link, "http://[::1]:9248/#kim(1)", ""] {
            for (before, after) in [
                ("", ""),
                (" ", ".\n"),
                ("\"", "\","),
                ("(", ")."),
                ("<", ">"),
                ("", "/"),
                ("“", "”!"),
            ] {
                assert_eq!(unwrapped(&format!("{before}{inside}{after}")), inside);
            }
        }
        assert_eq!(unwrapped("\"“(.,)”\""), "");
        assert_eq!(unwrapped("http://h/#kim)"), "http://h/#kim");
    }
}
