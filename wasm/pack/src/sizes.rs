//! What a visitor has to load, in bytes.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::page;
use crate::places::Places;

/// The most that package and page may have, in bytes, as brotli makes them. Most of it is the module:
/// a third of that is privacy (Noise, the ciphers, BLAKE3, codes), a sixth yamux with the futures, maps
/// and clock that it brings, a thirtieth QR codes, the core and what that takes of the standard library
/// the rest.
pub(crate) const LIMIT: usize = 168 << 10;

/// Prints the size of every file of the page, and returns the sum: all that a browser loads, each file
/// compressed alone as the binary sends it, the package and its module among them, where esbuild put
/// them. What the package weighs is said beside it: nearly all of that has been counted, as a part of
/// the worker.
pub(crate) fn show(places: &Places) -> Result<usize> {
    let mut out = std::io::stdout().lock();
    let mut sum = Size::default();
    writeln!(out, "{:>9} {:>9}  file", "bytes", "brotli")?;
    for (path, file) in page::loaded(places)? {
        let size = Size::of(&file)?;
        sum.add(&size);
        writeln!(out, "{:>9} {:>9}  {path}", size.plain, size.brotli)?;
    }
    writeln!(out, "{:>9} {:>9}  in all; the limit is {LIMIT}", sum.plain, sum.brotli)?;
    let mut package = Size::default();
    for (path, file) in page::files(places)? {
        if path.starts_with("npm/") {
            package.add(&Size::of(&file)?);
        }
    }
    writeln!(out, "{:>9} {:>9}  the npm package, unbundled", package.plain, package.brotli)?;
    Ok(sum.brotli)
}

#[derive(Default)]
struct Size {
    plain: usize,
    brotli: usize,
}

impl Size {
    fn of(file: &Path) -> Result<Self> {
        let bytes = fs::read(file)?;
        Ok(Self { plain: bytes.len(), brotli: brotli(&bytes)? })
    }

    fn add(&mut self, other: &Self) {
        self.plain += other.plain;
        self.brotli += other.brotli;
    }
}

fn brotli(bytes: &[u8]) -> Result<usize> {
    let mut packed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    brotli::BrotliCompress(&mut &*bytes, &mut packed, &parameters)?;
    Ok(packed.len())
}
