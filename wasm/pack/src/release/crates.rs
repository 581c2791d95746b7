//! The crates, as crates.io gets them. The program's contains the page, so that `cargo install xcher` needs no
//! tools but Rust.

use std::fs;

use anyhow::{Context as _, Result};

use super::notices::Artifact;
use super::{Dist, VERSION, copy, run, with_notices};
use crate::compile::cargo;
use crate::folders::Folders;
use crate::page;

/// In the order in which they depend on each other.
const CRATES: [&str; 3] = ["xcher-aead", "xcher-core", "xcher"];

/// Packs the crates.
pub(super) fn package(folders: &Folders, dist: &Dist) -> Result<()> {
    // Where native/build/page.rs looks for it.
    let page = folders.root.join("native/page");
    if page.exists() {
        fs::remove_dir_all(&page)?;
    }
    for (path, file) in page::loaded(folders)? {
        let to = page.join(path);
        copy(&file, &to)?;
        let brotli = file.with_added_extension("br");
        if brotli.is_file() {
            copy(&brotli, &to.with_added_extension("br"))?;
        }
    }
    let mut command = cargo();
    command
        // Building the unpacked crates is for tests/release/run.
        .args(["package", "--quiet", "--no-verify", "--locked", "--allow-dirty"])
        .args(CRATES.iter().flat_map(|name| ["--package", name]))
        .current_dir(&folders.root)
        .env("CARGO_TARGET_DIR", folders.target.with_file_name(""));
    let native = folders.root.join("native");
    let packed = with_notices(folders, Artifact::Page, &native, || run(&mut command));
    // It is a copy: left here, it would be outdated after the next change.
    fs::remove_dir_all(&page)?;
    packed?;
    for name in CRATES {
        let file = format!("{name}-{VERSION}.crate");
        let from = folders.target.with_file_name("package").join(&file);
        copy(&from, &dist.folder.join(&file)).context("cargo package made no crate")?;
    }
    Ok(())
}
