//! A smaller module, where wasm-opt is there.

use std::path::Path;

use anyhow::Result;
use walrus::ModuleConfig;

use crate::places::Places;
use crate::tool;

/// The smallest as brotli makes it, by trial: longer than the shortest, but more of it alike.
const SIZE: [&str; 10] = [
    "-Os",
    "--converge",
    "--always-inline-max-function-size=0",
    // The stack's very end is there: nothing that is pointed to.
    "--low-memory-unused",
    "--one-caller-inline-max-function-size=0",
    // Its branches made anew, and all of that once more.
    "--flatten",
    "--rereloop",
    "-Os",
    "-Os",
    // So that what is alike is near each other: brotli says in fewer bits where it is.
    "--reorder-functions-by-name",
];
/// What the compiler uses by itself, and nothing more.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Leaves no names in the module. False if there is no wasm-opt.
pub(crate) fn optimize(places: &Places) -> Result<bool> {
    let wasm = places.wasm();
    let done = tool::run(places, "wasm-opt", |command| {
        command.args(SIZE).args(FEATURES).arg(&wasm).arg("-o").arg(&wasm)
    })?;
    if !done {
        drop_names(&wasm)?;
    }
    Ok(done)
}

fn drop_names(wasm: &Path) -> Result<()> {
    ModuleConfig::new()
        .generate_name_section(false)
        .generate_producers_section(false)
        .parse_file(wasm)?
        .emit_wasm_file(wasm)
}
