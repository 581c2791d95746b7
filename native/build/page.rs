//! Embeds the page in the binary: generates a table of its files, each with its media type and its brotli.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use brotli::enc::BrotliEncoderParams;

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
/// All of these bundled into a few files, in a folder named by the hash of their sources.
const BUNDLED: &str = "../wasm/npm/pkg/page";
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
        let error =
            format!("XCHER_PAGE=required, but there is no {missing}: run `cargo pack` first");
        return Err(io::Error::other(error));
    } else {
        println!("cargo::rerun-if-changed={SUBSTITUTE}");
        files.push(("/index.html".to_owned(), SUBSTITUTE.into()));
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

/// Returns the table's entry for a file. Its brotli is stored in `out`.
fn asset(path: &str, file: &Path, out: &Path) -> io::Result<String> {
    let bytes = fs::read(file)?;
    let hash = hash_of(&bytes);
    // Compressing all files takes seconds, so unchanged files are not compressed again.
    let brotli = out.join(format!("{hash}.br"));
    if !brotli.is_file() {
        let partial = out.join("partial");
        fs::write(&partial, compress(&bytes)?)?;
        fs::rename(&partial, &brotli)?;
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

/// Returns the name that `cargo pack` gives to the bundle of these files.
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
