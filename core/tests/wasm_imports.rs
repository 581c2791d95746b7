//! A wasm module that uses the whole crate imports nothing, so the crate needs nothing from its host.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use wasmparser::{Parser, Payload};

#[test]
fn the_wasm_module_imports_nothing() {
    let module = std::fs::read(build()).unwrap();
    let (mut imports, mut exports, mut functions, mut code) = (Vec::new(), Vec::new(), 0, 0);
    for payload in Parser::new(0).parse_all(&module) {
        match payload.unwrap() {
            Payload::ImportSection(section) => {
                imports.extend(section.into_iter().map(|import| format!("{:?}", import.unwrap())));
            }
            Payload::ExportSection(section) => {
                exports.extend(section.into_iter().map(|export| export.unwrap().name.to_owned()));
            }
            Payload::CodeSectionStart { count, size, .. } => (functions, code) = (count, size),
            _ => {}
        }
    }
    assert_eq!(imports, Vec::<String>::new());
    // The module is not empty: it has an entry point and contains the protocol.
    assert!(exports.iter().any(|name| name == "main" || name == "_start"), "{exports:?}");
    assert!(functions > 50 && code > 10_000, "{functions} functions in {code} bytes");
    for text in ["X_FILELIST", "expected an XCHER packet, got ", "X_INIT nick ip port"] {
        let found = module.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(found, "the module holds {text:?}");
    }
}

/// Builds `examples/wasm_probe.rs` and returns the path of the module.
fn build() -> std::path::PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm_imports");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--example", "wasm_probe"])
        .args(["--target", "wasm32-unknown-unknown", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // Flags of the outer build do not apply to this one.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("wasm32-unknown-unknown/release/examples/wasm_probe.wasm")
}
