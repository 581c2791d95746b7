//! Quotes for candidates that bash inserts as they are.

/// The quotes around the cursor of a shell that does not quote candidates itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    /// None: special characters need a backslash.
    Open,
    Double,
    Single,
}

impl Quote {
    /// Returns the text that stands for `value` between these quotes; `None` if none does.
    pub(super) fn quoted(self, value: &str) -> Option<String> {
        let is_plain =
            |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || "_./,:=@%+-".contains(c);
        let escape = |needs: &dyn Fn(char) -> bool| {
            let mut quoted = String::with_capacity(value.len());
            for c in value.chars() {
                if needs(c) {
                    quoted.push('\\');
                }
                quoted.push(c);
            }
            quoted
        };
        match self {
            Self::Open => Some(escape(&|c| !is_plain(c))),
            // A backslash before ! would be part of the name, and bash closes no quotes after a quote.
            Self::Double if value.contains('!') || value.ends_with('"') => None,
            Self::Double => Some(escape(&|c| "\"$`\\".contains(c))),
            Self::Single if value.ends_with('\'') => None,
            Self::Single => Some(value.replace('\'', r"'\''")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn quoted_text_is_one_word_of_a_shell() {
        for value in [
            "a-b_c.d/e,f:g=h@i%j+k",
            "sjö och skog.jpg",
            "$(touch pwned);x",
            "`id`",
            "$HOME",
            "~root",
            "it's \"q\".",
            "a\\b\\",
            "{a,b}*?[c]<d>|e&f#g^h",
            "#x",
        ] {
            for (quote, sign) in [(Quote::Open, ""), (Quote::Double, "\""), (Quote::Single, "'")] {
                let text = format!("{sign}{}{sign}", quote.quoted(value).unwrap());
                assert_eq!(shlex::split(&text).unwrap(), [value], "{text}");
            }
        }
        assert_eq!(Quote::Open.quoted("a-b/ö:c=d"), Some("a-b/ö:c=d".to_owned()));
        assert_eq!(Quote::Open.quoted("a!`$~").unwrap(), "a\\!\\`\\$\\~");
        for (quote, value) in [(Quote::Double, "a!"), (Quote::Double, "a\""), (Quote::Single, "a'")]
        {
            assert_eq!(quote.quoted(value), None);
        }
    }
}
