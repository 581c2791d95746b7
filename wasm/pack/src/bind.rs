//! The glue between the module and JavaScript.

use std::fs;
use std::path::Path;

use anyhow::Result;
use wasm_bindgen_cli_support::Bindgen;

use crate::places::Places;

/// Writes `pkg`: the module and `xcher.js`, which also says the version.
pub(crate) fn bind(module: &Path, places: &Places, version: &str) -> Result<()> {
    if places.pkg.exists() {
        fs::remove_dir_all(&places.pkg)?;
    }
    Bindgen::new()
        .web(true)?
        .input_path(module)
        .out_name("xcher")
        .typescript(false)
        .omit_default_module_path(true)
        .keep_debug(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&places.pkg)?;
    let glue = places.pkg.join("xcher.js");
    let mut text = fs::read_to_string(&glue)?;
    text.push_str(&format!("export const version = \"{version}\";\n"));
    fs::write(glue, text)?;
    Ok(())
}
