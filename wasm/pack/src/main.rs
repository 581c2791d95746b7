//! Builds the npm package: `cargo pack`, and `cargo xcher …` to build it where needed and then run
//! the binary that serves the page.

mod bind;
mod compile;
mod optimize;
mod places;
mod run;
mod sizes;
mod snip;
mod version;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};

use places::Places;

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

/// Builds `pkg`. True if it is as small as it can be.
fn pack(places: &Places) -> Result<bool> {
    let version = version::same_everywhere(places)?;
    compile::ensure_target()?;
    say("pack: compiling to wasm");
    let module = compile::compile(places, &[])?;
    say("pack: writing wasm/npm/pkg");
    bind::bind(&module, &places.pkg, &version)?;
    let optimized = optimize::optimize(places)?;
    if !optimized {
        say(
            "pack: no wasm-opt, so the module is larger than need be: npm ci in wasm/npm brings one",
        );
    }
    Ok(optimized)
}

fn pack_and_show(check: bool) -> Result<()> {
    let places = Places::find()?;
    let optimized = pack(&places)?;
    let sum = sizes::show(&places)?;
    if check && !optimized {
        bail!("expected wasm-opt, got none");
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
