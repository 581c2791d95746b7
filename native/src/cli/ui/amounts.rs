//! Numbers of bytes and files, for people.

use indicatif::HumanBytes;

/// Shows bytes in the largest binary unit that fits: `1.50 MiB`.
pub(crate) fn human_size(bytes: u64) -> HumanBytes {
    HumanBytes(bytes)
}

/// Shows a number of files: `1 file`, `2 files`.
pub(crate) fn file_count(files: u64) -> String {
    if files == 1 { "1 file".to_owned() } else { format!("{files} files") }
}
