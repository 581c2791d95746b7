//! A sender's report on its files: no more than the peer confirmed.

use xcher_core::HumanSize;
use xcher_core::delivery::Outcome;

use super::file_count::file_count;
use super::json::{JsonEvent, delivery_state};
use super::output::Output;

/// The most files reported by name to a person; `--json` has more.
const MAX_NAMED: usize = 20;

/// Reports the files that arrived.
pub(crate) fn sent(output: &Output, outcome: &Outcome) {
    output.remember(output.json(&JsonEvent::sent(outcome)));
    let (stored, handed_over) = (outcome.stored, outcome.handed_over);
    let files = format!("{} ({})", file_count(stored + handed_over), HumanSize(outcome.bytes));
    match (stored, handed_over) {
        (0, 0) => {}
        (_, 0) if output.sends_text() => {
            output.note(format_args!("the peer has received the text"))
        }
        (0, _) if output.sends_text() => {
            output.note(format_args!("sent the text; this peer does not confirm what it receives"));
        }
        (_, 0) => output.note(format_args!("sent {files}; the peer has stored everything")),
        (0, _) => {
            output.note(format_args!("sent {files}; this peer does not confirm what it stores"));
        }
        (_, _) => output.note(format_args!(
            "sent {files}; the peer has stored {stored} and did not confirm {handed_over}"
        )),
    }
    match outcome.already_present {
        0 => {}
        files => output.note(format_args!("the peer had {} already", file_count(files))),
    }
}

/// Names the files that did not arrive, with the reasons.
pub(crate) fn missing(output: &Output, outcome: &Outcome) {
    for (name, fate) in outcome.missing() {
        let (state, reason) = (delivery_state(fate), fate.to_string());
        output.remember(output.json(&JsonEvent::Missing { name: name.as_str(), state, reason }));
    }
    for (name, fate) in outcome.missing().take(MAX_NAMED) {
        output.missing(&format!("{name}: {fate}"));
    }
    let named = outcome.missing().len().min(MAX_NAMED) as u64;
    let rest = outcome.missing_count() - outcome.not_requested - named;
    if rest > 0 {
        output.error(format_args!("and {} more", file_count(rest)));
    }
}

/// Returns how many files did not arrive, in words.
pub(crate) fn not_arrived(outcome: &Outcome) -> String {
    match (outcome.missing_count() - outcome.not_requested, outcome.not_requested) {
        (0, 0) => "the session ended before any file was requested".to_owned(),
        // A peer that stops early may not know how many files there would have been.
        (0, _) if outcome.delivered() + outcome.already_present == 0 => {
            "the peer stopped before it fetched anything".to_owned()
        }
        (0, _) => "the peer stopped before it fetched everything it wanted".to_owned(),
        (count, 0) => format!("{} did not arrive", file_count(count)),
        (count, more) => {
            format!("{} did not arrive, and {more} more were not requested", file_count(count))
        }
    }
}
