//! A STUN server (RFC 8489) without a socket or a clock, which tells browsers their public addresses, so that they can
//! make links (section 24). It answers Binding requests, without authentication, and nothing else.
//!
//! ```
//! use core::time::Duration;
//! use xcher_core::stun::{StunOutcome, StunServer};
//!
//! let mut server = StunServer::default();
//! let request = *b"\x00\x01\x00\x00\x21\x12\xa4\x42twelve bytes";
//! let (from, now) = ("192.0.2.1:32853".parse().unwrap(), Duration::ZERO);
//! let mut answer = Vec::new();
//! assert_eq!(server.receive(&request, from, now, &mut answer), StunOutcome::Answered);
//! assert_eq!(answer.len(), 32);
//! ```

mod answer;
mod checksum;
mod request;
mod server;

pub use server::{StunOutcome, StunServer};

/// Bytes of a message's header.
const HEADER_LEN: usize = 20;
/// Bytes of an attribute's type and length.
const ATTRIBUTE_HEADER_LEN: usize = 4;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const FINGERPRINT: u16 = 0x8028;
