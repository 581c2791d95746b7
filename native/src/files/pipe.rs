//! A shared pipe, which can be read once.

use std::fs::File;
use std::sync::{Mutex, PoisonError};

use xcher_core::FileName;

/// A stream of unknown length.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) name: FileName,
    /// `None` once a peer reads it.
    source: Mutex<Option<File>>,
}

impl Pipe {
    pub(super) fn new(name: FileName, source: File) -> Self {
        Self { name, source: Mutex::new(Some(source)) }
    }

    /// Returns the stream, for the first who asks.
    pub(super) fn take(&self) -> Option<File> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
