//! Privacy of a session, and who is at the other end (section 11).
//!
//! [`Handshake`] makes [`Keys`] of three lines; [`Sealer`] and [`Opener`] then carry the control
//! connection, [`DataSealer`] and [`DataOpener`] a file each. [`Safety`] makes words of it all that
//! two people can compare. Nothing here reads a clock or a source of randomness: [`Entropy`] is
//! handed in.

mod base64;
mod control;
mod data;
mod entropy;
mod error;
mod handshake;
mod identity;
mod key;
mod keys;
mod noise;
pub(crate) mod own_key;
pub mod record;
pub(crate) mod relay_key;
mod safety;
mod secret;

pub(crate) use base64::{decode, decode_key_and_proof, encode};
pub use control::{Opener, Sealer};
pub use data::{DataKey, DataOpener, DataSealer};
pub use entropy::Entropy;
pub use error::SecureError;
pub use handshake::Handshake;
pub use identity::Identity;
pub use key::{InvalidKey, PublicKey};
pub use keys::{Keys, Side};
pub use safety::{Safety, SafetyWords};
pub use xcher_aead::Cipher;

#[cfg(test)]
pub(crate) mod tests;
