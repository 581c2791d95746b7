//! Sizes, for people.

use indicatif::HumanBytes;

/// Shows a number of bytes in the largest binary unit that fits: `1.50 MiB`.
pub(crate) fn human_size(bytes: u64) -> HumanBytes {
    HumanBytes(bytes)
}
