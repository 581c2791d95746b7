//! The options of a receiving folder.

use serde::{Deserialize, Serialize};

/// The action if a file of that name already exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// Keep both: the new one becomes `name (1).ext`
    #[default]
    Rename,
    /// Replace the old one, once the new one is complete
    Overwrite,
    /// Keep the old one and do not fetch the new one
    Skip,
    /// Keep the old one and fail
    Fail,
}

/// The options of a receiving folder.
#[derive(Clone, Copy, Debug, Default)]
pub struct InboxOptions {
    /// The action if a file of that name already exists.
    pub on_conflict: OnConflict,
    /// True if executable files stay executable.
    pub executable: bool,
    /// The most bytes of a file of unknown size; without it, as many as the disk holds.
    pub max_unknown: Option<u64>,
}

/// Keeps every permission.
impl From<OnConflict> for InboxOptions {
    fn from(on_conflict: OnConflict) -> Self {
        Self { on_conflict, executable: true, max_unknown: None }
    }
}
