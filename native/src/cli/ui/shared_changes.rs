//! Lines about new and changed files that are shared.

use xcher_core::HumanSize;

use super::json::JsonEvent;
use super::output::Output;
use crate::cli::watch::{Changed, Report};

pub(crate) fn report(output: &Output, report: &Report) {
    match report {
        Report::Started => {
            let text = "watching for new and changed files";
            output.remember(output.json(&JsonEvent::notice(text)));
            output.note(format_args!("{text}"));
        }
        Report::Changed(changed) => {
            output.remember(output.json(&JsonEvent::changed(changed)));
            let Changed { is_new, name, size, .. } = changed;
            let what = if *is_new { "new" } else { "changed" };
            output.note(format_args!("{what}: {name} ({})", HumanSize(size.bytes())));
        }
        Report::Missed => {
            let text =
                "some new or changed files were not noticed; listings have them all the same";
            output.remember(output.json(&JsonEvent::notice(text)));
            output.note(format_args!("{text}"));
        }
    }
}
