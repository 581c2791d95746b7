//! Archives of the program with the files beside it, and checksums.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::binary::Target;
use super::reproducible::Reproducible;
use super::stage::Stage;
use super::{Dist, VERSION, copy, output, run};

/// The checksums of all artifacts, as `sha256sum --check` reads them.
pub(super) const CHECKSUMS: &str = "SHA256SUMS";

/// Packs the program for one system.
pub(super) fn pack(
    dist: &Dist,
    same: &Reproducible,
    stage: &Stage,
    target: &Target,
    program: &Path,
) -> Result<()> {
    copy(program, &stage.folder.join("xcher"))?;
    let name = format!("xcher-{VERSION}-{}", target.triple);
    let mut tar = Command::new("tar");
    // One order, time, owner and mode, whatever the folder's are.
    tar.args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--format=ustar", "--mode=u=rwX,go=rX", "--use-compress-program=gzip -9n"])
        .arg(format!("--mtime=@{}", same.epoch))
        .arg(format!("--transform=s,^\\.,{name},"))
        .arg("--file")
        .arg(dist.folder.join(format!("{name}.tar.gz")))
        .arg("--directory")
        .arg(&stage.folder)
        .arg(".");
    run(&mut tar)?;
    Ok(fs::remove_file(stage.folder.join("xcher"))?)
}

/// Writes the checksums of the files in a folder.
pub(super) fn checksums(folder: &Path) -> Result<()> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut files = entries.collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.is_file() && !file.ends_with(CHECKSUMS));
    files.sort();
    let names = files.iter().filter_map(|file| file.file_name());
    let sums = output(Command::new("sha256sum").current_dir(folder).arg("--").args(names))?;
    Ok(fs::write(folder.join(CHECKSUMS), sums)?)
}
