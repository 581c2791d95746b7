//! From a socket to a file.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use xcher_core::secure::SecureError;

use super::buffers::LENGTH;
use super::store::{self, Store};
use super::throttle::Stopped;
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
pub fn receive<'a>(
    socket: &TcpStream,
    to: impl Into<Store<'a>>,
    limit: Option<u64>,
    received: &AtomicU64,
    buffers: &BufferBudget,
    brake: &Brake,
) -> ReceiveEnd {
    let mut to = Destination::new(to.into(), limit, received, brake);
    let end = receive_all(socket, &mut to, buffers, brake);
    to.finish().map_or_else(ReceiveEnd::FileError, |()| end)
}

fn receive_all(
    socket: &TcpStream,
    to: &mut Destination<'_>,
    buffers: &BufferBudget,
    brake: &Brake,
) -> ReceiveEnd {
    #[cfg(target_os = "linux")]
    match super::splice::receive(socket, to, buffers, brake) {
        Ok(Some(end)) | Err(end) => return end,
        Ok(None) => {}
    }
    match by_copy(socket, to, buffers, brake) {
        Ok(end) | Err(end) => end,
    }
}

/// Bytes after which it is looked again how much room there is.
const LOOK_AT_ROOM: u64 = 1 << 20;

/// What has been written, and how much more may be.
pub(super) struct Destination<'a> {
    pub(super) store: Store<'a>,
    /// Its end was passed by and not written.
    hole: bool,
    /// When it was last looked how much room there is: after so many bytes.
    looked: Option<u64>,
    bytes: u64,
    limit: u64,
    received: &'a AtomicU64,
    brake: &'a Brake,
}

impl<'a> Destination<'a> {
    pub(super) fn new(
        store: Store<'a>,
        limit: Option<u64>,
        received: &'a AtomicU64,
        brake: &'a Brake,
    ) -> Self {
        let bytes = received.load(Ordering::Relaxed);
        let limit = limit.unwrap_or(u64::MAX);
        Self { store, hole: false, looked: None, bytes, limit, received, brake }
    }

    /// Whether these texts have holes in them, which are not written.
    pub(super) fn has_holes(&self, texts: &[IoSlice<'_>]) -> bool {
        self.store.sparse && store::has_holes(self.bytes, texts)
    }

    /// The file is as long as what came.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.hole) { self.store.file.set_len(self.bytes) } else { Ok(()) }
    }

    /// Looks now and then whether there is still room.
    pub(super) fn check_room(&mut self) -> Result<(), ReceiveEnd> {
        let is_due = self.looked.is_none_or(|looked| self.bytes - looked >= LOOK_AT_ROOM);
        if !self.store.keeps_room || !is_due {
            return Ok(());
        }
        self.looked = Some(self.bytes);
        store::check_room(self.store.file).map_err(ReceiveEnd::FileError)
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
    pub(super) fn write_some(&mut self, texts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut file = self.store.file;
        let written = self.brake.while_writing(|| file.write_vectored(texts))?;
        self.hole &= written == 0;
        Ok(written)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ReceiveEnd> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut file = self.store.file;
        let written = self.brake.while_writing(|| match self.store.sparse {
            true => store::write_sparse(file, self.bytes, bytes),
            false => file.write_all(bytes).map(|()| false),
        });
        self.hole = written.map_err(ReceiveEnd::FileError)?;
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
        to.check_room()?;
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
