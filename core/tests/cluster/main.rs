//! A cluster of relays over a bus that loses, splits, delays and restarts, with hosts that register, call, meet
//! and list, under a random schedule (section 23).
//!
//! Every step checks that an X_INIT reaches only a host with the nick that it names, byte for byte; that no nick
//! is two hosts' for longer than a heartbeat while the bus is whole, and that the elder keeps it; and that
//! every question of a host is answered, in order. At the end the bus is whole: then every host reaches every
//! other, all relays list the same nicks, and those of relays that died are free.
//!
//! A failing seed is printed; `XCHER_SEED=n cargo test -p xcher-core --test cluster` replays it, and
//! `XCHER_SEEDS=n` runs n seeds instead of the usual number.

#![allow(clippy::unwrap_used, clippy::print_stderr, unreachable_pub)]

mod bus;
mod checks;
mod end;
mod host;
mod names;
mod relay;
mod weather;
mod world;

use world::{Totals, World};

const SEEDS: u64 = 300;

fn run(name: &str, is_rough: bool) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("XCHER_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("XCHER_SEEDS").unwrap_or(SEEDS),
    };
    let mut totals = Totals::default();
    for seed in seeds {
        match std::panic::catch_unwind(|| World::new(seed, is_rough).run()) {
            Ok(run) => totals.add(&run),
            Err(panic) => {
                eprintln!("{name} fails with XCHER_SEED={seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    eprintln!("{name}: {totals:?}");
    // The runs must have exercised something.
    if number("XCHER_SEED").is_none() {
        totals.assert_worthwhile(is_rough);
    }
}

#[test]
fn a_whole_bus_loses_no_call_and_gives_no_nick_twice() {
    run("calm", false);
}

#[test]
fn a_rough_bus_delivers_nothing_wrong_and_leaves_the_nick_to_the_elder() {
    run("rough", true);
}
