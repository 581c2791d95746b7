//! The module as the compiler makes it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::places::Places;
use crate::say;

const TARGET: &str = "wasm32-unknown-unknown";

/// Sees to it that the compiler can make wasm.
pub(crate) fn ensure_target() -> Result<()> {
    let listed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let Ok(listed) = listed else {
        // Without rustup, a toolchain of the system's has it or not.
        let printed = Command::new("rustc")
            .args(["--print", "target-libdir", "--target", TARGET])
            .output()
            .context("expected rustc")?;
        let folder = PathBuf::from(String::from_utf8_lossy(&printed.stdout).trim());
        if folder.is_dir() {
            return Ok(());
        }
        bail!(
            "expected the Rust target {TARGET}: install it, e.g. Debian's libstd-rust-dev-wasm32"
        );
    };
    if String::from_utf8_lossy(&listed.stdout).lines().any(|target| target.trim() == TARGET) {
        return Ok(());
    }
    say(&format!("pack: rustup target add {TARGET}"));
    let added = Command::new("rustup").args(["target", "add", TARGET]).status()?;
    if !added.success() {
        bail!("expected the Rust target {TARGET}: rustup target add {TARGET}");
    }
    Ok(())
}

/// Compiles the module and says where it is.
pub(crate) fn compile(places: &Places, more: &[&str]) -> Result<PathBuf> {
    let compiled = cargo()
        .current_dir(&places.root)
        .args(["build", "--package", "xcher-wasm", "--profile", "wasm", "--target", TARGET])
        .args(more)
        .arg("--target-dir")
        .arg(&places.target)
        .status()?;
    if !compiled.success() {
        bail!("the module does not compile");
    }
    Ok(places.target.join(TARGET).join("wasm/xcher_wasm.wasm"))
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}
