//! `cargo pack --release-artifacts`: builds what a release consists of, as far as it can be built on this
//! machine, into `target/dist`. The same sources give the same bytes in every folder:
//! `tests/release/run --reproduce` and the workflow of a release compare those of two.

mod archive;
mod binary;
mod crates;
mod debian;
mod licences;
mod manifests;
mod notices;
mod npm_packages;
mod reproducible;
mod stage;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::folders::Folders;
use crate::{pack, say};

use notices::Artifact;
pub(crate) use npm_packages::check_bundle;
use reproducible::Reproducible;

/// The version of every artifact.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The file with the licences of others, beside those of this project.
const NOTICES: &str = "THIRD-PARTY.txt";

/// Builds everything; the programs for these processors, or without any for all. The page must be the small one:
/// tools that are missing are an error.
pub(crate) fn build(folders: &Folders, processors: &[&str]) -> Result<()> {
    let missing = pack(folders)?;
    if !missing.is_empty() {
        bail!("a release needs {}: run npm ci in wasm/npm", missing.join(" and "));
    }
    let dist = Dist::new(folders)?;
    let same = Reproducible::new(folders)?;
    let notices = dist.folder.join(NOTICES);
    say("pack: collecting the licences of all dependencies");
    fs::write(&notices, notices::collect(folders, Artifact::Program)?)?;
    let targets = binary::targets(processors)?;
    for target in &targets {
        say(&format!("pack: building the program for {}", target.triple));
        binary::build(folders, &same, target)?;
    }
    let Some(runs_here) = targets.iter().find(|target| target.runs_here()) else {
        bail!("no program was built that runs here, to write its manual");
    };
    let stage = stage::Stage::new(folders, &dist, &runs_here.path(folders), &notices)?;
    for target in &targets {
        say(&format!("pack: packing {}", target.triple));
        archive::pack(&dist, &same, &stage, target, &target.path(folders))?;
        debian::package(folders, &dist, &same, &stage, target)?;
        stage.add_to_container(target, &target.path(folders))?;
    }
    say("pack: packing the npm package and the crates");
    npm(folders, &dist)?;
    crates::package(folders, &dist)?;
    archive::checksums(&dist.folder)?;
    manifests::write(&dist.folder)?;
    say(&format!("pack: the release is in {}", dist.folder.display()));
    Ok(())
}

/// Prints the licences of all dependencies.
pub(crate) fn print_notices(folders: &Folders) -> Result<()> {
    let notices = notices::collect(folders, Artifact::Program)?;
    Ok(std::io::stdout().write_all(notices.as_bytes())?)
}

/// Writes the package managers' files for the archives in this folder.
pub(crate) fn write_manifests(folder: &Path) -> Result<()> {
    archive::checksums(folder)?;
    manifests::write(folder)
}

/// Where the artifacts go.
struct Dist {
    folder: PathBuf,
}

impl Dist {
    fn new(folders: &Folders) -> Result<Self> {
        let folder = folders.target.with_file_name("dist");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }
}

fn npm(folders: &Folders, dist: &Dist) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--pack-destination"]).arg(&dist.folder);
    with_notices(folders, Artifact::Package, &folders.npm, || run(npm.current_dir(&folders.npm)))
}

/// Packs a folder that has notices meanwhile: left there, they would be outdated after the next change.
fn with_notices(
    folders: &Folders,
    artifact: Artifact,
    folder: &Path,
    pack: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let file = folder.join(NOTICES);
    fs::write(&file, notices::collect(folders, artifact)?)?;
    let packed = pack();
    fs::remove_file(file)?;
    packed
}

/// Runs a command, whose output is its own report.
fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot run {name}"))?;
    if !status.success() {
        bail!("{name}: {status}");
    }
    Ok(())
}

/// Runs a command and returns what it prints.
fn output(command: &mut Command) -> Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {name}"))?;
    if !output.status.success() {
        bail!("{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}
