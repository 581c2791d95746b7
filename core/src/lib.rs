//! The XCHER protocol as state machines that do no I/O.
//!
//! Bytes and times go in, decisions come out; a driver moves the bytes. The same code therefore
//! runs on a native host, in a browser, and in a simulation where a hundred peers share one thread.
//! Without `std` there is no socket, file or clock that this crate could reach by mistake.
//!
//! | to do | use |
//! |---|---|
//! | be a host: relay link, sessions, transfers, time-outs, limits | [`Peer`] |
//! | speak over one control connection | [`Session`] |
//! | be the relay | [`Registry`] |
//! | read or write single packets | [`Packet`], [`RelayPacket`], [`LineBuffer`] |
//!
//! The protocol itself is described in `PROTOCOL.md` beside this crate; "section N" in these pages
//! means a section of that document.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod addr;
pub mod batch;
pub mod code;
mod decimal;
pub mod delivery;
mod error;
mod escape;
mod left_out;
mod limits;
mod line;
mod name;
mod nick;
mod packet;
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
mod symlink;
mod ticket;
pub mod tunnel;
mod unicode;

pub use error::{MisuseError, ProtocolError, Quoted};
pub use escape::{escape, is_escaped, unescape};
pub use left_out::{LeftOut, LeftOutReason};
pub use limits::{
    Limits, MAX_LINE_LEN, MAX_NAME_LEN, MAX_NICK_CHARS, MAX_PART_LEN, PARTIAL_EXPIRY, RelayLimits,
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
