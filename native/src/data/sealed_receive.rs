//! Receives an encrypted file (sections 11.3 and 13).

use std::io::{self, IoSlice, Read as _};
use std::net::TcpStream;
use std::sync::atomic::AtomicU64;

use xcher_core::secure::SecureError;
use xcher_core::secure::record::{HEAD_LEN, length};
use xcher_core::stream::{Digests, Receiver};

use super::destination::{Destination, ReceiveEnd, retry};
use super::{BufferBudget, Sealing, Store, Throttle};

/// The most bytes read at a time: as many as a processor's cache holds until they are in the file. Two of
/// the longest records fit.
const READ_LEN: usize = 128 << 10;
/// The most decrypted records written to the file at once.
const MAX_TEXTS: usize = 64;

/// As [`receive`](super::receive), encrypted: only bytes that the provider sent, in their order, are
/// written to the file. `limit` and `received` count bytes of the file. At the end of the stream, returns
/// the digests of the file if both sides verify.
pub(crate) fn receive_sealed<'a>(
    socket: &TcpStream,
    to: impl Into<Store<'a>>,
    limit: Option<u64>,
    sealing: Sealing,
    received: &AtomicU64,
    buffers: &BufferBudget,
    throttle: &Throttle,
) -> (ReceiveEnd, Option<Digests>) {
    let mut to = Destination::new(to.into(), limit, received, throttle);
    let Sealing { seal, prefix, .. } = sealing;
    let end = seal
        .receiver(prefix)
        .map_err(ReceiveEnd::SecureError)
        .and_then(|receiver| open_all(socket, &mut to, receiver, buffers, throttle));
    let end = match to.finish() {
        Ok(()) => end,
        Err(error) => Err(ReceiveEnd::FileError(error)),
    };
    match end {
        Ok(digests) => (ReceiveEnd::Eof { bytes: to.bytes() }, digests),
        Err(end) => (end, None),
    }
}

fn open_all(
    mut socket: &TcpStream,
    to: &mut Destination<'_>,
    mut receiver: Receiver,
    buffers: &BufferBudget,
    throttle: &Throttle,
) -> Result<Option<Digests>, ReceiveEnd> {
    // The part of a record received so far: never a complete one.
    let mut part = Vec::new();
    // The length of the last record: most streams have records of one length.
    let mut record_len = 1;
    loop {
        // Waits without a buffer, so that silent peers cannot hold all of them.
        if retry(|| socket.peek(&mut [0])).map_err(ReceiveEnd::SocketError)? == 0 {
            return receiver.finish().map_err(ReceiveEnd::SecureError);
        }
        to.check_room()?;
        let held = part.len();
        // Reads up to the end of a record if possible, so that no part is left over.
        let max = (READ_LEN / record_len * record_len).max(held + 1);
        let turn = throttle.wait_turn(max - held)?;
        let mut buffer = buffers.borrow();
        buffer[..held].copy_from_slice(&part);
        let got = retry(|| socket.read(&mut buffer[held..held + turn]));
        throttle.moved(turn, *got.as_ref().unwrap_or(&0));
        let got = got.map_err(ReceiveEnd::SocketError)?;
        let rest = open_records(&mut buffer[..held + got], to, &mut receiver, &mut record_len)?;
        part.clear();
        part.reserve_exact(rest.len());
        part.extend_from_slice(rest);
    }
}

/// Decrypts every complete record in place and writes its text. Returns the bytes of the record after
/// them. All that was decrypted is written, even if a later record is invalid.
fn open_records<'a>(
    mut sealed: &'a mut [u8],
    to: &mut Destination<'_>,
    receiver: &mut Receiver,
    record_len: &mut usize,
) -> Result<&'a [u8], ReceiveEnd> {
    let mut texts = Vec::with_capacity(MAX_TEXTS);
    let error = loop {
        if receiver.is_finished() {
            break (!sealed.is_empty()).then_some(SecureError::AfterEnd);
        }
        let Some(head) = sealed.first_chunk() else { break None };
        let record_end = match length(*head) {
            Ok(length) => HEAD_LEN + length,
            Err(error) => break Some(error),
        };
        if sealed.len() < record_end {
            break None;
        }
        *record_len = record_end;
        let (record, after) = sealed.split_at_mut(record_end);
        sealed = after;
        let (held_back, text) = match receiver.open(record) {
            Ok(opened) => opened,
            Err(error) => break Some(error),
        };
        if let Some(digest) = held_back {
            to.write_all_of(&mut texts)?;
            to.write_all_of(&mut vec![IoSlice::new(&digest)])?;
        }
        texts.push(IoSlice::new(text));
        if texts.len() == MAX_TEXTS {
            to.write_all_of(&mut texts)?;
        }
    };
    to.write_all_of(&mut texts)?;
    match error {
        Some(error) => Err(ReceiveEnd::SecureError(error)),
        None => Ok(sealed),
    }
}

impl Destination<'_> {
    /// Writes and removes the texts; more than the limit allows is an end.
    fn write_all_of(&mut self, texts: &mut Vec<IoSlice<'_>>) -> Result<(), ReceiveEnd> {
        let length = texts.iter().map(|text| text.len()).sum();
        let room = self.room(length);
        let excess = length > room;
        if excess {
            // Rare enough for a copy.
            let all = texts.iter().flat_map(|text| text.iter().copied());
            let fits: Vec<u8> = all.take(room).collect();
            self.write(&fits)?;
            return Err(ReceiveEnd::Excess { bytes: self.bytes() });
        }
        if self.has_holes(texts) {
            for text in texts.drain(..) {
                self.write(&text)?;
            }
            return Ok(());
        }
        let mut left = &mut texts[..];
        let mut written = 0;
        while written < length {
            let count = retry(|| self.write_some(left)).map_err(ReceiveEnd::FileError)?;
            if count == 0 {
                return Err(ReceiveEnd::FileError(io::ErrorKind::WriteZero.into()));
            }
            self.wrote(count);
            written += count;
            IoSlice::advance_slices(&mut left, count);
        }
        texts.clear();
        Ok(())
    }
}
