//! Sends a file encrypted (sections 11.3 and 13).

use std::fs::File;
use std::io::{self, IoSliceMut, Read as _, Seek as _, SeekFrom};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use xcher_core::secure::record::{HEAD_LEN, TAG_LEN};

use super::send::{complete_or_reset, write};
use super::{Mark, Sealing, SendEnd, Throttle};

/// Bytes of the file in a record: as many of BLAKE3's chunks as it hashes in parallel, and a power of two
/// of them, so that no record begins inside one.
const TEXT_LEN: usize = 32 << 10;
const RECORD_LEN: usize = HEAD_LEN + TEXT_LEN + TAG_LEN;
/// Records read, encrypted and written at once: as many as fit in a processor's cache. The buffer is the
/// transfer's own, since it holds bytes while it waits for the peer: sixteen at once take 1 MiB.
const RECORDS_AT_ONCE: usize = 2;
/// Room for the records with a file's digest and its end.
const END_LEN: usize = 128;

/// As [`send`](super::send), encrypted: the bytes cannot be read or changed on the way, and a stream that
/// was cut does not look complete. `sent` counts bytes of the file, those sent earlier included.
pub(crate) fn send_sealed(
    socket: &TcpStream,
    file: &File,
    size: u64,
    sealing: Sealing,
    sent: &AtomicU64,
    throttle: &Throttle,
) -> SendEnd {
    complete_or_reset(socket, || {
        seal_out(socket, file, size, sealing, sent, throttle).unwrap_or_else(|end| end)
    })
}

fn seal_out(
    socket: &TcpStream,
    mut file: &File,
    size: u64,
    sealing: Sealing,
    sent: &AtomicU64,
    throttle: &Throttle,
) -> Result<SendEnd, SendEnd> {
    let Sealing { seal, prefix, mark } = sealing;
    let mark = mark.map_or_else(|| Mark::of(file), Ok).map_err(SendEnd::FileError)?;
    let mut sender = seal.sender(prefix).map_err(SendEnd::SecureError)?;
    let mut offset = sent.load(Ordering::Relaxed);
    file.seek(SeekFrom::Start(offset)).map_err(SendEnd::FileError)?;
    let max = RECORDS_AT_ONCE * TEXT_LEN;
    let room = |left: u64| usize::try_from(left).map_or(max, |left| left.min(max));
    let len = sealed_len(room(size - offset));
    let mut records = Vec::with_capacity(len + END_LEN);
    records.resize(len, 0);
    loop {
        let wanted = room(size - offset);
        let got = fill(file, &mut records, wanted).map_err(SendEnd::FileError)?;
        if got < wanted {
            return Err(SendEnd::FileShrank { sent: offset });
        }
        records.truncate(sealed_len(got));
        for record in records.chunks_mut(RECORD_LEN) {
            sender.seal(record).map_err(SendEnd::SecureError)?;
        }
        let count = |taken| offset + text_in(taken).min(got) as u64;
        if offset + got as u64 == size {
            // If the file changed, its last bytes are not sent.
            match mark.end(file) {
                SendEnd::Complete => {}
                end => return Err(end),
            }
            records.extend(sender.finish().map_err(SendEnd::SecureError)?);
            write(socket, &records, count, sent, throttle)?;
            return Ok(SendEnd::Complete);
        }
        write(socket, &records, count, sent, throttle)?;
        offset += got as u64;
    }
}

/// Reads `wanted` bytes of the file to their places in the records; fewer at the file's end.
fn fill(mut file: &File, records: &mut [u8], wanted: usize) -> io::Result<usize> {
    let mut texts = Vec::with_capacity(RECORDS_AT_ONCE);
    let mut left = wanted;
    for record in records.chunks_mut(RECORD_LEN) {
        let length = left.min(TEXT_LEN);
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

/// Returns the length of the records with so many bytes of the file.
fn sealed_len(text: usize) -> usize {
    text + text.div_ceil(TEXT_LEN) * (HEAD_LEN + TAG_LEN)
}

/// Returns how many bytes of the file are in the first `sealed` bytes of records.
fn text_in(sealed: usize) -> usize {
    sealed / RECORD_LEN * TEXT_LEN + (sealed % RECORD_LEN).saturating_sub(HEAD_LEN).min(TEXT_LEN)
}
