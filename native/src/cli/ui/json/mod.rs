//! `--json`: events on standard output, one JSON object a line.

mod event;
mod from_event;
mod line;

pub(crate) use event::JsonEvent;
pub(crate) use from_event::delivery_state;
pub(crate) use line::{event_line, write};
