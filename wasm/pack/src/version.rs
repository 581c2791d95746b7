//! Checks that crate and package have the same version.

use anyhow::{Context as _, Result, bail};

use crate::folders::Folders;

/// Returns the version, if `package.json` has the same.
pub(crate) fn same_everywhere(folders: &Folders) -> Result<String> {
    let expected = env!("CARGO_PKG_VERSION");
    let path = folders.npm.join("package.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let manifest: serde_json::Value = serde_json::from_str(&text)?;
    match manifest["version"].as_str() {
        Some(version) if version == expected => Ok(version.to_owned()),
        got => bail!("wasm/npm/package.json: set its version to {expected}, which was {got:?}"),
    }
}
