//! Two hosts exchange a file over a relay, in memory. The documentation of the crate shows the run loop.

mod network;

use network::{Network, Received};

include!("run_loop.rs");
