//! Text pasted from a chat or a mail, with the punctuation around it.

const QUOTES: &[char] = &['"', '\'', '`', '“', '”', '„', '‘', '’', '‚', '«', '»', '‹', '›'];
/// Characters that end a sentence or a URL.
const ENDS: &[char] = &['.', ',', ';', ':', '!', '?', '/', '…'];
const BRACKETS: [(char, char); 4] = [('(', ')'), ('[', ']'), ('{', '}'), ('<', '>')];

/// Returns a code or a link without quotes, brackets and the end of a sentence around it.
pub(crate) fn unwrapped(text: &str) -> &str {
    let opens = |c: char| {
        QUOTES.contains(&c) || c.is_whitespace() || BRACKETS.iter().any(|(open, _)| *open == c)
    };
    let mut text = text.trim_start_matches(opens);
    while let Some(last) = text.chars().next_back() {
        let count = |bracket| text.matches(bracket).count();
        let is_unmatched =
            BRACKETS.iter().any(|(open, close)| *close == last && count(*close) > count(*open));
        let is_outside = is_unmatched || QUOTES.contains(&last) || ENDS.contains(&last);
        if !is_outside && !last.is_whitespace() {
            break;
        }
        text = &text[..text.len() - last.len_utf8()];
    }
    text
}

#[cfg(test)]
mod tests {
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
