//! Runs a simulation with many seeds, or with the one that failed.

use std::panic::{RefUnwindSafe, catch_unwind, resume_unwind};

/// Passes the result of each seed to `add`; `XCHER_SEED` names the only seed, `XCHER_SEEDS` another number of them
/// than the usual. Returns false if a seed was named: a single run need not show anything.
pub fn run<T>(
    name: &str,
    usual: u64,
    one: impl Fn(u64) -> T + RefUnwindSafe,
    mut add: impl FnMut(T),
) -> bool {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let named = number("XCHER_SEED");
    let seeds = match named {
        Some(seed) => seed..seed + 1,
        None => 0..number("XCHER_SEEDS").unwrap_or(usual),
    };
    for seed in seeds {
        match catch_unwind(|| one(seed)) {
            Ok(run) => add(run),
            Err(panic) => {
                eprintln!("{name} fails with XCHER_SEED={seed}");
                resume_unwind(panic);
            }
        }
    }
    named.is_none()
}
