//! Exchange files with another person by nick or by code, from a Rust program.
//!
//! [`Peer`] is a host at a relay: it shares files, lists and fetches what other hosts share, and sends files to
//! anyone with a code. It works with every XCHER peer: the `xcher` program, the page, the npm package, and peers
//! that know the base protocol alone. It needs a tokio runtime.
//!
//! ```no_run
//! use futures_util::TryStreamExt as _;
//! use xcher::{Error, Options, Peer};
//!
//! # async fn example() -> Result<(), Error> {
//! let peer = Peer::connect("relay.example:9247", Options::new().save_to("downloads")).await?;
//! let session = peer.open("kim").await?;
//! let mut listing = session.list();
//! while let Some(file) = listing.try_next().await? {
//!     println!("{} {:?}", file.name(), file.size());
//! }
//! let stored = session.get("holiday/notes.txt").await?;
//! println!("stored as {}", stored.path.display());
//! # Ok(())
//! # }
//! ```
//!
//! `examples/fetch_all.rs` fetches everything, `examples/send.rs` sends by code.
//!
//! | module | contains |
//! |---|---|
//! | [`peer`] | [`Peer`] and everything that belongs to it |
//! | [`core`] | the protocol as state machines without I/O, for other drivers |
//! | [`host`] | the driver below [`Peer`]: every event of the protocol |
//! | [`files`], [`keys`] | shared and received files; keys and pinned keys, as the program stores them |
//! | `relay`, `bridge`, `http`, `hook` | the servers, and who decides for them (feature `bridge`) |
//! | `lan` | hosts of the local network (feature `lan`) |
//! | `port_mapping` | what a host reports of ports that its router forwards (feature `map-ports`) |
//!
//! # Features
//!
//! * `cli` (default): the `xcher` program. Disable it and `cluster` to embed a peer: `default-features = false`.
//! * `acme`: certificates of the bridge's port from an authority.
//! * `bridge`: the servers.
//! * `cluster` (default): relays that share their nicks over NATS.
//! * `lan`: announces and finds hosts in the local network.
//! * `map-ports`: asks the router to forward ports to a host that calls from behind it.

#[cfg(feature = "acme")]
mod acme;
#[cfg(feature = "cli")]
mod admin;
#[cfg(feature = "bridge")]
pub mod bridge;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod data;
mod descriptors;
pub mod files;
#[cfg(feature = "bridge")]
pub mod hook;
pub mod host;
#[cfg(feature = "bridge")]
pub mod http;
mod irc_url;
pub mod keys;
#[cfg(feature = "lan")]
pub mod lan;
mod net;
pub mod peer;
#[cfg(feature = "map-ports")]
pub mod port_mapping;
#[cfg(feature = "bridge")]
pub mod relay;
mod relay_address;
#[cfg(feature = "cli")]
mod stun;
#[cfg(feature = "bridge")]
mod tally;
#[doc(hidden)]
pub mod tunnel;

pub use peer::{Error, ErrorCode, Event, Options, Peer, Session};
pub use relay_address::RelayAddress;
pub use xcher_core as core;
