//! What a visitor has to load: the files that native/build.rs puts into the binary.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::places::Places;
use crate::tool;

/// What is loaded, by its extension.
const LOADED: [&str; 7] = ["css", "html", "js", "png", "svg", "wasm", "webmanifest"];
/// What has a short form.
const SHORTENED: [&str; 2] = ["css", "js"];

/// Every file, as it is written.
pub(crate) fn files(places: &Places) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    list(&places.root.join("www"), true, &mut files)?;
    list(&places.npm, false, &mut files)?;
    list(&places.pkg, false, &mut files)?;
    Ok(files)
}

/// Writes the short forms. False if there is no esbuild.
pub(crate) fn shorten(places: &Places) -> Result<bool> {
    for file in files(places)? {
        if !has_extension(&file, &SHORTENED) {
            continue;
        }
        let mut outfile = std::ffi::OsString::from("--outfile=");
        outfile.push(short(places, &file)?);
        let shortened = tool::run(places, "esbuild", |command| {
            command
                .args(["--minify", "--charset=utf8", "--log-level=warning"])
                .arg(&file)
                .arg(&outfile)
        })?;
        if !shortened {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What is loaded for this file: its short form, if it has one.
pub(crate) fn served(places: &Places, file: &Path) -> Result<PathBuf> {
    let short = short(places, file)?;
    Ok(if short.is_file() { short } else { file.to_owned() })
}

/// Where the short form of a file is: under the hash of what it was made of, as native/build.rs
/// looks for it. What was changed since has none, so that nothing old is ever served.
fn short(places: &Places, file: &Path) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(file)?);
    Ok(places.pkg.join("short").join(format!("{:016x}", hasher.finish())))
}

fn list(folder: &Path, deep: bool, files: &mut Vec<PathBuf>) -> Result<()> {
    let mut found = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    found.sort();
    for path in found {
        if path.is_dir() {
            if deep {
                list(&path, true, files)?;
            }
        } else if has_extension(&path, &LOADED) {
            files.push(path);
        }
    }
    Ok(())
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extensions.contains(&extension))
}
