//! A cluster of relays over a bus that loses, splits, delays and restarts, with hosts that register, call, meet,
//! list, and move away from relays that drain, under a random schedule (section 23).
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
mod moves;
mod names;
mod prover;
mod relay;
mod weather;
mod world;

#[path = "../seeds/mod.rs"]
mod seeds;

use world::{Totals, World};

const SEEDS: u64 = 300;

fn run(name: &str, is_rough: bool) {
    let mut totals = Totals::default();
    let one = |seed| World::new(seed, is_rough).run();
    let is_whole = seeds::run(name, SEEDS, one, |run| totals.add(&run));
    eprintln!("{name}: {totals:?}");
    // The runs must have exercised something.
    if is_whole {
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
