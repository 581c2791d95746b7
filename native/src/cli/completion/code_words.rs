//! The words of a code.

use xcher_core::code::Code;

/// Returns what `text`, the beginning of a code up to within a word, can be continued to: the same text with the
/// word completed, and with a dash if another word follows.
pub(super) fn continued(text: &str) -> Vec<String> {
    let start = text.rfind(|c: char| c == '-' || c.is_whitespace()).map_or(0, |at| at + 1);
    // The separator is ASCII, or else this is no boundary and there are no candidates.
    let Some((head, stem)) = text.split_at_checked(start) else { return Vec::new() };
    let Some(missing @ 1..) = Code::missing_words(head) else { return Vec::new() };
    let lower = stem.to_ascii_lowercase();
    let end = if missing > 1 { "-" } else { "" };
    let words = Code::words(3_usize.saturating_sub(missing));
    // The letters that were typed keep their case: a shell replaces no other beginning.
    words
        .filter_map(|word| word.strip_prefix(&lower))
        .map(|rest| format!("{text}{rest}{end}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_position_has_its_own_words() {
        for (text, expected) in [
            ("4821-cro", &["4821-crossover-"][..]),
            ("4821-CRO", &["4821-CROssover-"]),
            ("4821-crossover-clo", &["4821-crossover-clockwork-"]),
            (
                "4821-crossover-clockwork-uni",
                &[
                    "4821-crossover-clockwork-unicorn",
                    "4821-crossover-clockwork-unify",
                    "4821-crossover-clockwork-universe",
                ],
            ),
            ("4821 crossover clo", &["4821 crossover clockwork-"]),
            ("4821-clo", &[]),
            ("4821-crossover-clockwork-universe-a", &[]),
            ("4821", &[]),
            ("cro", &[]),
            ("bob-cro", &[]),
            ("4821\u{3000}cro", &[]),
            ("", &[]),
        ] {
            let mut words = continued(text);
            words.sort();
            assert_eq!(words, expected, "{text:?}");
        }
        assert_eq!(continued("4821-").len(), 256);
    }
}
