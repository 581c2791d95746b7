//! Optimizes the modules for size, if wasm-opt is installed.

use std::path::Path;

use anyhow::Result;
use walrus::ModuleConfig;

use crate::folders::Folders;
use crate::modules::MODULES;
use crate::tool;

pub(crate) const TOOL: &str = "wasm-opt";
/// The options with the smallest compressed result, found by trial: longer code than the shortest, but more
/// alike.
const SIZE: [&str; 11] = [
    "-Os",
    "--converge",
    "--always-inline-max-function-size=0",
    // The end of the stack is there, and nothing points to it.
    "--low-memory-unused",
    "--one-caller-inline-max-function-size=0",
    // Rebuilds the branches, and optimizes them again.
    "--flatten",
    "--rereloop",
    "-Os",
    "-Os",
    // Alignments are hints that no engine for browsers heeds.
    "--dealign",
    // Similar functions next to each other compress better.
    "--reorder-functions-by-name",
];
/// Only features that the compiler uses.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-simd",
];

/// Optimizes the modules, if wasm-opt is installed, and drops their names.
pub(crate) fn optimize(folders: &Folders) -> Result<()> {
    MODULES.iter().try_for_each(|module| optimize_one(folders, &module.packed(&folders.pkg)))
}

fn optimize_one(folders: &Folders, wasm: &Path) -> Result<()> {
    let done = tool::run(folders, TOOL, |command| {
        command.args(SIZE).args(FEATURES).arg(wasm).arg("-o").arg(wasm)
    })?;
    if done { Ok(()) } else { drop_names(wasm) }
}

fn drop_names(wasm: &Path) -> Result<()> {
    ModuleConfig::new()
        .generate_name_section(false)
        .generate_producers_section(false)
        .parse_file(wasm)?
        .emit_wasm_file(wasm)
}
