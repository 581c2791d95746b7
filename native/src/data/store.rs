//! Writes a received file: as it is, or with holes in place of blocks of zeros.

use std::fs::File;
use std::io::{self, IoSlice, Seek as _, SeekFrom, Write as _};

/// A file to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Store<'a> {
    pub(super) file: &'a File,
    /// True if blocks of zeros may be skipped.
    pub(super) sparse: bool,
    /// True if some free space must remain on the disk.
    pub(super) keeps_room: bool,
}

/// Writes every byte, from the file's current position.
impl<'a> From<&'a File> for Store<'a> {
    fn from(file: &'a File) -> Self {
        Self { file, sparse: false, keeps_room: false }
    }
}

impl<'a> Store<'a> {
    /// Writes a new file on the disk, or the rest of one, positioned at its end. One of unknown size does
    /// not fill the disk.
    pub(crate) fn disk(file: &'a File, is_size_unknown: bool) -> Self {
        Self { file, sparse: true, keeps_room: is_size_unknown }
    }
}

/// The length of a hole and its alignment: the block of most file systems.
const BLOCK_LEN: usize = 4096;
const ZEROS: [u8; BLOCK_LEN] = [0; BLOCK_LEN];
/// The most free space that a file of unknown size leaves on the disk, in bytes.
const MAX_RESERVE: u64 = 256 << 20;
/// The share of the disk that it leaves: one part in so many.
const RESERVE_DIVISOR: u64 = 20;

/// Writes all of a new file, with holes in place of blocks of zeros.
///
/// # Errors
///
/// The system's error.
pub(crate) fn write_with_holes(file: &File, bytes: &[u8]) -> io::Result<()> {
    match write_sparse(file, 0, bytes)? {
        true => file.set_len(bytes.len() as u64),
        false => Ok(()),
    }
}

/// Writes `bytes` to a file positioned at `at`, but skips blocks of zeros. Returns true if the last block
/// was skipped: the file is too short then.
pub(super) fn write_sparse(mut file: &File, at: u64, bytes: &[u8]) -> io::Result<bool> {
    let (mut at, mut rest, mut hole) = (at, bytes, false);
    while !rest.is_empty() {
        let length;
        (hole, length) = next_run(at, rest);
        if hole {
            file.seek(SeekFrom::Current(length as i64))?;
        } else {
            file.write_all(&rest[..length])?;
        }
        at += length as u64;
        rest = &rest[length..];
    }
    Ok(hole)
}

/// True if these parts, of which the first is positioned at `at`, contain a hole.
pub(super) fn has_holes(at: u64, parts: &[IoSlice<'_>]) -> bool {
    let mut at = at;
    parts.iter().any(|part| {
        let has = next_run(at, part) != (false, part.len());
        at += part.len() as u64;
        has && !part.is_empty()
    })
}

/// Returns true if the first bytes are a hole, and the length of the hole or of the data before one.
fn next_run(at: u64, bytes: &[u8]) -> (bool, usize) {
    let offset = (at % BLOCK_LEN as u64) as usize;
    let head = if offset == 0 { 0 } else { BLOCK_LEN - offset };
    let is_zero = |from: usize| {
        let block = bytes.get(from..from + BLOCK_LEN);
        // The first byte settles it for most blocks.
        block.is_some_and(|block| block[0] == 0 && *block == ZEROS)
    };
    let starts = (head..bytes.len()).step_by(BLOCK_LEN);
    if head == 0 && is_zero(0) {
        let end = starts.skip(1).find(|start| !is_zero(*start));
        // A part of a block at the end is not a hole.
        return (true, end.unwrap_or(bytes.len() / BLOCK_LEN * BLOCK_LEN));
    }
    (false, starts.into_iter().find(|start| is_zero(*start)).unwrap_or(bytes.len()))
}

/// Checks that the disk has more free space than must remain on it.
///
/// # Errors
///
/// `StorageFull` if not. A system that does not report its free space is not an error.
#[cfg(unix)]
pub(super) fn check_room(file: &File) -> io::Result<()> {
    let Ok(stat) = rustix::fs::fstatvfs(file) else { return Ok(()) };
    let reserve = MAX_RESERVE.min(stat.f_blocks.saturating_mul(stat.f_frsize) / RESERVE_DIVISOR);
    if stat.f_bavail.saturating_mul(stat.f_frsize) >= reserve {
        return Ok(());
    }
    let text =
        format!("the disk is nearly full, and its last {reserve} bytes are left to other programs");
    Err(io::Error::new(io::ErrorKind::StorageFull, text))
}

#[cfg(not(unix))]
pub(super) fn check_room(_: &File) -> io::Result<()> {
    let _ = (MAX_RESERVE, RESERVE_DIVISOR);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read as _;

    use super::*;

    #[test]
    fn reads_back_what_was_written_at_every_split() {
        let mut bytes = vec![0; 10 * BLOCK_LEN + 100];
        for at in [0, 1, BLOCK_LEN, 3 * BLOCK_LEN - 1, 7 * BLOCK_LEN + 5] {
            bytes[at] = 1;
        }
        for cut in [1000, BLOCK_LEN, BLOCK_LEN + 1, 5 * BLOCK_LEN, bytes.len()] {
            let mut file = tempfile::tempfile().unwrap();
            let (mut at, mut hole) = (0, false);
            for piece in bytes.chunks(cut) {
                hole = write_sparse(&file, at, piece).unwrap();
                at += piece.len() as u64;
            }
            if hole {
                file.set_len(at).unwrap();
            }
            let mut read = Vec::new();
            file.rewind().unwrap();
            file.read_to_end(&mut read).unwrap();
            assert!(read == bytes, "cut at {cut}");
        }
    }

    #[test]
    fn holes_are_complete_blocks_of_the_file() {
        let zeros = vec![0; 3 * BLOCK_LEN];
        assert_eq!(next_run(0, &zeros), (true, 3 * BLOCK_LEN));
        assert_eq!(next_run(0, &zeros[..3 * BLOCK_LEN - 1]), (true, 2 * BLOCK_LEN));
        assert_eq!(next_run(0, &zeros[..BLOCK_LEN - 1]), (false, BLOCK_LEN - 1));
        assert_eq!(next_run(1, &zeros), (false, BLOCK_LEN - 1));
        assert_eq!(next_run(0, b"text"), (false, 4));
        let mut mixed = zeros;
        mixed[0] = 1;
        assert_eq!(next_run(0, &mixed), (false, BLOCK_LEN));
        assert!(has_holes(0, &[IoSlice::new(b""), IoSlice::new(&mixed)]));
        assert!(!has_holes(0, &[IoSlice::new(b"a"), IoSlice::new(&mixed[..BLOCK_LEN])]));
    }
}
