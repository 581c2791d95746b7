//! From a socket to a file, from one host alone (sections 11.3 and 13).

use std::io::{self, IoSlice, Read as _};
use std::net::TcpStream;
use std::sync::atomic::AtomicU64;

use xcher_core::secure::SecureError;
use xcher_core::secure::record::{HEAD_LEN, length};
use xcher_core::stream::{Digests, Receiver};

use super::receive::{Destination, ReceiveEnd, retry};
use super::{Brake, BufferBudget, Sealing, Store};

/// The most that is read at a time: what a processor's cache holds until it is in the file. Two of
/// the longest records fit.
const READ: usize = 128 << 10;
/// Texts of records that are written to the file at once.
const TEXTS: usize = 64;

/// As [`receive`](super::receive) of what was sealed: only what the other side sent, in its order,
/// gets into the file. `limit` and `received` are bytes of the file. With the end of the stream come
/// the sums of the file, where both sides verify.
pub fn receive_sealed<'a>(
    socket: &TcpStream,
    to: impl Into<Store<'a>>,
    limit: Option<u64>,
    sealing: Sealing,
    received: &AtomicU64,
    buffers: &BufferBudget,
    brake: &Brake,
) -> (ReceiveEnd, Option<Digests>) {
    let mut to = Destination::new(to.into(), limit, received, brake);
    let Sealing { seal, begun, .. } = sealing;
    let end = seal
        .receiver(begun)
        .map_err(ReceiveEnd::SecureError)
        .and_then(|receiver| open_all(socket, &mut to, receiver, buffers, brake));
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
    brake: &Brake,
) -> Result<Option<Digests>, ReceiveEnd> {
    // The part of a record that came so far: never a whole one.
    let mut part = Vec::new();
    // The length of the last: most streams have records of one length.
    let mut last = 1;
    loop {
        // Waits without a buffer, so that silent peers cannot hold them all.
        if retry(|| socket.peek(&mut [0])).map_err(ReceiveEnd::SocketError)? == 0 {
            return receiver.finish().map_err(ReceiveEnd::SecureError);
        }
        to.check_room()?;
        let begun = part.len();
        // Where there is enough of it, up to the end of a record, so that no part is left.
        let most = (READ / last * last).max(begun + 1);
        let turn = brake.turn(most - begun)?;
        let mut buffer = buffers.borrow();
        buffer[..begun].copy_from_slice(&part);
        let got = retry(|| socket.read(&mut buffer[begun..begun + turn]));
        brake.moved(turn, *got.as_ref().unwrap_or(&0));
        let got = got.map_err(ReceiveEnd::SocketError)?;
        let rest = open_whole(&mut buffer[..begun + got], to, &mut receiver, &mut last)?;
        part.clear();
        part.reserve_exact(rest.len());
        part.extend_from_slice(rest);
    }
}

/// Opens every whole record in place and writes its text; what is left is the beginning of the next.
/// Of what was opened all is written, also where a later record is not the next one.
fn open_whole<'a>(
    mut sealed: &'a mut [u8],
    to: &mut Destination<'_>,
    receiver: &mut Receiver,
    last: &mut usize,
) -> Result<&'a [u8], ReceiveEnd> {
    let mut texts = Vec::with_capacity(TEXTS);
    let error = loop {
        if receiver.is_finished() {
            break (!sealed.is_empty()).then_some(SecureError::AfterEnd);
        }
        let Some(head) = sealed.first_chunk() else { break None };
        let whole = match length(*head) {
            Ok(length) => HEAD_LEN + length,
            Err(error) => break Some(error),
        };
        if sealed.len() < whole {
            break None;
        }
        *last = whole;
        let (record, after) = sealed.split_at_mut(whole);
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
        if texts.len() == TEXTS {
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
    /// Writes the texts, and forgets them; never more than the limit, which is an end.
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
