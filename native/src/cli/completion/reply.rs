//! The answer to a script: a line that says what follows, then lines of a value, and a tab and its help if it has
//! any.

use clap_complete::CompletionCandidate;

use super::typed::Typed;

/// The id of the candidate that stands for paths of this machine, and the line that lets the shell complete them.
pub(super) const FILES: &str = "files";
/// The line before values.
const VALUES: &str = "values";

pub(super) fn encode(typed: &Typed, candidates: &[CompletionCandidate]) -> String {
    if candidates.iter().any(|candidate| candidate.get_id().is_some_and(|id| id == FILES)) {
        return format!("{FILES}\n");
    }
    let is_option = |candidate: &&CompletionCandidate| {
        typed.current.is_empty() && candidate.get_id().is_some_and(|id| id.starts_with("arg::"))
    };
    // Options are offered once a dash is typed, or if there is nothing else.
    let has_values = candidates.iter().any(|candidate| !is_option(&candidate));
    let shown = candidates.iter().filter(|candidate| !(has_values && is_option(candidate)));
    let lines = shown.filter_map(|candidate| {
        let value = typed.inserted(candidate.get_value().to_str()?)?;
        // A line end would begin another candidate.
        let is_safe = !value.is_empty() && !value.contains(char::is_control);
        let help = candidate.get_help().map(|help| help.to_string());
        let help = help.as_deref().and_then(|help| help.lines().next()).unwrap_or_default();
        let tab = if help.is_empty() { "" } else { "\t" };
        is_safe.then(|| format!("{value}{tab}{help}\n"))
    });
    [format!("{VALUES}\n")].into_iter().chain(lines).collect()
}
