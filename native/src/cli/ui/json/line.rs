//! One event as a line: the object, and its moment.

use std::io::{self, Write as _};

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::event::JsonEvent;

/// Writes an event for `--json` where there is no [`Output`] yet.
pub(crate) fn write(line: &JsonEvent<'_>) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", event_line(line)?)
}

pub(crate) fn event_line(line: &JsonEvent<'_>) -> io::Result<String> {
    // Only text and numbers: it cannot fail to be JSON.
    serde_json::to_string(&Timed { line, time: now() }).map_err(io::Error::other)
}

/// An event and its moment.
#[derive(Serialize)]
struct Timed<'a> {
    #[serde(flatten)]
    line: &'a JsonEvent<'a>,
    /// UTC, as RFC 3339 has it, to the millisecond.
    time: String,
}

fn now() -> String {
    let now = OffsetDateTime::now_utc();
    let whole = now.replace_nanosecond(now.nanosecond() / 1_000_000 * 1_000_000).unwrap_or(now);
    whole.format(&Rfc3339).unwrap_or_default()
}
