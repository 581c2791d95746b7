//! Everything the user reads and answers.

pub(super) mod consent;
pub(super) mod delivery_report;
pub(super) mod file_count;
pub(super) mod finding;
pub(super) mod hidden_files;
pub(super) mod json;
pub(crate) mod left_out;
pub(super) mod manifest;
pub(super) mod output;
mod progress;
pub(super) mod prompt;
pub(super) mod qr;
pub(super) mod selection;
mod session_security;
mod sessions;
pub(super) mod share_link;
pub(super) mod shared_changes;
pub(super) mod shell_word;
pub(super) mod skipped;
mod stdin_lines;
pub(super) mod terminal;
mod transfer_paths;
pub(super) mod usage_error;
