//! What a visitor has to load: the files that native/build.rs puts into the binary.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::places::Places;
use crate::tool;

/// What is loaded, by its extension.
const LOADED: [&str; 7] = ["css", "html", "js", "png", "svg", "wasm", "webmanifest"];
/// What `index.html` and its scripts name. Each script becomes one with all that it imports.
const ENTRIES: [&str; 3] = ["main.js", "style.css", "worker/main.js"];
/// The module, and where the worker looks for it once it has the package in itself: as the package
/// does, in `pkg` beside it.
const MODULE: (&str, &str) = ("npm/pkg/xcher_bg.wasm", "worker/pkg/xcher_bg.wasm");

/// A file of the page: its path in URLs, without the first slash, and where it is.
pub(crate) type File = (String, PathBuf);

/// Every file as it is written, sorted by path.
pub(crate) fn files(places: &Places) -> Result<Vec<File>> {
    let mut files = Vec::new();
    list(&places.root.join("www"), "", true, &mut files)?;
    list(&places.npm, "npm/", false, &mut files)?;
    list(&places.pkg, "npm/pkg/", false, &mut files)?;
    files.sort();
    Ok(files)
}

/// The files of the page alone, as a browser loads them: those that were bundled, or all.
pub(crate) fn loaded(places: &Places) -> Result<Vec<File>> {
    let files = files(places)?;
    let bundled = bundled(places, &files)?;
    if !bundled.is_dir() {
        return Ok(files);
    }
    let mut loaded = Vec::new();
    list(&bundled, "", true, &mut loaded)?;
    loaded.sort();
    Ok(loaded)
}

/// Writes the page again: scripts and styles short, and each script one file. False if there is no
/// esbuild.
pub(crate) fn bundle(places: &Places) -> Result<bool> {
    let files = files(places)?;
    // Imports are between the paths in URLs, not between those in the repository.
    let (stage, out) = (places.target.join("page"), bundled(places, &files)?);
    if stage.exists() {
        fs::remove_dir_all(&stage)?;
    }
    for (path, file) in &files {
        copy(file, &stage.join(path))?;
    }
    let flag = |flag: &str, folder: &Path| {
        let mut argument = OsString::from(flag);
        argument.push(folder);
        argument
    };
    let done = tool::run(places, "esbuild", |command| {
        command
            .args(["--bundle", "--format=esm", "--minify", "--charset=utf8", "--log-level=warning"])
            .args(ENTRIES.map(|entry| stage.join(entry)))
            .args([flag("--outbase=", &stage), flag("--outdir=", &out)])
    })?;
    if !done {
        return Ok(false);
    }
    for (path, file) in &files {
        let is_script = path.ends_with(".js") || path.ends_with(".css");
        if !is_script {
            let path = if path == MODULE.0 { MODULE.1 } else { path };
            copy(file, &out.join(path))?;
        }
    }
    Ok(true)
}

/// Where the bundled page is: under the hash of what it was made of, as native/build.rs looks for
/// it. What was changed since has none, so that nothing old is ever served.
fn bundled(places: &Places, files: &[File]) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    for (path, file) in files {
        hasher.write(path.as_bytes());
        hasher.write(&fs::read(file)?);
    }
    Ok(places.pkg.join("page").join(format!("{:016x}", hasher.finish())))
}

fn copy(file: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("expected a file's path")?)?;
    fs::copy(file, to)?;
    Ok(())
}

fn list(folder: &Path, at: &str, deep: bool, files: &mut Vec<File>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        let name = file.file_name().and_then(|name| name.to_str()).context("expected UTF-8")?;
        if file.is_dir() {
            if deep {
                list(&file, &format!("{at}{name}/"), true, files)?;
            }
        } else if is_loaded(name) {
            files.push((format!("{at}{name}"), file));
        }
    }
    Ok(())
}

fn is_loaded(name: &str) -> bool {
    let is_for_others = name.starts_with('.') || name.contains(".test.");
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    !is_for_others && extension.is_some_and(|extension| LOADED.contains(&extension))
}
