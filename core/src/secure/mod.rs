//! Encryption and authentication of sessions (section 11).
//!
//! Three messages of a [`Handshake`] yield [`Keys`]. [`Sealer`] and [`Opener`] then encrypt the control
//! connection, [`DataSealer`] and [`DataOpener`] one data connection each. [`Safety`] derives words that two
//! users can compare. The module reads no clock and no source of randomness: the caller provides
//! [`Entropy`].
//!
//! ```
//! use xcher_core::secure::{Entropy, Handshake, Identity, Side};
//!
//! // Both sides know the same lines that led to the handshake. The seeds must be random.
//! let prologue = b"X_INIT bob\n";
//! let [alice, bob] = [Identity::new([1; 32]), Identity::new([2; 32])];
//! let mut caller = Handshake::new(Side::Caller, &alice, prologue, &mut Entropy::new([3; 32]));
//! let mut callee = Handshake::new(Side::Callee, &bob, prologue, &mut Entropy::new([4; 32]));
//! callee.read(&caller.write()?)?;
//! caller.read(&callee.write()?)?;
//! callee.read(&caller.write()?)?;
//!
//! let (keys, mut sealer, _) = caller.finish()?;
//! let (_, _, mut opener) = callee.finish()?;
//! assert_eq!(keys.remote_key(), bob.public());
//! let mut record = Vec::new();
//! sealer.seal(b"X_FILELIST\n", &mut record)?;
//! assert_eq!(opener.receive(&mut &record[..])?, Some(&b"X_FILELIST\n"[..]));
//! # Ok::<(), xcher_core::secure::SecureError>(())
//! ```

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
pub use relay_key::RelayKeyChallenge;
pub use safety::{Safety, SafetyWords};
pub use xcher_aead::Cipher;

#[cfg(test)]
pub(crate) mod tests;
