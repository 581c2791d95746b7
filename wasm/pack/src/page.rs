//! The files that a browser loads: native/build.rs embeds them in the binary.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::build_folder::{self, SERVICE_WORKER};
use crate::compress::compress;
use crate::folders::Folders;
use crate::{release, say, tool};

pub(crate) const TOOL: &str = "esbuild";
/// Extensions of files that a browser loads.
const EXTENSIONS: [&str; 7] = ["css", "html", "js", "png", "svg", "wasm", "webmanifest"];
/// Files that `index.html` and its scripts name. Each script is bundled with all that it imports.
const ENTRIES: [&str; 4] = ["main.js", "style.css", "worker/main.js", SERVICE_WORKER];
/// A package that a script imports when it needs it, and does without where npm has not installed it.
const OPTIONAL: &str = "client-zip";
/// The folder of the modules, and the one in which the bundled worker looks for them: beside it, as the package
/// does.
const MODULES: (&str, &str) = ("npm/pkg/", "worker/pkg/");

/// A file of the page: its path in URLs, without the leading slash, and on the disk.
pub(crate) type File = (String, PathBuf);

/// Returns every source file of the page, sorted by path.
pub(crate) fn files(folders: &Folders) -> Result<Vec<File>> {
    let mut files = Vec::new();
    list(&folders.root.join("www"), "", true, &mut files)?;
    list(&folders.npm, "npm/", false, &mut files)?;
    list(&folders.pkg, "npm/pkg/", false, &mut files)?;
    files.sort();
    Ok(files)
}

/// Returns the files of the page that [`make`] made.
pub(crate) fn loaded(folders: &Folders) -> Result<Vec<File>> {
    let mut loaded = Vec::new();
    list(&made(folders, &files(folders)?)?, "", true, &mut loaded)?;
    loaded.sort();
    Ok(loaded)
}

/// Makes the page that the binary serves, unless it was made from the same sources: bundled and minified if
/// esbuild is installed, else as written, as one build, each file with its brotli beside it.
pub(crate) fn make(folders: &Folders) -> Result<()> {
    let files = files(folders)?;
    let out = made(folders, &files)?;
    if out.is_dir() {
        return Ok(());
    }
    say("pack: 3 of 3: compressing the page that browsers load");
    let bundle = folders.target.join("bundle");
    // Inside the package, whose dependencies the scripts import.
    let (stage, partial) =
        (made_folder(folders).join("stage"), made_folder(folders).join("partial"));
    for folder in [&bundle, &made_folder(folders)] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    // Imports name paths in URLs, not those in the repository.
    for (path, file) in &files {
        copy(file, &stage.join(path))?;
    }
    // The page's own: in the package around it, what is imported for its effects alone would be left out.
    fs::write(stage.join("package.json"), "{}")?;
    let is_bundled = bundle_scripts(folders, &stage, &bundle, &files)?;
    build_folder::arrange(if is_bundled { &bundle } else { &stage }, &partial)?;
    let mut made = Vec::new();
    list(&partial, "", true, &mut made)?;
    made.iter().try_for_each(|(_, file)| compress(file))?;
    fs::remove_dir_all(stage)?;
    Ok(fs::rename(partial, out)?)
}

/// Bundles and minifies the staged files. Returns false if esbuild is missing.
fn bundle_scripts(folders: &Folders, stage: &Path, out: &Path, files: &[File]) -> Result<bool> {
    let flag = |flag: &str, folder: &Path| {
        let mut argument = OsString::from(flag);
        argument.push(folder);
        argument
    };
    let packages = folders.npm.join("node_modules");
    let inputs = folders.target.join("page.inputs");
    // Left to the browser, the import fails there, and the page says what it does instead.
    let external = (!packages.join(OPTIONAL).is_dir()).then(|| format!("--external:{OPTIONAL}"));
    let done = tool::run(folders, TOOL, |command| {
        command
            .arg(flag("--metafile=", &inputs))
            // esbuild hashes the names of files as they are from here: another folder of the build would give others.
            .current_dir(&folders.npm)
            .args(&external)
            .args(["--bundle", "--format=esm", "--minify", "--charset=utf8", "--log-level=warning"])
            // What a script imports when it needs it is a file of its own.
            .args(["--splitting", "--chunk-names=parts/[name]-[hash]"])
            .args(ENTRIES.map(|entry| stage.join(entry)))
            .args([flag("--outbase=", stage), flag("--outdir=", out)])
    })?;
    if !done {
        return Ok(false);
    }
    release::check_bundle(&folders.npm, &fs::read(inputs)?)?;
    for (path, file) in files {
        let is_script = path.ends_with(".js") || path.ends_with(".css");
        if !is_script {
            copy(file, &out.join(path.replace(MODULES.0, MODULES.1)))?;
        }
    }
    Ok(true)
}

/// Returns the folder of the page made of these sources, named by their hash, as native/build/page.rs looks
/// for it. So an outdated page is never served.
fn made(folders: &Folders, files: &[File]) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    for (path, file) in files {
        hasher.write(path.as_bytes());
        hasher.write(&fs::read(file)?);
    }
    Ok(made_folder(folders).join(format!("{:016x}", hasher.finish())))
}

/// Returns the folder of the one page that is kept.
fn made_folder(folders: &Folders) -> PathBuf {
    folders.pkg.join("page")
}

pub(crate) fn copy(file: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("a path without a folder")?)?;
    fs::copy(file, to)?;
    Ok(())
}

/// Adds the files of a folder that a browser loads, with their paths below `at`; those in its folders only if `deep`.
pub(crate) fn list(folder: &Path, at: &str, deep: bool, files: &mut Vec<File>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .context("a file name that is not UTF-8")?;
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
    let is_hidden_or_test = name.starts_with('.') || name.contains(".test.");
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    !is_hidden_or_test && extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}
