//! Privacy of a session, and who is at the other end (section 11).

mod key;

pub use key::{BadKey, PublicKey};
