//! Negotiation, handshake and proof between two sessions, with any peer and any attacker on the path
//! (sections 9, 11 and 12).

#![allow(clippy::unwrap_used)]

mod attacker;
mod endpoint;
mod late;
mod outcomes;
mod random;
mod records;
