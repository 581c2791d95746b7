//! Compiles the module.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::folders::Folders;
use crate::modules::MODULES;
use crate::say;

const TARGET: &str = "wasm32-unknown-unknown";
/// Vector instructions, which every browser with the page's other features has, and Node since version 16.4:
/// without them an encrypted session takes much more of the processor. `wasm/npm/load.js` checks for them.
const FLAG: &str = "-Ctarget-feature=+simd128";

/// Installs the compiler's target for wasm if it is missing and rustup is there.
pub(crate) fn ensure_target() -> Result<()> {
    let listed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let Ok(listed) = listed else {
        // A system-wide toolchain without rustup has it or not.
        let printed = Command::new("rustc")
            .args(["--print", "target-libdir", "--target", TARGET])
            .output()
            .context("rustc is missing")?;
        let folder = PathBuf::from(String::from_utf8_lossy(&printed.stdout).trim());
        if folder.is_dir() {
            return Ok(());
        }
        bail!(
            "the Rust target {TARGET} is missing: install it, e.g. Debian's libstd-rust-dev-wasm32"
        );
    };
    if String::from_utf8_lossy(&listed.stdout).lines().any(|target| target.trim() == TARGET) {
        return Ok(());
    }
    say(&format!("pack: rustup target add {TARGET}"));
    let added = Command::new("rustup").args(["target", "add", TARGET]).status()?;
    if !added.success() {
        bail!("the Rust target {TARGET} is missing: rustup target add {TARGET}");
    }
    Ok(())
}

/// Compiles the modules and returns their folder.
pub(crate) fn compile(folders: &Folders, more: &[&str]) -> Result<PathBuf> {
    let packages = MODULES.iter().flat_map(|module| ["--package", module.package]);
    let compiled = cargo()
        .current_dir(&folders.root)
        .args(["build", "--profile", "wasm", "--target", TARGET])
        .args(packages)
        .args(more)
        .arg("--target-dir")
        .arg(&folders.target)
        .env(FLAGS, flags())
        .status()?;
    if !compiled.success() {
        bail!("the modules do not compile");
    }
    Ok(folders.target.join(TARGET).join("wasm"))
}

/// The variable that goes before all others with flags of the compiler.
const FLAGS: &str = "CARGO_ENCODED_RUSTFLAGS";

/// Returns the flags of the compiler: those of the environment, and the module's own.
fn flags() -> String {
    let given = std::env::var(FLAGS).or_else(|_| {
        let plain = std::env::var("RUSTFLAGS")?;
        Ok::<_, std::env::VarError>(plain.split_whitespace().collect::<Vec<_>>().join("\x1f"))
    });
    let given = given.into_iter().filter(|given| !given.is_empty());
    given.chain([FLAG.to_owned()]).collect::<Vec<_>>().join("\x1f")
}

/// Returns a command for the cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}
