//! What is shared as it comes, and can be read once.

use std::fs::File;
use std::sync::{Mutex, PoisonError};

use xcher_core::FileName;

/// A source of bytes that nobody knows the end of.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) name: FileName,
    /// Until it is read.
    source: Mutex<Option<File>>,
}

impl Pipe {
    pub(super) fn new(name: FileName, source: File) -> Self {
        Self { name, source: Mutex::new(Some(source)) }
    }

    /// What it is read from, for the first who asks.
    pub(super) fn take(&self) -> Option<File> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
