//! Words of commands that a user copies into a shell.

use std::borrow::Cow;

/// Returns `text` as one word of a shell. A nick or a URL can come from others, and contain `$(…)` or `;`.
pub(crate) fn shell_word(text: &str) -> Cow<'_, str> {
    // The only text that cannot be quoted contains NUL, which nothing on a command line does.
    shlex::try_quote(text).unwrap_or(Cow::Borrowed(text))
}
