//! Loads a cluster of relays over NATS: measures it, and kills each of its parts in turn.
//!
//! ```text
//! cargo run --release --package xcher --example cluster_load -- calls       calls a second beside raw NATS
//! cargo run --release --package xcher --example cluster_load -- costs       memory and time of a nick
//! cargo run --release --package xcher --example cluster_load -- return 100000   nicks after a restart of NATS
//! cargo run --release --package xcher --example cluster_load -- kills 5000  3 relays, 3 NATS servers, so many hosts each
//! ```
//!
//! It needs `nats-server` (Debian has it), and for `costs` and `kills` the `xcher` binary, which `XCHER_BIN` names.
//! All traffic stays on loopback. Figures are for comparison with others of the same run only.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod calls;
mod costs;
mod hops;
mod host;
mod kills;
mod nats;
mod relay;
mod returning;

fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let number = |default| args.get(1).map_or(default, |text| text.parse().expect("a number"));
    match args.first().map(String::as_str) {
        Some("calls") => calls::measure(),
        Some("costs") => costs::measure(number(4000)),
        Some("return") => returning::measure(number(100_000)),
        Some("kills") => kills::run(number(5000)),
        _ => panic!("expected calls, costs, return or kills"),
    }
}
