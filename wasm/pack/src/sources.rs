//! Tells whether the package was built from the sources as they are.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::folders::Folders;
use crate::tool;

/// Sources of the module and its glue.
const SOURCES: [&str; 10] = [
    "Cargo.lock",
    "Cargo.toml",
    "core/Cargo.toml",
    "core/aead",
    "core/src",
    "wasm/Cargo.toml",
    "wasm/src",
    "wasm/pack/src",
    "wasm/qr/Cargo.toml",
    "wasm/qr/src",
];
/// The versions of the tools that npm installs.
const TOOLS: &str = "wasm/npm/package-lock.json";

/// Returns a hash of the sources, the compiler and the tools that make the package smaller. Changed times do
/// not change it: a clone that is copied or checked out anew with its package needs no new one.
pub(crate) fn hash(folders: &Folders) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for source in SOURCES {
        add(&folders.root.join(source), &mut hasher)?;
    }
    let compiler = Command::new("rustc").arg("-vV").output().context("rustc is missing")?;
    hasher.write(&compiler.stdout);
    for name in ["wasm-opt", "esbuild"] {
        if tool::is_installed(folders, name) {
            hasher.write(name.as_bytes());
            hasher.write(&fs::read(folders.root.join(TOOLS))?);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Adds a file, or all files of a folder in the order of their names.
fn add(path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    hasher.write(path.file_name().unwrap_or_default().as_encoded_bytes());
    if !path.is_dir() {
        hasher.write(&fs::read(path).with_context(|| path.display().to_string())?);
        return Ok(());
    }
    let entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<Result<Vec<_>>>()?;
    entries.sort();
    entries.iter().try_for_each(|entry| add(entry, hasher))
}
