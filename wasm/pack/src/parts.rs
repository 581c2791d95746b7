//! The parts in which a browser loads the page, and the most bytes of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::build_folder::{SERVICE_WORKER, path_in_build};
use crate::page::File;

/// Files that are loaded at once, by each document or worker of the page.
const FIRST_SCREEN: [&str; 4] = ["icon.svg", "index.html", "main.js", "style.css"];
const WORKER: [&str; 1] = ["worker/main.js"];
/// The package's module, whose folder differs where the page is bundled.
const MODULE: &str = "pkg/xcher_bg.wasm";
/// What only a browser loads that may install the page, beside the first screen: the manifest and the icons in it.
const MANIFEST: &str = "manifest.webmanifest";
const ICONS: &str = "icons/";
/// The folder of the languages in the sources. A bundle has one file for each, named by it.
const LANGUAGES: &str = "www/texts";

/// What a browser loads at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// All before a person can act.
    FirstScreen,
    /// The worker with the package's JavaScript.
    Worker,
    /// The package's module.
    Module,
    /// The texts of a language other than English.
    Language,
    /// What loads when it is needed, each by itself.
    OnDemand,
    /// What makes an app of the page; no screen waits for it.
    App,
}

/// The most bytes of the parts that every session needs, compressed by brotli. Half of the module is the core and its
/// driver, a seventh the crates of the encryption (Noise, Curve25519, the ciphers, BLAKE3, codes), a twelfth text and
/// tables, a sixteenth yamux with its futures and maps, and the rest the standard library.
pub(crate) const BASE_LIMIT: usize = 198 << 10;

impl Part {
    /// Returns the most bytes, compressed by brotli. Each language, and each file that loads when it is needed or
    /// makes an app of the page, has its own.
    pub(crate) fn limit(self) -> usize {
        match self {
            Self::FirstScreen => 27 << 10,
            Self::Worker => 28 << 10,
            Self::Module => 145 << 10,
            Self::Language => 10 << 10,
            Self::OnDemand => 8 << 10,
            Self::App => 9 << 10,
        }
    }

    /// Returns true for what every session needs.
    pub(crate) fn is_base(self) -> bool {
        matches!(self, Self::FirstScreen | Self::Worker | Self::Module)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FirstScreen => "first screen",
            Self::Worker => "worker",
            Self::Module => "module",
            Self::Language => "language",
            Self::OnDemand => "on demand",
            Self::App => "app",
        }
    }
}

/// Returns the part of each file of a bundled page.
pub(crate) fn parts(root: &Path, loaded: &[File]) -> Result<Vec<(Part, File)>> {
    let files: BTreeMap<_, _> =
        loaded.iter().map(|(path, file)| (path_in_build(path).to_owned(), file.clone())).collect();
    let first = with_imports(&FIRST_SCREEN, &files)?;
    let worker = with_imports(&WORKER, &files)?;
    let languages = languages(root)?;
    let part = |path: &str| {
        if first.iter().any(|known| known == path) {
            Part::FirstScreen
        } else if worker.iter().any(|known| known == path) {
            Part::Worker
        } else if path.ends_with(MODULE) {
            Part::Module
        } else if chunk_name(path).is_some_and(|name| languages.iter().any(|known| known == name)) {
            Part::Language
        } else if is_of_app(path) || path == SERVICE_WORKER {
            Part::App
        } else {
            Part::OnDemand
        }
    };
    let mut parts: Vec<_> =
        files.iter().map(|(path, file)| (part(path), (path.clone(), file.clone()))).collect();
    parts.sort();
    Ok(parts)
}

/// Returns true for the manifest and its icons.
pub(crate) fn is_of_app(path: &str) -> bool {
    path == MANIFEST || path.starts_with(ICONS)
}

/// Returns these files and all that they import at once, and those import in turn.
pub(crate) fn with_imports(
    entries: &[&str],
    files: &BTreeMap<String, PathBuf>,
) -> Result<Vec<String>> {
    let mut all: Vec<String> = entries.iter().map(|&entry| entry.to_owned()).collect();
    let mut at = 0;
    while let Some(path) = all.get(at).cloned() {
        at += 1;
        let Some(file) = files.get(&path).filter(|_| path.ends_with(".js")) else { continue };
        for import in imports(&fs::read_to_string(file)?) {
            let import = resolve(&path, import);
            if !all.contains(&import) {
                all.push(import);
            }
        }
    }
    Ok(all)
}

/// Returns the relative paths of static imports, as esbuild and the sources write them. `import("…")` is not one.
fn imports(script: &str) -> impl Iterator<Item = &str> {
    ["from\"", "from \"", "import\"", "import \""].into_iter().flat_map(move |start| {
        script.split(start).skip(1).filter_map(|rest| rest.split('"').next())
    })
}

/// Returns the path of an import in URLs.
fn resolve(from: &str, import: &str) -> String {
    let mut path: Vec<_> = from.split('/').collect();
    path.pop();
    for step in import.split('/') {
        match step {
            "." => {}
            ".." => drop(path.pop()),
            name => path.push(name),
        }
    }
    path.join("/")
}

/// Returns the name that a part of a bundle has by its source.
fn chunk_name(path: &str) -> Option<&str> {
    path.strip_prefix("parts/")?.rsplit_once('-').map(|(name, _)| name)
}

fn languages(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(LANGUAGES))? {
        names.extend(entry?.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_imports_are_found_and_dynamic_ones_are_not() {
        let script = r#"import{a as b}from"../parts/chunk-1.js";import"./c.js";var d=()=>import("./de-2.js");"#;
        let found: Vec<_> =
            imports(script).map(|import| resolve("worker/main.js", import)).collect();
        assert_eq!(found, ["parts/chunk-1.js", "worker/c.js"]);
    }

    #[test]
    fn names_of_parts_are_those_of_their_sources() {
        assert_eq!(chunk_name("parts/de-GM6EJRXX.js"), Some("de"));
        assert_eq!(chunk_name("main.js"), None);
    }
}
