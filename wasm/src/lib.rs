//! An XCHER peer for JavaScript.
//!
//! JavaScript owns the WebSocket, the clock, the files and the streams; this crate drives
//! [`xcher_core::Peer`] over yamux between calls. Nothing waits in here: each call puts something in,
//! turns until nothing moves any more, and says through [`Outside`] what has to happen.
//!
//! [`Host`] is the driver, plain Rust; `js` shows it to JavaScript. `npm/` is the package as it is
//! published.

mod host;
mod js;
mod qr;
#[cfg(feature = "testing")]
mod testing;

pub use host::{Host, OfferState, Outside};

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[cfg(feature = "testing")]
use testing::Side;
