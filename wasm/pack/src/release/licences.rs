//! The texts of licences in the folder of a crate or an npm package.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Beginnings of the names of files with licences, in capital letters.
const FILES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// Returns the texts in a folder, in the order of their names.
pub(super) fn texts(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    let is_license = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        path.is_file() && FILES.iter().any(|start| name.starts_with(start))
    };
    let texts = paths.iter().filter(is_license).map(fs::read);
    texts.map(|text| Ok(String::from_utf8_lossy(&text?).replace('\r', ""))).collect()
}
