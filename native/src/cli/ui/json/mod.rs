//! `--json`: one object a line on standard output (README, "For programs").

mod event;
mod from_event;
mod line;

pub(crate) use event::JsonEvent;
pub(crate) use from_event::delivery_state;
pub(crate) use line::{event_line, write};
