//! A smaller module, where wasm-opt is there.

use std::io::ErrorKind;
use std::process::Command;

use anyhow::{Result, bail};

use crate::places::Places;

/// What the compiler uses by itself, and nothing more.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// False if there is no wasm-opt: the package's own is preferred to the system's.
pub(crate) fn optimize(places: &Places) -> Result<bool> {
    let own = places.npm.join("node_modules/.bin/wasm-opt");
    let wasm = places.wasm();
    for program in [own.as_os_str(), "wasm-opt".as_ref()] {
        let optimized = Command::new(program)
            .args(["-Oz", "--converge"])
            .args(FEATURES)
            .arg(&wasm)
            .arg("-o")
            .arg(&wasm)
            .status();
        match optimized {
            Ok(status) if status.success() => return Ok(true),
            Ok(status) => bail!("{}: {status}", program.to_string_lossy()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => bail!("{}: {error}", program.to_string_lossy()),
        }
    }
    Ok(false)
}
