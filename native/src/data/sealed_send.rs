//! From a file to a socket, for one host alone (sections 11.3 and 13).

use std::fs::File;
use std::io::{self, IoSliceMut, Read as _, Seek as _, SeekFrom};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Brake, Mark, Sealing};
use xcher_core::secure::record::{HEAD_LEN, TAG_LEN};

use super::send::{SendEnd, to_the_end, write};

/// Bytes of the file in a record: as many of BLAKE3's chunks as it hashes side by side, and a power
/// of two of them, so that no record begins inside one.
const TEXT: usize = 32 << 10;
const RECORD: usize = HEAD_LEN + TEXT + TAG_LEN;
/// Records that are read, sealed and written at once: what a processor's cache holds. The buffer is
/// the transfer's own, since it waits for the peer with bytes in it: sixteen at once take 1 MiB.
const RECORDS: usize = 2;
/// Room for the sum of a file and the mark of its end.
const END: usize = 128;

/// As [`send`](super::send), each byte sealed: what is sent cannot be read or changed on its way, and
/// a stream that was cut does not look whole. `sent` counts bytes of the file, from the first to be sent.
pub fn send_sealed(
    socket: &TcpStream,
    file: &File,
    size: u64,
    sealing: Sealing,
    sent: &AtomicU64,
    cancelled: &Brake,
) -> SendEnd {
    to_the_end(socket, || {
        seal_out(socket, file, size, sealing, sent, cancelled).unwrap_or_else(|end| end)
    })
}

fn seal_out(
    socket: &TcpStream,
    mut file: &File,
    size: u64,
    sealing: Sealing,
    sent: &AtomicU64,
    cancelled: &Brake,
) -> Result<SendEnd, SendEnd> {
    let Sealing { seal, begun, mark } = sealing;
    let mark = mark.map_or_else(|| Mark::of(file), Ok).map_err(SendEnd::FileError)?;
    let mut sender = seal.sender(begun).map_err(SendEnd::SecureError)?;
    let mut offset = sent.load(Ordering::Relaxed);
    file.seek(SeekFrom::Start(offset)).map_err(SendEnd::FileError)?;
    let room = |left: u64| usize::try_from(left).map_or(RECORDS * TEXT, |l| l.min(RECORDS * TEXT));
    let most = sealed_length(room(size - offset));
    let mut records = Vec::with_capacity(most + END);
    records.resize(most, 0);
    loop {
        let wanted = room(size - offset);
        let got = fill(file, &mut records, wanted).map_err(SendEnd::FileError)?;
        if got < wanted {
            return Err(SendEnd::FileShrank { sent: offset });
        }
        records.truncate(sealed_length(got));
        for record in records.chunks_mut(RECORD) {
            sender.seal(record).map_err(SendEnd::SecureError)?;
        }
        let count = |taken| offset + text_in(taken).min(got) as u64;
        if offset + got as u64 == size {
            // What was read is not sent whole where it is no longer so.
            match mark.end(file) {
                SendEnd::Whole => {}
                end => return Err(end),
            }
            records.extend(sender.finish().map_err(SendEnd::SecureError)?);
            write(socket, &records, count, sent, cancelled)?;
            return Ok(SendEnd::Whole);
        }
        write(socket, &records, count, sent, cancelled)?;
        offset += got as u64;
    }
}

/// Reads so many bytes of the file to where they are in their records; fewer at the file's end.
fn fill(mut file: &File, records: &mut [u8], wanted: usize) -> io::Result<usize> {
    let mut texts = Vec::with_capacity(RECORDS);
    let mut left = wanted;
    for record in records.chunks_mut(RECORD) {
        let length = left.min(TEXT);
        let Some(text) =
            record.get_mut(HEAD_LEN..HEAD_LEN + length).filter(|text| !text.is_empty())
        else {
            break;
        };
        texts.push(IoSliceMut::new(text));
        left -= length;
    }
    let (mut texts, mut got) = (&mut texts[..], 0);
    while got < wanted {
        match file.read_vectored(texts) {
            Ok(0) => break,
            Ok(read) => {
                got += read;
                IoSliceMut::advance_slices(&mut texts, read);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// The length of the records of so many bytes.
fn sealed_length(text: usize) -> usize {
    text + text.div_ceil(TEXT) * (HEAD_LEN + TAG_LEN)
}

/// How many bytes of the file are in the beginning of records.
fn text_in(sealed: usize) -> usize {
    sealed / RECORD * TEXT + (sealed % RECORD).saturating_sub(HEAD_LEN).min(TEXT)
}
