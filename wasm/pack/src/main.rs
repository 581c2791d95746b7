//! Builds the npm package (`cargo pack`), or builds it if needed and runs the binary that serves the page
//! (`cargo xcher …`).

mod bind;
mod build_folder;
mod compile;
mod compress;
mod constants;
mod folders;
mod locations;
mod modules;
mod optimize;
mod page;
mod panic_messages;
mod parts;
mod release;
mod run;
mod sizes;
mod snip;
mod sources;
mod tool;
mod version;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

use folders::Folders;

/// Licenses of the package: npm packs no files from outside its folder.
const LICENSES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

const USAGE: &str = "usage: cargo pack [--check | --release-artifacts [PROCESSOR…] | --manifests FOLDER | --notices] | cargo pack run ARGS…";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let done = match words.iter().map(AsRef::as_ref).collect::<Vec<&str>>()[..] {
        [] => pack_and_show(false),
        ["--check"] => pack_and_show(true),
        ["--release-artifacts", ref processors @ ..] => {
            Folders::find().and_then(|folders| release::build(&folders, processors))
        }
        ["--notices"] => Folders::find().and_then(|folders| release::print_notices(&folders)),
        ["--manifests", _] => release::write_manifests(Path::new(&arguments[1])),
        // For the tests of the package.
        ["testing"] => testing(),
        ["run", ..] => run::run(&arguments[1..]),
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("pack: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Builds `pkg`, with the page in it, as far as it is missing or outdated. Returns the optional tools that are
/// missing.
fn pack(folders: &Folders) -> Result<Vec<&'static str>> {
    let version = version::same_everywhere(folders)?;
    let missing: Vec<_> = [optimize::TOOL, page::TOOL]
        .into_iter()
        .filter(|tool| !tool::is_installed(folders, tool))
        .collect();
    let sources = sources::hash(folders)?;
    if fs::read(folders.packed()).is_ok_and(|packed| packed == sources.as_bytes()) {
        say("pack: the modules for browsers are up to date");
    } else {
        compile::ensure_target()?;
        say("pack: 1 of 3: compiling the modules for browsers (WebAssembly); later runs reuse it");
        let modules = compile::compile(folders, &[])?;
        say("pack: 2 of 3: writing the modules and their JavaScript to wasm/npm/pkg");
        bind::bind(&modules, &folders.pkg, &version)?;
        for license in LICENSES {
            fs::copy(folders.root.join(license), folders.npm.join(license))?;
        }
        optimize::optimize(folders)?;
        // Last, so that an interrupted build is none.
        fs::write(folders.packed(), sources)?;
    }
    page::make(folders)?;
    if !missing.is_empty() {
        let missing = missing.join(" and ");
        say(&format!("pack: npm ci in wasm/npm installs {missing}, for a smaller page"));
    }
    Ok(missing)
}

fn pack_and_show(check: bool) -> Result<()> {
    let folders = Folders::find()?;
    let missing = pack(&folders)?;
    let exceeded = sizes::show(&folders)?;
    if check && !missing.is_empty() {
        bail!("install {} for this check: run npm ci in wasm/npm", missing.join(" and "));
    }
    if check && !exceeded.is_empty() {
        bail!("{}", exceeded.join("\n      "));
    }
    Ok(())
}

/// Builds the module with what only tests use.
fn testing() -> Result<()> {
    let folders = Folders::find()?;
    compile::ensure_target()?;
    let modules = compile::compile(&folders, &["--features", "xcher-wasm/testing"])?;
    bind::bind(&modules, &folders.npm.join("test/pkg"), "testing")
}

/// Writes a line to stderr. A closed stderr is not an error.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
