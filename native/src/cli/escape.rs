//! Makes text safe to print that may quote input from elsewhere.

/// The most characters of a line.
const MAX_LINE_CHARS: usize = 600;

/// Escapes deceptive characters, and cuts the middle out of long lines: what is wrong is said at their end.
pub(crate) fn escaped(text: &str) -> String {
    text.split('\n').map(escaped_line).collect::<Vec<_>>().join("\n")
}

/// Returns true if [`escaped`] would change nothing.
pub(crate) fn is_safe(text: &str) -> bool {
    text.chars().all(is_plain) && text.lines().all(|line| line.chars().count() <= MAX_LINE_CHARS)
}

fn is_plain(c: char) -> bool {
    c == '\n' || !xcher_core::is_deceptive(c)
}

fn escaped_line(line: &str) -> String {
    let shown = |c: &char| match is_plain(*c) {
        true => c.to_string(),
        false => c.escape_default().to_string(),
    };
    let chars: Vec<_> = line.chars().collect();
    match chars.len() > MAX_LINE_CHARS {
        false => chars.iter().map(shown).collect(),
        true => {
            let half = MAX_LINE_CHARS / 2;
            let (begin, end) = (&chars[..half], &chars[chars.len() - half..]);
            let cut = begin.iter().map(shown).chain(["…".to_owned()]);
            cut.chain(end.iter().map(shown)).collect()
        }
    }
}
