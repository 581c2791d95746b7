//! Runs a simulation with many seeds, or with the one that failed.

use std::panic::{RefUnwindSafe, catch_unwind, resume_unwind};

/// Passes the result of each seed to `add`; `XCHER_SEED` names the only seed, `XCHER_SEEDS` another number of them
/// than the usual, or with `first..end` other ones. Returns false if a seed was named: a single run need not show anything.
pub fn run<T>(
    name: &str,
    usual: u64,
    one: impl Fn(u64) -> T + RefUnwindSafe,
    mut add: impl FnMut(T),
) -> bool {
    let set = |name: &str| std::env::var(name).ok();
    let number = |text: &str| text.parse::<u64>().expect("the number of a seed");
    let named = set("XCHER_SEED").map(|text| number(&text));
    let seeds = match (named, set("XCHER_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, None) => 0..usual,
        (None, Some(text)) => match text.split_once("..") {
            Some((first, end)) => number(first)..number(end),
            None => 0..number(&text),
        },
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
