//! Debian packages, by cargo-deb, as native/Cargo.toml describes them.

use anyhow::{Context as _, Result};

use super::binary::Target;
use super::reproducible::Reproducible;
use super::stage::Stage;
use super::{Dist, copy, run};
use crate::compile::cargo;
use crate::folders::Folders;
use crate::say;

/// Files of the stage that the package has from cargo's folder, where cargo-deb looks for what a build makes.
const FILES: &str = "release-files";

/// Makes the package of one system, if cargo-deb is installed.
pub(super) fn package(
    folders: &Folders,
    dist: &Dist,
    same: &Reproducible,
    stage: &Stage,
    target: &Target,
) -> Result<()> {
    let found = cargo().args(["deb", "--version"]).output();
    if !found.is_ok_and(|found| found.status.success()) {
        say("pack: left out the Debian package: cargo install cargo-deb");
        return Ok(());
    }
    for folder in ["man", "completions", "."] {
        for entry in std::fs::read_dir(stage.folder.join(folder))? {
            let file = entry?.path();
            let name = file.file_name().context("a file without a name")?;
            if file.is_file() {
                let to = target.folder(folders).join(FILES).join(folder);
                copy(&file, &to.join(name))?;
            }
        }
    }
    let manual = target.folder(folders).join(FILES).join("man");
    let pages = std::fs::read_dir(&manual)?.map(|entry| Ok(entry?.path()));
    let mut pages = pages.collect::<Result<Vec<_>>>()?;
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "1"));
    // Debian's policy, section 12.1: compressed, and without the time.
    run(std::process::Command::new("gzip").args(["-9", "--no-name", "--force"]).args(pages))?;
    let mut command = cargo();
    command
        .args(["deb", "--quiet", "--package", "xcher", "--no-build", "--no-strip", "--locked"])
        .args(["--target", target.triple, "--output"])
        .arg(&dist.folder)
        .current_dir(&folders.root)
        .env("CARGO_TARGET_DIR", folders.target.with_file_name(""))
        .env("SOURCE_DATE_EPOCH", &same.epoch);
    run(&mut command)
}
