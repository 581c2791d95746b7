//! Compresses what a browser loads, once, so that the binary's build need not.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use brotli::enc::BrotliEncoderParams;

/// Returns the brotli of these bytes, at the best quality.
pub(crate) fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let parameters =
        BrotliEncoderParams { quality: 11, size_hint: bytes.len(), ..Default::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut packed, &parameters)?;
    Ok(packed)
}

/// Writes the brotli of a file beside it, if that is shorter.
pub(crate) fn compress(file: &Path) -> Result<()> {
    let bytes = fs::read(file)?;
    let packed = brotli(&bytes)?;
    if packed.len() < bytes.len() {
        fs::write(beside(file), packed)?;
    }
    Ok(())
}

/// Returns the place of a file's brotli, where native/build/page.rs looks for it.
fn beside(file: &Path) -> PathBuf {
    let mut path = OsString::from(file);
    path.push(".br");
    path.into()
}
