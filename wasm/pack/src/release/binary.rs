//! The program, linked statically for Linux.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use super::reproducible::Reproducible;
use super::run;
use crate::compile::cargo;
use crate::folders::Folders;
use crate::say;

/// A system that the program is built for.
pub(super) struct Target {
    /// Its name in Rust.
    pub(super) triple: &'static str,
    /// The name of its processor in file names.
    pub(super) arch: &'static str,
    /// The C compilers that are tried, each of which links, too, if that differs from this machine's.
    compilers: &'static [&'static str],
    /// The Debian package with a compiler.
    package: &'static str,
}

const TARGETS: [Target; 2] = [
    Target {
        triple: "x86_64-unknown-linux-musl",
        arch: "x86_64",
        compilers: &["x86_64-linux-musl-gcc", "musl-gcc", "x86_64-linux-gnu-gcc"],
        package: "musl-tools",
    },
    Target {
        triple: "aarch64-unknown-linux-musl",
        arch: "aarch64",
        compilers: &["aarch64-linux-musl-gcc", "aarch64-linux-gnu-gcc"],
        package: "gcc-aarch64-linux-gnu",
    },
];

impl Target {
    /// Returns the path of its program.
    pub(super) fn path(&self, folders: &Folders) -> PathBuf {
        self.folder(folders).join("xcher")
    }

    /// Returns the folder in which cargo puts its programs.
    pub(super) fn folder(&self, folders: &Folders) -> PathBuf {
        folders.target.with_file_name(self.triple).join("release")
    }

    pub(super) fn runs_here(&self) -> bool {
        self.arch == std::env::consts::ARCH
    }

    fn compiler(&self) -> Option<&'static str> {
        let runs = |name: &&&str| Command::new(name).arg("--version").output().is_ok();
        self.compilers.iter().find(runs).copied()
    }
}

/// Returns those that can be built here, and says which cannot.
///
/// # Errors
///
/// A processor without a target.
pub(super) fn targets(processors: &[&str]) -> Result<Vec<&'static Target>> {
    let known = |processor: &&&str| TARGETS.iter().any(|target| target.arch == **processor);
    if let Some(unknown) = processors.iter().find(|processor| !known(processor)) {
        bail!("no processor {unknown}: name {}", TARGETS.map(|target| target.arch).join(" or "));
    }
    let is_wanted = |target: &&Target| processors.is_empty() || processors.contains(&target.arch);
    let can_be_built = |target: &&Target| {
        let found = target.compiler().is_some();
        if !found {
            let Target { triple, package, .. } = target;
            say(&format!("pack: left out {triple}: a C compiler is missing, Debian's {package}"));
        }
        found
    };
    Ok(TARGETS.iter().filter(is_wanted).filter(can_be_built).collect())
}

/// Compiles the program, with the page in it.
pub(super) fn build(folders: &Folders, same: &Reproducible, target: &Target) -> Result<()> {
    let variable = target.triple.replace('-', "_");
    let mut rustup = Command::new("rustup");
    // A toolchain without rustup has the target or not: the build tells.
    let _ = rustup.args(["target", "add", "--quiet", target.triple]).output();
    let mut command = cargo();
    // The list of dependencies and their versions becomes a part of the program, for scanners.
    if is_auditable() {
        command.arg("auditable");
    } else {
        say("pack: without a list of dependencies in the program: cargo install cargo-auditable");
    }
    command
        .args(["build", "--release", "--package", "xcher", "--locked", "--target", target.triple])
        .arg("--target-dir")
        .arg(folders.target.with_file_name(""))
        .current_dir(&folders.root)
        .env("XCHER_PAGE", "required");
    same.apply(&mut command);
    if let Some(compiler) = target.compiler() {
        command.env(format!("CC_{variable}"), compiler);
        if !target.runs_here() {
            command.env(format!("CARGO_TARGET_{}_LINKER", variable.to_uppercase()), compiler);
        }
    }
    run(&mut command)
}

fn is_auditable() -> bool {
    let found = cargo().args(["auditable", "--version"]).output();
    found.is_ok_and(|found| found.status.success())
}
