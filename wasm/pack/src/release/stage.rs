//! The files beside the program: its manual, completions, licences, and what an operator needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::binary::Target;
use super::{Dist, NOTICES, copy, output, run};
use crate::LICENSES;
use crate::folders::Folders;

/// Files of the repository that go into every archive.
const DOCUMENTS: [&str; 5] =
    ["README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// Completion scripts, by the shell's name and the file's.
const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "xcher.bash"), ("zsh", "_xcher"), ("fish", "xcher.fish")];

/// Examples for operators, in the folder of the packaging.
const EXAMPLES: [&str; 8] = [
    "proxy/nginx.conf",
    "proxy/nginx-stream.conf",
    "proxy/nginx-subpath.conf",
    "proxy/haproxy.cfg",
    "proxy/Caddyfile",
    "proxy/Caddyfile-subpath",
    "monitoring/prometheus-rules.yml",
    "monitoring/grafana-dashboard.json",
];

/// A folder with these files.
pub(super) struct Stage {
    pub(super) folder: PathBuf,
    /// What the container file copies, and itself.
    container: PathBuf,
}

impl Stage {
    /// Collects them. `program` writes the manual and the completions.
    pub(super) fn new(
        folders: &Folders,
        dist: &Dist,
        program: &Path,
        notices: &Path,
    ) -> Result<Self> {
        let folder = folders.target.join("release-files");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        for name in DOCUMENTS {
            copy(&folders.root.join(name), &folder.join(name))?;
        }
        copy(notices, &folder.join(NOTICES))?;
        copy(&folders.root.join("native/OPERATING.md"), &folder.join("OPERATING.md"))?;
        // Nothing on this machine may change the manual and the scripts. Called by its name, as where it is
        // installed: a script calls the program as the program was called.
        let programs = program.parent().context("a program without a folder")?;
        let xcher = || {
            let mut xcher = Command::new("xcher");
            xcher.env_clear().env("PATH", programs);
            xcher
        };
        run(xcher().arg("man").arg("--output").arg(folder.join("man")))?;
        for (shell, file) in COMPLETIONS {
            let to = folder.join("completions").join(file);
            copy(notices, &to)?;
            let script = output(xcher().args(["completions", shell]))?;
            if String::from_utf8_lossy(&script).contains(&*programs.to_string_lossy()) {
                bail!("the completion of {shell} names a folder of this machine");
            }
            fs::write(&to, script)?;
        }
        let packaging = folders.root.join("native/packaging");
        for name in ["xcher-relay.service", "xcher-relay.socket", "xcher.sysusers", "relay.toml"] {
            copy(&packaging.join(name), &folder.join("packaging").join(name))?;
        }
        for name in EXAMPLES {
            copy(&packaging.join(name), &folder.join("packaging").join(name))?;
        }
        let container = dist.folder.join("container");
        copy(&packaging.join("Containerfile"), &container.join("Containerfile"))?;
        copy(notices, &container.join(NOTICES))?;
        for license in LICENSES {
            copy(&folders.root.join(license), &container.join(license))?;
        }
        fs::create_dir_all(container.join("empty"))?;
        Ok(Self { folder, container })
    }

    /// Puts a program where the container file expects it.
    pub(super) fn add_to_container(&self, target: &Target, program: &Path) -> Result<()> {
        copy(program, &self.container.join(format!("xcher-linux-{}", target.arch)))
    }
}
