//! Embeds the page in the binary: generates a table of its files, each with its media type and its brotli.
//!
//! In the repository `cargo pack` makes the page; a published package contains it in `page`.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

/// The files served to browsers, by extension. All other files in the folders are for people and tools.
const MEDIA_TYPES: [(&str, &str); 7] = [
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
];

/// The page's own files.
const PAGE: &str = "../www";
/// The package that the page uses.
const PACKAGE: &str = "../wasm/npm";
/// The files that `cargo pack` generates for the package.
const PACKED: &str = "../wasm/npm/pkg";
/// The page that it makes of all these, in a folder named by the hash of their contents.
const MADE: &str = "../wasm/npm/pkg/page";
/// The page in a published package.
const PUBLISHED: &str = "page";
/// A file that changes when a folder of the repository is added or removed, because it lists them.
const WORKSPACE: &str = "../Cargo.toml";
/// The page that is served if the real one is missing.
const SUBSTITUTE: &str = "src/http/without_page.html";

pub(crate) fn embed() {
    if let Err(error) = build() {
        println!("cargo::error={error}");
        process::exit(1);
    }
}

fn build() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-env-changed=XCHER_PAGE");
    let exists = |file: &str| Path::new(file).is_file();
    let missing: Vec<_> = ["../www/index.html", "../wasm/npm/pkg/xcher_bg.wasm"]
        .into_iter()
        .filter(|file| !exists(file))
        .map(|file| file.trim_start_matches("../"))
        .collect();
    // The folder is left in the repository by packaging, too, and is outdated there.
    let is_published = !Path::new(WORKSPACE).exists() && exists("page/index.html");
    watch();
    let mut files = Vec::new();
    if missing.is_empty() {
        collect(Path::new(PAGE), "", true, &mut files)?;
        collect(Path::new(PACKAGE), "/npm", false, &mut files)?;
        collect(Path::new(PACKED), "/npm/pkg", false, &mut files)?;
        files.sort();
        let made = Path::new(MADE).join(hash_of_all(&files)?);
        // A page as changed since is served as written.
        if made.is_dir() {
            files.clear();
            collect(&made, "", true, &mut files)?;
        }
    } else if is_published {
        collect(Path::new(PUBLISHED), "", true, &mut files)?;
    } else if env::var_os("XCHER_PAGE").is_some_and(|value| value == "required") {
        let missing = missing.join(", no ");
        let error =
            format!("XCHER_PAGE=required, but there is no {missing}: run `cargo pack` first");
        return Err(io::Error::other(error));
    } else {
        println!("cargo::rerun-if-changed={SUBSTITUTE}");
        files.push(("/index.html".to_owned(), SUBSTITUTE.into()));
    }
    files.sort();
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let is_missing = !missing.is_empty() && !is_published;
    let mut table = format!("pub(super) const IS_MISSING: bool = {is_missing};\n");
    table.push_str("static FILES: &[Asset] = &[\n");
    for (path, file) in &files {
        let asset = asset(path, file)?;
        let _ = writeln!(table, "    {asset},");
    }
    table.push_str("];\n");
    fs::write(out.join("page.rs"), table)
}

/// Tells cargo which changes need a new table. A folder covers its contents. A missing file would count as
/// changed each time, so the folder or file around it is watched instead.
fn watch() {
    for wanted in [[PAGE, WORKSPACE].as_slice(), &[PACKED, PACKAGE, WORKSPACE]] {
        if let Some(existing) = wanted.iter().find(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={existing}");
        }
    }
}

/// Collects the files of a folder that are served to browsers, with their paths in URLs.
fn collect(
    folder: &Path,
    at: &str,
    deep: bool,
    files: &mut Vec<(String, PathBuf)>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| {
            io::Error::other(format!("file name is not UTF-8: {}", name.display()))
        })?;
        let is_not_served = name.starts_with('.') || name.contains(".test.");
        let (path, file) = (format!("{at}/{name}"), entry.path());
        if is_not_served || ["node_modules", "test", "tests"].contains(&name.as_str()) {
            continue;
        }
        if file.is_dir() {
            if deep {
                collect(&file, &path, true, files)?;
            }
        } else if media_type(&path).is_some() {
            if !deep {
                println!("cargo::rerun-if-changed={}", file.display());
            }
            files.push((path, file));
        }
    }
    Ok(())
}

fn media_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    MEDIA_TYPES.iter().find(|(of, _)| *of == extension).map(|(_, media_type)| *media_type)
}

/// Returns the table's entry for a file.
fn asset(path: &str, file: &Path) -> io::Result<String> {
    let hash = hash_of(&fs::read(file)?);
    // The same in every folder: positions in the sources, of which the table is one, are a part of the library.
    let include = |file: &Path| {
        format!(r#"include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", {file:?}))"#)
    };
    let compressed = file.with_added_extension("br");
    let brotli = match compressed.is_file() {
        true => format!("Some({})", include(&compressed)),
        false => "None".to_owned(),
    };
    let bytes = include(file);
    let content_type = media_type(path).unwrap_or("application/octet-stream");
    Ok(format!(
        "Asset {{ path: {path:?}, content_type: {content_type:?}, etag: \"W/\\\"{hash}\\\"\", \
         bytes: {bytes}, brotli: {brotli} }}"
    ))
}

/// Returns the name that `cargo pack` gives to the page made of these files.
fn hash_of_all(files: &[(String, PathBuf)]) -> io::Result<String> {
    let mut hasher = DefaultHasher::new();
    for (path, file) in files {
        hasher.write(path.trim_start_matches('/').as_bytes());
        hasher.write(&fs::read(file)?);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn hash_of(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
}
