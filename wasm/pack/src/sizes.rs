//! Sizes of what a browser loads.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::compress::brotli;
use crate::folders::Folders;
use crate::page;

/// The most bytes of package and page, compressed by brotli. Most of them are the module: a third of that is
/// encryption (Noise, the ciphers, BLAKE3, codes), a sixth yamux with its futures, maps and clock, a
/// thirtieth QR codes, and the rest the core with its part of the standard library.
pub(crate) const LIMIT: usize = 170 << 10;

/// Prints the size of every file that a browser loads, each compressed alone as the binary sends it, and
/// returns the compressed total. The package is bundled in them; its size by itself is printed, too.
pub(crate) fn show(folders: &Folders) -> Result<usize> {
    let mut out = std::io::stdout().lock();
    let mut total = Size::default();
    writeln!(out, "{:>9} {:>9}  file", "bytes", "brotli")?;
    for (path, file) in page::loaded(folders)? {
        let size = Size::of(&file)?;
        total.add(&size);
        writeln!(out, "{:>9} {:>9}  {path}", size.plain, size.brotli)?;
    }
    writeln!(out, "{:>9} {:>9}  total, of at most {LIMIT}", total.plain, total.brotli)?;
    let mut package = Size::default();
    for (path, file) in page::files(folders)? {
        if path.starts_with("npm/") {
            package.add(&Size::of(&file)?);
        }
    }
    writeln!(out, "{:>9} {:>9}  the npm package, unbundled", package.plain, package.brotli)?;
    Ok(total.brotli)
}

#[derive(Default)]
struct Size {
    plain: usize,
    brotli: usize,
}

impl Size {
    fn of(file: &Path) -> Result<Self> {
        let bytes = fs::read(file)?;
        Ok(Self { plain: bytes.len(), brotli: brotli(&bytes)?.len() })
    }

    fn add(&mut self, other: &Self) {
        self.plain += other.plain;
        self.brotli += other.brotli;
    }
}
