//! Generates the glue between the modules and JavaScript.

use std::fs;
use std::path::Path;

use anyhow::Result;
use walrus::{Import, ModuleConfig};
use wasm_bindgen_cli_support::Bindgen;

use crate::modules::{MODULES, Module};
use crate::{constants, snip};

/// Writes a folder anew: the modules compiled to `from`, their glue, and `constants.js`.
pub(crate) fn bind(from: &Path, pkg: &Path, version: &str) -> Result<()> {
    if pkg.exists() {
        fs::remove_dir_all(pkg)?;
    }
    MODULES.iter().try_for_each(|module| bind_one(module, from, pkg))?;
    fs::write(pkg.join("constants.js"), constants::script(version))?;
    Ok(())
}

fn bind_one(module: &Module, from: &Path, pkg: &Path) -> Result<()> {
    Bindgen::new()
        .web(true)?
        .input_module(module.name, snip::snip(&module.compiled(from))?)
        .typescript(true)
        .omit_default_module_path(true)
        .keep_debug(false)
        // Optimizing sorts functions by their names, and drops those then.
        .remove_name_section(false)
        .remove_producers_section(true)
        .generate(pkg)?;
    let glue = pkg.join(format!("{}.js", module.name));
    let text = without_comments(&fs::read_to_string(&glue)?);
    fs::write(&glue, shorten_imports(&module.packed(pkg), text)?)?;
    Ok(())
}

/// Gives the module's imports short names, in the module and in the glue: those that wasm-bindgen makes
/// end in a hash, which does not compress.
fn shorten_imports(module: &Path, mut glue: String) -> Result<String> {
    let mut parsed = ModuleConfig::new()
        .generate_name_section(true)
        .generate_producers_section(false)
        .parse_file(module)?;
    // Numbered as the glue lists them: what ascends compresses.
    let place = |import: &Import| glue.find(&format!("{}: function", import.name));
    let mut names: Vec<_> =
        parsed.imports.iter().map(|import| (place(import), import.id())).collect();
    names.sort_unstable();
    for (number, (_, id)) in names.into_iter().enumerate() {
        let import = parsed.imports.get_mut(id);
        let short = format!("i{number}");
        glue = glue.replace(&format!("{}: function", import.name), &format!("{short}: function"));
        import.name = short;
    }
    parsed.emit_wasm_file(module)?;
    Ok(glue)
}

/// Removes the comments, which repeat the crate's documentation. Each has lines of its own.
fn without_comments(glue: &str) -> String {
    let is_comment = |line: &str| ["/*", "*", "//"].iter().any(|start| line.starts_with(start));
    let lines = glue.lines().filter(|line| !is_comment(line.trim_start()));
    lines.flat_map(|line| [line, "\n"]).collect()
}
