//! The XCHER file exchange protocol as state machines without I/O.
//!
//! Bytes and times go in, decisions come out; a driver moves the bytes. The same code therefore runs on a
//! native host, in a browser, and in a simulation in which a hundred peers share one thread. Without `std`,
//! the crate cannot reach a socket, a file or a clock by mistake.
//!
//! | to | use |
//! |---|---|
//! | be a host: relay connection, sessions, transfers, timeouts, limits | [`Peer`] |
//! | use one control connection | [`Session`] |
//! | be the relay | [`Registry`] |
//! | use an IRC channel as relay | [`irc::IrcClient`] |
//! | decide what a bridge's tunnels may do | [`tunnel::Allocations`] |
//! | tell browsers their public addresses | [`stun::StunServer`] |
//! | parse or write single packets | [`Packet`], [`RelayPacket`], [`LineBuffer`] |
//! | encrypt files on data connections | [`stream`], [`batch`] |
//!
//! `PROTOCOL.md`, next to this crate, specifies the protocol; "section N" refers to it.
//!
//! # The run loop
//!
//! Two hosts exchange a file over a relay, in memory. `Network` takes the place of sockets and disks; it is
//! in `examples/two_peers/network.rs`.
//!
//! ```
//! # mod network { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/two_peers/network.rs")); }
//! # use network::{Network, Received};
#![doc = include_str!("../examples/two_peers/run_loop.rs")]
//! ```
//!
//! # Errors
//!
//! Every error type is owned, `Send`, `Sync` and `'static`, except for [`InvalidName<&str>`](InvalidName),
//! which converts to an owned one. A [`ProtocolError`] is caused by the peer, a [`MisuseError`] by the
//! caller, and a [`peer::Error`] is any reason why a session or a transfer ended.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod addr;
pub mod batch;
mod before_module;
pub mod code;
mod decimal;
pub mod delivery;
mod device;
mod error;
mod escape;
mod human_size;
pub mod irc;
mod left_out;
mod limits;
mod line;
mod name;
mod nick;
mod packet;
pub mod pasted;
pub mod peer;
mod rate_limit;
mod receipt;
#[cfg(feature = "relay")]
pub mod registry;
mod relay_caps;
mod relay_packet;
pub mod secure;
pub mod session;
mod size;
mod stat;
pub mod state;
pub mod stream;
#[cfg(feature = "relay")]
pub mod stun;
mod symlink;
pub mod text;
mod ticket;
pub mod tunnel;
mod unicode;

pub use device::Device;
pub use error::{MisuseError, ProtocolError, Quoted};
pub use escape::{escape, is_escaped, unescape};
pub use human_size::HumanSize;
pub use left_out::{LeftOut, LeftOutReason};
pub use limits::{
    Limits, MAX_LINE_LEN, MAX_NAME_LEN, MAX_NICK_CHARS, MAX_PART_LEN, MAX_TOKEN_LEN,
    PARTIAL_EXPIRY, RelayLimits,
};
pub use line::{Line, LineBuffer};
pub use name::{FileName, InvalidName, NameError, Platform};
pub use nick::{InvalidNick, Nick};
pub use packet::{Name, Packet};
pub use peer::Peer;
pub use receipt::NotStored;
#[cfg(feature = "relay")]
pub use registry::Registry;
pub use relay_packet::{RelayPacket, X_INIT_FORM};
pub use session::Session;
pub use size::Size;
pub use stat::{Kind, MAX_LINK_LEN, SharedFile, Stat};
pub use symlink::symlink_stays_inside;
pub use unicode::is_deceptive;
