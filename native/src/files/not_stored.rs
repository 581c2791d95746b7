//! The reason reported to the provider for a file that could not be stored (section 19).

use std::io;

use xcher_core::NotStored;

use super::{InboxError, StoreError, StoreErrorKind};

/// Returns the reason for an error of the system's.
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
    /// Returns the reason reported to the provider.
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
    /// Returns the reason reported to the provider.
    pub fn reason(&self) -> NotStored {
        match self {
            Self::PartialFolder { .. } | Self::InvalidName { .. } => NotStored::Name,
            Self::UnusableName { why, .. } => why.reason(),
            Self::Folder { source, .. } | Self::Partial { source, .. } => reason(source),
        }
    }
}
