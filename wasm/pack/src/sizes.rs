//! What a visitor has to load.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::places::Places;

/// The most that package and page may have, in bytes, as brotli makes them.
pub(crate) const LIMIT: usize = 60 << 10;
/// What is loaded, by its extension.
const LOADED: [&str; 6] = ["js", "wasm", "html", "css", "svg", "webmanifest"];

/// Prints every file's size and returns the sum.
pub(crate) fn show(places: &Places) -> Result<usize> {
    let mut files = Vec::new();
    for folder in [&places.npm, &places.pkg, &places.root.join("www")] {
        list(folder, &mut files)?;
    }
    let mut out = std::io::stdout().lock();
    let (mut plain, mut packed) = (0, 0);
    writeln!(out, "{:>9} {:>9}  file", "bytes", "brotli")?;
    for file in files {
        let bytes = fs::read(&file)?;
        let brotli = brotli(&bytes)?;
        (plain, packed) = (plain + bytes.len(), packed + brotli);
        let name = file.strip_prefix(&places.root).unwrap_or(&file);
        writeln!(out, "{:>9} {brotli:>9}  {}", bytes.len(), name.display())?;
    }
    writeln!(out, "{plain:>9} {packed:>9}  in all; the limit is {LIMIT}")?;
    Ok(packed)
}

/// The files of a folder, and of those in it where it is the page's.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let mut found = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    found.sort();
    for path in found {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
        if path.is_file() && LOADED.contains(&extension) {
            files.push(path);
        }
    }
    Ok(())
}

fn brotli(bytes: &[u8]) -> Result<usize> {
    let mut packed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    brotli::BrotliCompress(&mut &*bytes, &mut packed, &parameters)?;
    Ok(packed.len())
}
