//! Where things are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The folders that packing is about.
pub(crate) struct Places {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// The npm package.
    pub(crate) npm: PathBuf,
    /// What is generated of it.
    pub(crate) pkg: PathBuf,
    /// Where the module is compiled: not where other builds are, whose features differ.
    pub(crate) target: PathBuf,
}

impl Places {
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let npm = root.join("wasm/npm");
        // This program is in target/PROFILE.
        let target = std::env::current_exe()?
            .ancestors()
            .nth(2)
            .context("expected to run from a target folder")?
            .join("wasm");
        Ok(Self { pkg: npm.join("pkg"), root, npm, target })
    }

    /// The optimized module.
    pub(crate) fn wasm(&self) -> PathBuf {
        self.pkg.join("xcher_bg.wasm")
    }
}
