//! The secret key of this host, and the keys of peers as first seen.
//!
//! Both are in one folder ([`usual_folder`], or one of the user's choice) as readable text. A file that
//! other users could read or change, or of which a line is invalid, is refused and never overwritten:
//! half of a security file is worse than none.

mod address_book;
mod error;
pub(crate) mod folder;
pub mod identity;
mod known_lines;
mod known_peers;
pub(crate) mod lock;
pub(crate) mod private_file;
mod relay_id;

pub use address_book::AddressBook;
pub(crate) use address_book::RelayKey;
pub use error::{KeysError, Unsafe};
pub use folder::usual_folder;
pub use identity::has_identity;
pub use known_lines::KnownPeer;
pub use known_peers::KnownPeers;
pub use relay_id::RelayId;
