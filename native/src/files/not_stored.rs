//! What the other side is told of a file that could not be stored here (section 19).

use std::io;

use xcher_core::NotStored;

use super::{InboxError, StoreError, StoreErrorKind};

/// The reason in what the system said.
pub(crate) fn reason(error: &io::Error) -> NotStored {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            NotStored::Space
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => NotStored::Denied,
        io::ErrorKind::InvalidFilename => NotStored::Name,
        io::ErrorKind::AlreadyExists => NotStored::Exists,
        _ => NotStored::Other,
    }
}

impl StoreError {
    /// What the other side is told.
    pub fn reason(&self) -> NotStored {
        self.why.reason()
    }
}

impl StoreErrorKind {
    fn reason(&self) -> NotStored {
        match self {
            Self::Exists | Self::NotAFile | Self::ParentIsFile { .. } => NotStored::Exists,
            Self::ParentIsLink { .. } | Self::LinkLeaves => NotStored::Name,
            Self::FolderWithBytes | Self::NoLinks => NotStored::Other,
            Self::System(error) => reason(error),
        }
    }
}

impl InboxError {
    /// What the other side is told.
    pub fn reason(&self) -> NotStored {
        match self {
            Self::OwnPlace { .. } | Self::InvalidName { .. } => NotStored::Name,
            Self::NoPlace { why, .. } => why.reason(),
            Self::Folder { source, .. } | Self::Partial { source, .. } => reason(source),
        }
    }
}
