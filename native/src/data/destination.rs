//! The file that received bytes are written to, and how receiving ends.

use std::io::{self, IoSlice, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use xcher_core::secure::SecureError;

use super::Throttle;
use super::store::{self, Store};
use super::throttle::Stopped;

/// The result of receiving.
#[derive(Debug)]
pub(crate) enum ReceiveEnd {
    /// The provider closed the connection; a cancelled transfer may end so too. The caller decides
    /// whether the file is complete.
    Eof {
        /// Bytes written to the file.
        #[cfg_attr(not(test), expect(dead_code, reason = "the tests compare it"))]
        bytes: u64,
    },
    /// More bytes arrived than the limit.
    Excess {
        /// Bytes written to the file: the limit.
        #[cfg_attr(not(test), expect(dead_code, reason = "the tests compare it"))]
        bytes: u64,
    },
    /// The connection failed, or the transfer was cancelled.
    SocketError(io::Error),
    /// The disk is full, or the file cannot be written for another reason.
    FileError(io::Error),
    /// The bytes are not those that the provider encrypted, or not all of them.
    SecureError(SecureError),
}

impl From<Stopped> for ReceiveEnd {
    fn from(_: Stopped) -> Self {
        Self::SocketError(io::ErrorKind::ConnectionAborted.into())
    }
}

/// Bytes between two checks of the free space on the disk.
const ROOM_CHECK_INTERVAL: u64 = 1 << 20;

/// A file being received, with the count of its bytes and their limit.
pub(super) struct Destination<'a> {
    pub(super) store: Store<'a>,
    /// True if the last bytes were skipped as a hole, so that the file is too short.
    ends_in_hole: bool,
    /// The byte count at the last check of the free space.
    room_checked_at: Option<u64>,
    bytes: u64,
    limit: u64,
    received: &'a AtomicU64,
    throttle: &'a Throttle,
}

impl<'a> Destination<'a> {
    pub(super) fn new(
        store: Store<'a>,
        limit: Option<u64>,
        received: &'a AtomicU64,
        throttle: &'a Throttle,
    ) -> Self {
        let bytes = received.load(Ordering::Relaxed);
        let limit = limit.unwrap_or(u64::MAX);
        Self { store, ends_in_hole: false, room_checked_at: None, bytes, limit, received, throttle }
    }

    /// True if parts of these bytes are skipped as holes instead of being written.
    pub(super) fn has_holes(&self, parts: &[IoSlice<'_>]) -> bool {
        self.store.sparse && store::has_holes(self.bytes, parts)
    }

    /// Extends a file that ends in a hole to its length.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.ends_in_hole) {
            true => self.store.file.set_len(self.bytes),
            false => Ok(()),
        }
    }

    /// Checks now and then that the disk has free space left.
    pub(super) fn check_room(&mut self) -> Result<(), ReceiveEnd> {
        let is_due = self.room_checked_at.is_none_or(|at| self.bytes - at >= ROOM_CHECK_INTERVAL);
        if !self.store.keeps_room || !is_due {
            return Ok(());
        }
        self.room_checked_at = Some(self.bytes);
        store::check_room(self.store.file).map_err(ReceiveEnd::FileError)
    }

    /// Returns the bytes of the file.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns how many bytes may still be written.
    pub(super) fn left(&self) -> u64 {
        self.limit - self.bytes
    }

    /// Returns how many bytes may still be written, but no more than `max`.
    pub(super) fn room(&self, max: usize) -> usize {
        usize::try_from(self.left()).map_or(max, |left| left.min(max))
    }

    /// Counts bytes that are now in the file.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.received.store(self.bytes, Ordering::Relaxed);
    }

    /// Writes the first bytes of these parts without counting them, and returns how many.
    pub(super) fn write_some(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut file = self.store.file;
        let written = self.throttle.while_writing(|| file.write_vectored(parts))?;
        self.ends_in_hole &= written == 0;
        Ok(written)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ReceiveEnd> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut file = self.store.file;
        let written = self.throttle.while_writing(|| match self.store.sparse {
            true => store::write_sparse(file, self.bytes, bytes),
            false => file.write_all(bytes).map(|()| false),
        });
        self.ends_in_hole = written.map_err(ReceiveEnd::FileError)?;
        self.wrote(bytes.len());
        Ok(())
    }

    /// Waits for bytes without reading them; returns an end if the stream has ended or the limit is
    /// reached.
    pub(super) fn wait(&self, socket: &TcpStream) -> Result<Option<ReceiveEnd>, ReceiveEnd> {
        let bytes = self.bytes;
        match retry(|| socket.peek(&mut [0])).map_err(ReceiveEnd::SocketError)? {
            0 => Ok(Some(ReceiveEnd::Eof { bytes })),
            _ if self.left() == 0 => Ok(Some(ReceiveEnd::Excess { bytes })),
            _ => Ok(None),
        }
    }
}

/// Repeats a system call that a signal interrupts.
pub(super) fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
