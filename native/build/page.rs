//! Puts the page into the binary: makes a table of its files, each with its media type and as brotli.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use brotli::enc::BrotliEncoderParams;

/// What a browser is given: everything else in the folders is for people and tools.
const TYPES: [(&str, &str); 7] = [
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
];

/// The page's own files, the package that it is built on, and what `cargo pack` makes for that.
const PAGE: &str = "../www";
const PACKAGE: &str = "../wasm/npm";
const PACKED: &str = "../wasm/npm/pkg";
/// All that again as few short files, under the hash of what they were made of.
const BUNDLED: &str = "../wasm/npm/pkg/page";
/// Changes when a folder of the repository comes or goes: they are named in it.
const AROUND: &str = "../Cargo.toml";
/// Shown where the page is missing.
const WITHOUT: &str = "src/http/without_page.html";

pub(crate) fn embed() {
    if let Err(error) = build() {
        println!("cargo::error={error}");
        process::exit(1);
    }
}

fn build() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-env-changed=XCHER_PAGE");
    let is_there = |file: &str| Path::new(file).is_file();
    let missing: Vec<_> = ["../www/index.html", "../wasm/npm/pkg/xcher_bg.wasm"]
        .into_iter()
        .filter(|file| !is_there(file))
        .map(|file| file.trim_start_matches("../"))
        .collect();
    watch();
    let mut files = Vec::new();
    if missing.is_empty() {
        collect(Path::new(PAGE), "", true, &mut files)?;
        collect(Path::new(PACKAGE), "/npm", false, &mut files)?;
        collect(Path::new(PACKED), "/npm/pkg", false, &mut files)?;
        files.sort();
        let bundled = Path::new(BUNDLED).join(hash_of_all(&files)?);
        if bundled.is_dir() {
            files.clear();
            collect(&bundled, "", true, &mut files)?;
        }
    } else if env::var_os("XCHER_PAGE").is_some_and(|value| value == "required") {
        let missing = missing.join(", no ");
        let error = format!("XCHER_PAGE=required, got no {missing}: `cargo pack` builds the page");
        return Err(io::Error::other(error));
    } else {
        println!("cargo::rerun-if-changed={WITHOUT}");
        files.push(("/index.html".to_owned(), WITHOUT.into()));
    }
    files.sort();
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut table = format!("pub(super) const IS_MISSING: bool = {};\n", !missing.is_empty());
    table.push_str("static FILES: &[Asset] = &[\n");
    for (path, file) in &files {
        let asset = asset(path, file, &out)?;
        let _ = writeln!(table, "    {asset},");
    }
    table.push_str("];\n");
    fs::write(out.join("page.rs"), table)
}

/// Names what makes the table anew when it changes. A folder stands for all that is in it. What is
/// missing would count as changed each time, so what is around it stands for it.
fn watch() {
    for wanted in [[PAGE, AROUND].as_slice(), &[PACKED, PACKAGE, AROUND]] {
        if let Some(there) = wanted.iter().find(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={there}");
        }
    }
}

/// The files of a folder that a browser is given, with their paths in URLs.
fn collect(
    folder: &Path,
    at: &str,
    deep: bool,
    files: &mut Vec<(String, PathBuf)>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| {
            io::Error::other(format!("expected names in UTF-8, got {}", name.display()))
        })?;
        let is_for_others = name.starts_with('.') || name.contains(".test.");
        let (path, file) = (format!("{at}/{name}"), entry.path());
        if is_for_others || ["node_modules", "test", "tests"].contains(&name.as_str()) {
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
    TYPES.iter().find(|(of, _)| *of == extension).map(|(_, media_type)| *media_type)
}

/// The table's entry for a file; `out` is where its brotli is kept.
fn asset(path: &str, file: &Path, out: &Path) -> io::Result<String> {
    let bytes = fs::read(file)?;
    let hash = hash_of(&bytes);
    // It takes seconds for all, so what was not changed is not compressed again.
    let brotli = out.join(format!("{hash}.br"));
    if !brotli.is_file() {
        let unfinished = out.join("unfinished");
        fs::write(&unfinished, compress(&bytes)?)?;
        fs::rename(&unfinished, &brotli)?;
    }
    let is_shorter = fs::metadata(&brotli)?.len() < bytes.len() as u64;
    let brotli = match is_shorter {
        true => format!("Some(include_bytes!({brotli:?}))"),
        false => "None".to_owned(),
    };
    let file = fs::canonicalize(file)?;
    let content_type = media_type(path).unwrap_or("application/octet-stream");
    Ok(format!(
        "Asset {{ path: {path:?}, content_type: {content_type:?}, etag: \"W/\\\"{hash}\\\"\", \
         bytes: include_bytes!({file:?}), brotli: {brotli} }}"
    ))
}

/// What `cargo pack` calls the page that it bundled from these files.
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

fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let params = BrotliEncoderParams {
        quality: 11,
        size_hint: bytes.len(),
        ..BrotliEncoderParams::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &params)?;
    Ok(compressed)
}
