//! A smaller module, where wasm-opt is there.

use anyhow::Result;

use crate::places::Places;
use crate::tool;

/// What the compiler uses by itself, and nothing more.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// False if there is no wasm-opt.
pub(crate) fn optimize(places: &Places) -> Result<bool> {
    let wasm = places.wasm();
    tool::run(places, "wasm-opt", |command| {
        command.args(["-Oz", "--converge"]).args(FEATURES).arg(&wasm).arg("-o").arg(&wasm)
    })
}
