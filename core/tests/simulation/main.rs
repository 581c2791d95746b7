//! Many hosts and a relay over a simulated network with NATs and firewalls, under a random schedule.
//!
//! Each seed is a different network, and a different order of deliveries, splits and delays; in the rough runs,
//! of cuts, refusals, lying providers and outsiders too, of relays that die, and of hosts that come to another
//! network. Every step and the end of a run check that no file is wrong, nothing is lost without a report,
//! nothing is stuck or left open, and that each call took the best way that there was.
//!
//! A failing seed is printed; `XCHER_SEED=n cargo test -p xcher-core --test simulation` replays it,
//! and `XCHER_SEEDS=n` runs n seeds instead of the usual number.

#![allow(clippy::unwrap_used, clippy::print_stderr, unreachable_pub)]

mod actions;
mod attack;
mod base_protocol;
mod bounds;
mod dial;
mod faults;
mod gateway;
mod host;
mod inputs;
mod kill;
mod link;
mod net;
mod partials;
mod paths;
mod places;
mod punch;
mod punching;
mod receiving;
mod results;
mod totals;
mod traffic;
mod user;
mod user_actions;
mod ways;
mod world;

#[path = "../seeds/mod.rs"]
mod seeds;

use totals::Totals;
use world::{Weather, World};

const SEEDS: u64 = 3000;

fn run(name: &str, weather: Weather) {
    let mut totals = Totals::default();
    let one = |seed| World::new(seed, weather).run();
    let is_whole = seeds::run(name, SEEDS, one, |run| totals.add(&run));
    eprintln!("{name}: {totals:?}");
    // The runs must have exercised something.
    if is_whole {
        totals.assert_worthwhile(weather);
    }
}

#[test]
fn calm_network_delivers_every_file() {
    run("calm", Weather::Calm);
}

#[test]
fn outsiders_make_no_difference() {
    run("crowded", Weather::Crowded);
}

#[test]
fn rough_network_delivers_no_wrong_file_and_leaves_nothing_open() {
    run("rough", Weather::Rough);
}
