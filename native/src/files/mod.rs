//! Files on disk, on both sides of a transfer.
//!
//! Shared files ([`Shares`], [`Walk`]), received files ([`Inbox`], [`Partial`]) and incomplete downloads
//! ([`IncompleteDownloads`]) are reached through one open handle a root folder, so that no name and no
//! link leads out of it.

mod chunk;
mod exclude;
mod excluded;
mod folders_and_links;
mod inbox;
mod inbox_error;
mod inbox_options;
mod inbox_root;
mod incomplete_downloads;
mod not_stored;
mod open_error;
mod open_share;
mod parent_folder;
mod partial;
mod partial_file;
mod partial_name;
mod partial_state;
mod pipe;
mod prefix_hash;
mod rename;
mod rules;
mod share;
mod share_error;
mod shared_text;
mod shares;
mod stat;
mod store_error;
mod walk;
mod walk_entry;
mod wire_name;

pub use chunk::{Chunk, Entry, EscapedName, NotShared, NotSharedReason};
pub use exclude::{Case, Exclude, SharedPath};
pub use inbox::Inbox;
pub use inbox_error::InboxError;
pub use inbox_options::{InboxOptions, OnConflict};
pub use incomplete_downloads::{IncompleteDownload, IncompleteDownloads};
pub(crate) use not_stored::reason;
pub use open_error::OpenError;
pub use partial::Partial;
pub use partial_file::KeptPartial;
pub use partial_name::ResumeKey;
pub use prefix_hash::prefix_hash;
pub use rules::{Links, OwnFiles, Rules};
pub use share_error::ShareError;
pub use shares::Shares;
pub use stat::Stat;
pub use store_error::{StoreError, StoreErrorKind};
pub use walk::Walk;

use std::io;

use xcher_core::{FileName, Platform};

/// The folder inside a receiving folder that holds partial files. It is on the same file system, so that
/// the last step is a rename. It is never listed, and no peer can name a file in it.
pub const PARTIAL_FOLDER: &str = ".xcher-partial";

const THIS_PLATFORM: Platform = if cfg!(windows) { Platform::Windows } else { Platform::Unix };

/// True if a part of a name is [`PARTIAL_FOLDER`], even for a file system that ignores case.
fn is_partial_folder(part: &str) -> bool {
    part.eq_ignore_ascii_case(PARTIAL_FOLDER)
}

fn is_in_partial_folder(name: &FileName) -> bool {
    name.parts().any(is_partial_folder)
}

/// True if cap-std refused to follow a link out of the root. It creates this error itself, so that, unlike
/// the system's own "permission denied", it has no number.
fn leaves_root(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}
