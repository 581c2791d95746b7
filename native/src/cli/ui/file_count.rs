//! Numbers of files, for people.

/// Shows a number of files: `1 file`, `2 files`.
pub(crate) fn file_count(files: u64) -> String {
    if files == 1 { "1 file".to_owned() } else { format!("{files} files") }
}
