//! An XCHER peer for JavaScript.
//!
//! JavaScript owns the WebSocket, the clock, the files and the streams; this crate drives
//! [`xcher_core::Peer`] over yamux between calls. Nothing blocks: each call passes something on, turns
//! until nothing moves, and asks through [`Environment`] for what has to happen.
//!
//! [`Host`] is the driver in plain Rust; `js` exposes it to JavaScript. `npm/` is the published package.

mod host;
mod js;
#[cfg(feature = "testing")]
mod testing;

pub use host::{Environment, Host, OfferState};

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[cfg(feature = "testing")]
use testing::Side;
