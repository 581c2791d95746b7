//! Where the bytes of a file go that comes: as they are, or with holes where there is nothing but zeros.

use std::fs::File;
use std::io::{self, IoSlice, Seek as _, SeekFrom, Write as _};

/// A file to be written.
#[derive(Clone, Copy, Debug)]
pub struct Store<'a> {
    pub(super) file: &'a File,
    /// Whether zeros may be left out.
    pub(super) sparse: bool,
    /// Whether some room is to be left on the disk.
    pub(super) keeps_room: bool,
}

/// Everything is written, at the place where the file stands.
impl<'a> From<&'a File> for Store<'a> {
    fn from(file: &'a File) -> Self {
        Self { file, sparse: false, keeps_room: false }
    }
}

impl<'a> Store<'a> {
    /// A new file on the disk, or the rest of one, that stands at its end. Of one of which nobody knows
    /// how much comes, not everything that the disk has is taken.
    pub fn disk(file: &'a File, unknown: bool) -> Self {
        Self { file, sparse: true, keeps_room: unknown }
    }
}

/// Zeros that are worth a hole: most file systems' block.
const BLOCK: usize = 4096;
const ZEROS: [u8; BLOCK] = [0; BLOCK];
/// The most that is left free of what else a disk has, in bytes, and in parts of it.
const RESERVE: u64 = 256 << 20;
const RESERVE_PART: u64 = 20;

/// Writes all of a new file, with holes where it has nothing but zeros.
///
/// # Errors
///
/// What the system says.
pub fn write_with_holes(file: &File, bytes: &[u8]) -> io::Result<()> {
    match write_sparse(file, 0, bytes)? {
        true => file.set_len(bytes.len() as u64),
        false => Ok(()),
    }
}

/// Writes `bytes` to a file that stands at `at`, but for blocks of zeros, which are passed by. Whether the
/// last was: the file may be too short then.
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

/// Whether any of it is a hole, the first text standing at `at`.
pub(super) fn has_holes(at: u64, texts: &[IoSlice<'_>]) -> bool {
    let mut at = at;
    texts.iter().any(|text| {
        let has = next_run(at, text) != (false, text.len());
        at += text.len() as u64;
        has && !text.is_empty()
    })
}

/// Whether the first bytes are a hole, and how many are alike.
fn next_run(at: u64, bytes: &[u8]) -> (bool, usize) {
    let begun = (at % BLOCK as u64) as usize;
    let head = if begun == 0 { 0 } else { BLOCK - begun };
    let is_zero = |from: usize| {
        let block = bytes.get(from..from + BLOCK);
        // The first byte says it of most.
        block.is_some_and(|block| block[0] == 0 && *block == ZEROS)
    };
    let starts = (head..bytes.len()).step_by(BLOCK);
    if head == 0 && is_zero(0) {
        let end = starts.skip(1).find(|start| !is_zero(*start));
        // A part of a block at the end is no hole.
        return (true, end.unwrap_or(bytes.len() / BLOCK * BLOCK));
    }
    (false, starts.into_iter().find(|start| is_zero(*start)).unwrap_or(bytes.len()))
}

/// Whether the disk has more room than is to be left on it.
///
/// # Errors
///
/// If not. What the system does not say is no error.
#[cfg(unix)]
pub(super) fn check_room(file: &File) -> io::Result<()> {
    let Ok(stat) = rustix::fs::fstatvfs(file) else { return Ok(()) };
    let reserve = RESERVE.min(stat.f_blocks.saturating_mul(stat.f_frsize) / RESERVE_PART);
    if stat.f_bavail.saturating_mul(stat.f_frsize) >= reserve {
        return Ok(());
    }
    let text = format!("only {reserve} bytes are left on the disk, which are for others");
    Err(io::Error::new(io::ErrorKind::StorageFull, text))
}

#[cfg(not(unix))]
pub(super) fn check_room(_: &File) -> io::Result<()> {
    let _ = (RESERVE, RESERVE_PART);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_written_is_read_however_it_is_cut() {
        let mut bytes = vec![0; 10 * BLOCK + 100];
        for at in [0, 1, BLOCK, 3 * BLOCK - 1, 7 * BLOCK + 5] {
            bytes[at] = 1;
        }
        for cut in [1000, BLOCK, BLOCK + 1, 5 * BLOCK, bytes.len()] {
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
    fn runs_are_whole_blocks_of_the_file() {
        let zeros = vec![0; 3 * BLOCK];
        assert_eq!(next_run(0, &zeros), (true, 3 * BLOCK));
        assert_eq!(next_run(0, &zeros[..3 * BLOCK - 1]), (true, 2 * BLOCK));
        assert_eq!(next_run(0, &zeros[..BLOCK - 1]), (false, BLOCK - 1));
        assert_eq!(next_run(1, &zeros), (false, BLOCK - 1));
        assert_eq!(next_run(0, b"text"), (false, 4));
        let mut mixed = zeros;
        mixed[0] = 1;
        assert_eq!(next_run(0, &mixed), (false, BLOCK));
        assert!(has_holes(0, &[IoSlice::new(b""), IoSlice::new(&mixed)]));
        assert!(!has_holes(0, &[IoSlice::new(b"a"), IoSlice::new(&mixed[..BLOCK])]));
    }
}
