//! The glue between the module and JavaScript.

use std::fs;
use std::path::Path;

use anyhow::Result;
use wasm_bindgen_cli_support::Bindgen;

use crate::snip;

/// Writes a folder anew: the module and `xcher.js`, which also says the version.
pub(crate) fn bind(module: &Path, pkg: &Path, version: &str) -> Result<()> {
    if pkg.exists() {
        fs::remove_dir_all(pkg)?;
    }
    Bindgen::new()
        .web(true)?
        .input_module("xcher", snip::without_words(module)?)
        .typescript(true)
        .omit_default_module_path(true)
        .keep_debug(false)
        // What makes it smaller sorts by names, and drops them.
        .remove_name_section(false)
        .remove_producers_section(true)
        .generate(pkg)?;
    let glue = pkg.join("xcher.js");
    let mut text = without_comments(&fs::read_to_string(&glue)?);
    text.push_str(&format!("export const version = \"{version}\";\n"));
    fs::write(glue, text)?;
    let types = pkg.join("xcher.d.ts");
    let mut text = fs::read_to_string(&types)?;
    text.push_str("export const version: string;\n");
    fs::write(types, text)?;
    Ok(())
}

/// The glue without what it repeats of the crate's documentation: comments have lines of their own
/// in it.
fn without_comments(glue: &str) -> String {
    let is_comment = |line: &str| ["/*", "*", "//"].iter().any(|start| line.starts_with(start));
    let lines = glue.lines().filter(|line| !is_comment(line.trim_start()));
    lines.flat_map(|line| [line, "\n"]).collect()
}
