//! Files on disk, on both sides of a transfer.
