//! The folders of the sources and of what is built.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Paths that packing reads and writes.
pub(crate) struct Folders {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// The npm package.
    pub(crate) npm: PathBuf,
    /// The generated part of the package.
    pub(crate) pkg: PathBuf,
    /// The target folder of the module, apart from other builds, whose features differ.
    pub(crate) target: PathBuf,
}

impl Folders {
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let npm = root.join("wasm/npm");
        // This program runs from target/PROFILE.
        let target = std::env::current_exe()?
            .ancestors()
            .nth(2)
            .context("this program is not in a target folder: run it by `cargo pack`")?
            .join("wasm");
        Ok(Self { pkg: npm.join("pkg"), root, npm, target })
    }

    /// Returns the file with the hash of the sources that `pkg` was built from.
    pub(crate) fn packed(&self) -> PathBuf {
        self.pkg.join("sources")
    }
}
