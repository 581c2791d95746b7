//! What makes a build independent of its time and folder.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::output;
use crate::folders::Folders;

/// The settings of every build.
pub(super) struct Reproducible {
    /// The time of the last commit, in seconds since 1970: that of every file in an archive.
    pub(super) epoch: String,
    /// Folders of this machine, each with the name that stands for it in programs.
    folders: [(PathBuf, &'static str); 3],
}

impl Reproducible {
    pub(super) fn new(folders: &Folders) -> Result<Self> {
        let epoch = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(epoch) => epoch,
            Err(_) => {
                let mut git = Command::new("git");
                git.current_dir(&folders.root).args(["log", "-1", "--format=%ct"]);
                let time = output(&mut git).context("name the time by SOURCE_DATE_EPOCH")?;
                String::from_utf8(time)?.trim().to_owned()
            }
        };
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
        let home = home.context("no home folder: set CARGO_HOME")?;
        let target = folders.target.with_file_name("");
        // The last that fits is used.
        let folders = [(folders.root.clone(), "/xcher"), (target, "/target"), (home, "/cargo")];
        Ok(Self { epoch, folders })
    }

    /// Sets the environment of a build.
    pub(super) fn apply(&self, command: &mut Command) {
        let maps = |option: &str| -> Vec<_> {
            let map =
                |(folder, name): &(PathBuf, _)| format!("{option}={}={name}", folder.display());
            self.folders.iter().map(map).collect()
        };
        command
            .env("SOURCE_DATE_EPOCH", &self.epoch)
            .env("CARGO_ENCODED_RUSTFLAGS", maps("--remap-path-prefix").join("\x1f"))
            .env("CFLAGS", maps("-ffile-prefix-map").join(" "));
    }
}
