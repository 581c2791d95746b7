//! One version for crate and package.

use anyhow::{Context as _, Result, bail};

use crate::places::Places;

/// The version, which `package.json` must name too.
pub(crate) fn same_everywhere(places: &Places) -> Result<String> {
    let expected = env!("CARGO_PKG_VERSION");
    let path = places.npm.join("package.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let manifest: serde_json::Value = serde_json::from_str(&text)?;
    match manifest["version"].as_str() {
        Some(version) if version == expected => Ok(version.to_owned()),
        got => bail!("wasm/npm/package.json: expected version {expected}, got {got:?}"),
    }
}
