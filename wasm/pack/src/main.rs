//! Builds the npm package: `cargo pack`, and `cargo xcher …` to build it where needed and then run
//! the binary that serves the page.

mod bind;
mod compile;
mod constants;
mod optimize;
mod page;
mod places;
mod run;
mod sizes;
mod snip;
mod tool;
mod unplace;
mod version;

use std::fs;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};

use places::Places;

/// What the package is published under: npm packs no file from above its folder.
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

const USAGE: &str = "usage: cargo pack [--check] | cargo pack run ARGS…";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let done = match words.iter().map(AsRef::as_ref).collect::<Vec<&str>>()[..] {
        [] => pack_and_show(false),
        ["--check"] => pack_and_show(true),
        // For the package's own tests.
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

/// Builds `pkg`, and in it the page as a browser loads it. What tools it lacked.
fn pack(places: &Places) -> Result<Vec<&'static str>> {
    let version = version::same_everywhere(places)?;
    compile::ensure_target()?;
    say("pack: compiling to wasm");
    let module = compile::compile(places, &[])?;
    say("pack: writing wasm/npm/pkg");
    bind::bind(&module, &places.pkg, &version)?;
    for licence in LICENCES {
        fs::copy(places.root.join(licence), places.npm.join(licence))?;
    }
    let mut lacked = Vec::new();
    if !optimize::optimize(places)? {
        lacked.push("wasm-opt");
    }
    if !page::bundle(places)? {
        lacked.push("esbuild");
    }
    if !lacked.is_empty() {
        let lacked = lacked.join(" and no ");
        say(&format!(
            "pack: no {lacked}, so the page is larger than need be: npm ci in wasm/npm brings both"
        ));
    }
    Ok(lacked)
}

fn pack_and_show(check: bool) -> Result<()> {
    let places = Places::find()?;
    let lacked = pack(&places)?;
    let sum = sizes::show(&places)?;
    if check && !lacked.is_empty() {
        bail!("expected wasm-opt and esbuild, got no {}", lacked.join(" and no "));
    }
    if check && sum > sizes::LIMIT {
        bail!("expected at most {} bytes, got {sum}", sizes::LIMIT);
    }
    Ok(())
}

/// Builds what the tests need beside the package.
fn testing() -> Result<()> {
    let places = Places::find()?;
    compile::ensure_target()?;
    let module = compile::compile(&places, &["--features", "testing"])?;
    bind::bind(&module, &places.npm.join("test/pkg"), "testing")
}

/// One line on stderr. Nobody there to read it is no failure.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
