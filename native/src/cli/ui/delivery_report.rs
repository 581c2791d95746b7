//! What a sender says of the files that it sent: no more than the other side confirmed.

use xcher_core::delivery::Outcome;

use crate::cli::ui::json::{self, JsonEvent};
use crate::cli::ui::output::Output;
use crate::cli::ui::size::human_size;

/// Files that are named to a person; `--json` names more.
const SHOWN: usize = 20;

/// Says what arrived.
pub(crate) fn sent(output: &Output, outcome: &Outcome) {
    output.remember(output.json(&JsonEvent::sent(outcome)));
    let bytes = human_size(outcome.bytes);
    match (outcome.stored, outcome.handed_over) {
        (0, 0) => {}
        (stored, 0) => output.note(format_args!("sent {}, {bytes}: stored there", files(stored))),
        (0, handed) => output.note(format_args!(
            "handed over {}, {bytes}: the other side does not confirm what it stores",
            files(handed)
        )),
        (stored, handed) => output.note(format_args!(
            "sent {}, {bytes}: {stored} stored there, {handed} handed over without confirmation",
            files(stored + handed)
        )),
    }
    match outcome.already_present {
        0 => {}
        1 => output.note(format_args!("1 file was there already")),
        here => output.note(format_args!("{here} files were there already")),
    }
}

/// Names what did not arrive, with the reasons.
pub(crate) fn missing(output: &Output, outcome: &Outcome) {
    for (name, fate) in outcome.missing() {
        let (state, reason) = (json::delivery_state(fate), fate.to_string());
        output.remember(output.json(&JsonEvent::Missing { name: name.as_str(), state, reason }));
    }
    for (name, fate) in outcome.missing().take(SHOWN) {
        output.missing(&format!("{name}: {fate}"));
    }
    let named = outcome.missing().len().min(SHOWN) as u64;
    let rest = outcome.missing_count() - outcome.not_requested - named;
    if rest > 0 {
        output.error(format_args!("and {} more", files(rest)));
    }
}

/// How many files did not arrive, in words.
pub(crate) fn not_arrived(outcome: &Outcome) -> String {
    match (outcome.missing_count() - outcome.not_requested, outcome.not_requested) {
        (0, 0) => "the session was cut before anything was asked for".to_owned(),
        // Who stops early may not know how many files there would have been.
        (0, _) if outcome.delivered() + outcome.already_present == 0 => {
            "the other side stopped before it fetched anything".to_owned()
        }
        (0, _) => "the other side stopped before it fetched all that it wanted".to_owned(),
        (count, 0) => format!("{} did not arrive", files(count)),
        (count, more) => {
            format!("{} did not arrive, and {more} more were not asked for", files(count))
        }
    }
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}
