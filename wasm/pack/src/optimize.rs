//! A smaller module, where wasm-opt is there.

use anyhow::Result;

use crate::places::Places;
use crate::tool;

/// The smallest as brotli makes it, by trial: longer than the shortest, but more of it alike.
const SIZE: [&str; 4] = [
    "-Os",
    "--converge",
    // The stack's very end is there: nothing that is pointed to.
    "--low-memory-unused",
    "--one-caller-inline-max-function-size=0",
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

/// False if there is no wasm-opt.
pub(crate) fn optimize(places: &Places) -> Result<bool> {
    let wasm = places.wasm();
    tool::run(places, "wasm-opt", |command| {
        command.args(SIZE).args(FEATURES).arg(&wasm).arg("-o").arg(&wasm)
    })
}
