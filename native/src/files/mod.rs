//! Files on disk, on both sides of a transfer.
//!
//! What is offered ([`Shares`], [`Walk`]), what is received ([`Inbox`], [`Partial`]) and what is left
//! over ([`Unfinished`]) is reached through one open handle a root, so that no name and no link leads
//! out of it.

mod chunk;
mod inbox;
mod making;
mod not_stored;
mod partial;
mod partial_file;
mod partial_name;
mod pipe;
mod prefix;
mod rename;
mod rules;
mod shares;
mod stat;
mod unfinished;
mod walk;
mod wire_name;

pub use chunk::{Chunk, Entry, Escaped, SkipReason, Skipped};
pub use inbox::{Inbox, InboxError, OnConflict, Taking};
pub(crate) use not_stored::reason;
pub use partial::{Kept, Partial, StoreError, StoreErrorKind};
pub use partial_name::Origin;
pub use prefix::prefix_hash;
pub use rules::{Links, OwnPlaces, Rules};
pub use shares::{OpenError, ShareError, Shares};
pub use stat::Stat;
pub use unfinished::{Leftover, Unfinished};
pub use walk::Walk;

use std::io;

use xcher_core::{FileName, Platform};

/// The folder inside a receiving folder where files lie until they are whole. It is on the same
/// file system, so that the last step is a rename. Never listed, never a name a peer can use.
pub const PARTIAL_FOLDER: &str = ".xcher-partial";

const HERE: Platform = if cfg!(windows) { Platform::Windows } else { Platform::Unix };

/// Whether a part of a name is [`PARTIAL_FOLDER`], also for a file system that ignores case.
fn is_own_part(part: &str) -> bool {
    part.eq_ignore_ascii_case(PARTIAL_FOLDER)
}

fn is_own_place(name: &FileName) -> bool {
    name.parts().any(is_own_part)
}

/// Whether cap-std refused to go on because a link led out of the root. It makes this error itself,
/// so that, unlike the system's own "permission denied", it has no number.
fn leaves_root(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}
