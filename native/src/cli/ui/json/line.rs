//! An event as a line of JSON, with its time.

use std::io::{self, Write as _};

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::event::JsonEvent;

/// Writes an event where there is no [`Output`](crate::cli::ui::output::Output) yet.
pub(crate) fn write(event: &JsonEvent<'_>) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", event_line(event)?)
}

pub(crate) fn event_line(event: &JsonEvent<'_>) -> io::Result<String> {
    // Text and numbers always serialize.
    serde_json::to_string(&Timed { event, time: now() }).map_err(io::Error::other)
}

#[derive(Serialize)]
struct Timed<'a> {
    #[serde(flatten)]
    event: &'a JsonEvent<'a>,
    /// UTC in RFC 3339, to the millisecond.
    time: String,
}

fn now() -> String {
    let now = OffsetDateTime::now_utc();
    let whole = now.replace_nanosecond(now.nanosecond() / 1_000_000 * 1_000_000).unwrap_or(now);
    whole.format(&Rfc3339).unwrap_or_default()
}
