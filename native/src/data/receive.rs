//! From a socket to a file.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use xcher_core::secure::SecureError;

use super::brake::Stopped;
use super::buffers::LENGTH;
use super::{Brake, BufferBudget};

/// How receiving ended.
#[derive(Debug)]
pub enum ReceiveEnd {
    /// The other side closed; so may a cancelled transfer end. Whether these are all the bytes is
    /// for the caller to say.
    Eof {
        /// Bytes written to the file.
        bytes: u64,
    },
    /// There was more than the limit.
    Excess {
        /// Bytes written to the file: the limit.
        bytes: u64,
    },
    /// The connection broke, or the transfer was cancelled.
    SocketError(io::Error),
    /// The disk is full, or the file cannot be written for another reason.
    FileError(io::Error),
    /// What came is not what the other side sealed, or not all of it.
    SecureError(SecureError),
}

/// Writes what comes on `socket` to `file`, from where it stands, until the end of the stream.
///
/// Never more than `limit` bytes; after them it waits for the end or the first byte too many.
/// `received` is set to the bytes written so far.
pub fn receive(
    socket: &TcpStream,
    file: &File,
    limit: Option<u64>,
    received: &AtomicU64,
    buffers: &BufferBudget,
    brake: &Brake,
) -> ReceiveEnd {
    let mut to = Destination::new(file, limit, received, brake);
    #[cfg(target_os = "linux")]
    match super::splice::receive(socket, &mut to, buffers, brake) {
        Ok(Some(end)) | Err(end) => return end,
        Ok(None) => {}
    }
    match by_copy(socket, &mut to, buffers, brake) {
        Ok(end) | Err(end) => end,
    }
}

/// What has been written, and how much more may be.
pub(super) struct Destination<'a> {
    pub(super) file: &'a File,
    bytes: u64,
    limit: u64,
    received: &'a AtomicU64,
    brake: &'a Brake,
}

impl<'a> Destination<'a> {
    pub(super) fn new(
        file: &'a File,
        limit: Option<u64>,
        received: &'a AtomicU64,
        brake: &'a Brake,
    ) -> Self {
        let bytes = received.load(Ordering::Relaxed);
        Self { file, bytes, limit: limit.unwrap_or(u64::MAX), received, brake }
    }

    /// Bytes of the file.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes that may still be written.
    pub(super) fn left(&self) -> u64 {
        self.limit - self.bytes
    }

    /// At most `most`, as a length.
    pub(super) fn room(&self, most: usize) -> usize {
        usize::try_from(self.left()).map_or(most, |left| left.min(most))
    }

    /// Counts bytes that are in the file now.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.received.store(self.bytes, Ordering::Relaxed);
    }

    /// Writes the beginning of what is in these places; it is not counted yet.
    pub(super) fn write_some(&self, texts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut file = self.file;
        self.brake.while_writing(|| file.write_vectored(texts))
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ReceiveEnd> {
        let mut file = self.file;
        self.brake.while_writing(|| file.write_all(bytes)).map_err(ReceiveEnd::FileError)?;
        self.wrote(bytes.len());
        Ok(())
    }

    /// Waits for bytes without taking them; says the end if there are none, or none may come.
    pub(super) fn wait(&self, socket: &TcpStream) -> Result<Option<ReceiveEnd>, ReceiveEnd> {
        let bytes = self.bytes;
        match retry(|| socket.peek(&mut [0])).map_err(ReceiveEnd::SocketError)? {
            0 => Ok(Some(ReceiveEnd::Eof { bytes })),
            _ if self.left() == 0 => Ok(Some(ReceiveEnd::Excess { bytes })),
            _ => Ok(None),
        }
    }
}

pub(super) fn by_copy(
    mut socket: &TcpStream,
    to: &mut Destination<'_>,
    buffers: &BufferBudget,
    brake: &Brake,
) -> Result<ReceiveEnd, ReceiveEnd> {
    loop {
        // Waits without a buffer, so that silent peers cannot hold them all.
        if let Some(end) = to.wait(socket)? {
            return Ok(end);
        }
        let room = brake.turn(to.room(LENGTH))?;
        let mut buffer = buffers.borrow();
        let got = retry(|| socket.read(&mut buffer[..room]));
        brake.moved(room, *got.as_ref().unwrap_or(&0));
        let got = got.map_err(ReceiveEnd::SocketError)?;
        to.write(&buffer[..got])?;
    }
}

impl From<Stopped> for ReceiveEnd {
    fn from(_: Stopped) -> Self {
        Self::SocketError(io::ErrorKind::ConnectionAborted.into())
    }
}

pub(super) fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
