//! Sizes of what a browser loads.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::compress::brotli;
use crate::folders::Folders;
use crate::page;
use crate::parts::{self, BASE_LIMIT};

/// Prints the size of every part that a browser loads, each file compressed alone as the binary sends it, and
/// the size of the package by itself. Returns a sentence for each part that is larger than its limit.
pub(crate) fn show(folders: &Folders) -> Result<Vec<String>> {
    let mut out = std::io::stdout().lock();
    let mut exceeded = Vec::new();
    let mut check = |name: &str, size: &Size, limit: usize| {
        if size.brotli > limit {
            exceeded
                .push(format!("{name} has {} bytes, more than its limit of {limit}", size.brotli));
        }
    };
    let files = parts::parts(&folders.root, &page::loaded(folders)?)?;
    let (mut base, mut part_size) = (Size::default(), Size::default());
    writeln!(out, "{:>9} {:>9} {:>9}  file", "bytes", "brotli", "at most")?;
    for (at, (part, (path, file))) in files.iter().enumerate() {
        let size = Size::of(file)?;
        let limit = if part.is_base() { String::new() } else { part.limit().to_string() };
        writeln!(out, "{:>9} {:>9} {limit:>9}  {}: {path}", size.plain, size.brotli, part.name())?;
        if !part.is_base() {
            check(path, &size, part.limit());
            continue;
        }
        base.add(&size);
        part_size.add(&size);
        if files.get(at + 1).is_none_or(|(next, _)| next != part) {
            let all = std::mem::take(&mut part_size);
            let (name, limit) = (part.name(), part.limit());
            writeln!(out, "{:>9} {:>9} {limit:>9}  {name}", all.plain, all.brotli)?;
            check(name, &all, limit);
        }
    }
    writeln!(
        out,
        "{:>9} {:>9} {BASE_LIMIT:>9}  what every session needs",
        base.plain, base.brotli
    )?;
    check("what every session needs", &base, BASE_LIMIT);
    let mut package = Size::default();
    for (path, file) in page::files(folders)? {
        if path.starts_with("npm/") {
            package.add(&Size::of(&file)?);
        }
    }
    let unbundled = "the npm package, unbundled";
    writeln!(out, "{:>9} {:>9} {:>9}  {unbundled}", package.plain, package.brotli, "")?;
    Ok(exceeded)
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
