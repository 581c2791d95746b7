//! What a visitor has to load, in bytes.

use std::fs;
use std::io::Write as _;

use anyhow::Result;

use crate::page;
use crate::places::Places;

/// The most that package and page may have, in bytes, as brotli makes them. Most of it is the module:
/// a third of that is privacy (Noise, the ciphers, BLAKE3, codes), a sixth yamux with the futures, maps
/// and clock that it brings, a thirtieth QR codes, the core and what that takes of the standard library
/// the rest.
pub(crate) const LIMIT: usize = 152 << 10;

/// Prints every file's size and returns the sum.
pub(crate) fn show(places: &Places) -> Result<usize> {
    let mut out = std::io::stdout().lock();
    let (mut plain, mut packed) = (0, 0);
    writeln!(out, "{:>9} {:>9}  file", "bytes", "brotli")?;
    for file in page::files(places)? {
        let bytes = fs::read(page::served(places, &file)?)?;
        let brotli = brotli(&bytes)?;
        (plain, packed) = (plain + bytes.len(), packed + brotli);
        let name = file.strip_prefix(&places.root).unwrap_or(&file);
        writeln!(out, "{:>9} {brotli:>9}  {}", bytes.len(), name.display())?;
    }
    writeln!(out, "{plain:>9} {packed:>9}  in all; the limit is {LIMIT}")?;
    Ok(packed)
}

fn brotli(bytes: &[u8]) -> Result<usize> {
    let mut packed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    brotli::BrotliCompress(&mut &*bytes, &mut packed, &parameters)?;
    Ok(packed.len())
}
