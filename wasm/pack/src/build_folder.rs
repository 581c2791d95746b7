//! Arranges the page as one build: all that a document loads is in a folder named by its contents, so that a
//! document never loads parts of another build, whatever a server, a proxy or a cache sends.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::page::{File, copy, list};
use crate::parts;

/// Files whose place browsers and people know: they are where they always were.
const DOCUMENT: &str = "index.html";
pub(crate) const SERVICE_WORKER: &str = "service_worker.js";
/// The beginning of the folder's name, which `www/service_worker.js` knows.
const PREFIX: &str = "build-";
/// The start of the document, which names its build there, for `www/offline_shell.js`.
const ROOT: &str = "<html lang=\"en\"";
/// The document's script, and how the document begins to name it.
const SCRIPT: &str = "main.js";
const SCRIPT_ELEMENT: &str = "<script type=\"module\"";
/// Bytes of the digest in the folder's name.
const NAME_LEN: usize = 8;

/// Copies a page to `out`, as one build.
pub(crate) fn arrange(page: &Path, out: &Path) -> Result<()> {
    let mut files = Vec::new();
    list(page, "", true, &mut files)?;
    files.sort();
    let name = name(&files)?;
    let mut integrity = serde_json::Map::new();
    for (path, file) in &files {
        if is_outside(path) {
            copy(file, &out.join(path))?;
        } else {
            let path = format!("{name}/{path}");
            copy(file, &out.join(&path))?;
            integrity.insert(path, integrity_of(&fs::read(file)?).into());
        }
    }
    let known = files.iter().cloned().collect();
    let mut imports = parts::with_imports(&[SCRIPT], &known)?;
    // A text may look like an import.
    imports.retain(|path| path != SCRIPT && known.contains_key(path));
    let source = preloading(&fs::read_to_string(page.join(DOCUMENT))?, &imports)?;
    let document = document(&source, &name, &files)?;
    integrity.insert(DOCUMENT.to_owned(), integrity_of(document.as_bytes()).into());
    fs::write(out.join(DOCUMENT), document)?;
    let build = serde_json::json!({ "name": name, "files": integrity });
    let worker = fs::read_to_string(page.join(SERVICE_WORKER))?;
    Ok(fs::write(out.join(SERVICE_WORKER), format!("self.build={build};\n{worker}"))?)
}

/// Returns the path of a file without the folder of its build.
pub(crate) fn path_in_build(path: &str) -> &str {
    match path.split_once('/') {
        Some((folder, rest)) if folder.starts_with(PREFIX) => rest,
        _ => path,
    }
}

/// Returns true for files that are not in the folder.
fn is_outside(path: &str) -> bool {
    path == DOCUMENT || path == SERVICE_WORKER || parts::is_of_app(path)
}

/// Returns the folder's name: a digest of all files, and of their names.
fn name(files: &[File]) -> Result<String> {
    let mut digest = Sha256::new();
    for (path, file) in files {
        let bytes = fs::read(file)?;
        digest.update(format!("{path}\0{}\0", bytes.len()));
        digest.update(bytes);
    }
    let digits: String =
        digest.finalize().iter().take(NAME_LEN).map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{PREFIX}{digits}"))
}

/// Returns what browsers compare a file with (Subresource Integrity).
fn integrity_of(bytes: &[u8]) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(bytes)))
}

/// Returns the document with links to what its script imports at once, so that a browser need not read the script
/// before it asks for them.
fn preloading(source: &str, imports: &[String]) -> Result<String> {
    let (before, after) =
        source.split_once(SCRIPT_ELEMENT).context("index.html has no script as expected")?;
    let links: String = imports
        .iter()
        .map(|path| format!("<link rel=\"modulepreload\" href=\"{path}\">\n"))
        .collect();
    Ok(format!("{before}{links}{SCRIPT_ELEMENT}{after}"))
}

/// Returns the document with its build and, in the folder, the files that it names.
fn document(source: &str, name: &str, files: &[File]) -> Result<String> {
    let (before, after) = source.split_once(ROOT).context("index.html has no root as expected")?;
    let mut document = format!("{before}{ROOT} data-build=\"{name}\"{after}");
    for (path, _) in files.iter().filter(|(path, _)| !is_outside(path)) {
        document = document.replace(&format!("=\"{path}\""), &format!("=\"{name}/{path}\""));
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_document_names_the_files_of_its_build() {
        let file = |path: &str| (path.to_owned(), path.into());
        let files = [file("main.js"), file("icons/1.png"), file("index.html")];
        let source =
            r#"<html lang="en"><script src="main.js"></script><a href="index.html">main.js"#;
        let expected = r#"<html lang="en" data-build="build-1"><script src="build-1/main.js"></script><a href="index.html">main.js"#;
        assert_eq!(document(source, "build-1", &files).unwrap(), expected);
        assert!(document("<p>", "build-1", &files).is_err());
    }

    #[test]
    fn the_document_preloads_what_its_script_imports() {
        let source = "<title>\n<script type=\"module\" src=\"main.js\"></script>";
        let expected = "<title>\n<link rel=\"modulepreload\" href=\"parts/a.js\">\n<script type=\"module\" src=\"main.js\"></script>";
        assert_eq!(preloading(source, &["parts/a.js".to_owned()]).unwrap(), expected);
        assert!(preloading("<script>", &[]).is_err());
    }

    #[test]
    fn a_path_in_a_build_is_that_of_its_source() {
        assert_eq!(path_in_build("build-12ab/worker/main.js"), "worker/main.js");
        assert_eq!(path_in_build("worker/main.js"), "worker/main.js");
        assert_eq!(path_in_build("index.html"), "index.html");
    }
}
