//! Collects the first line of a stream from its bytes (section 10.2).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::MAX_FIRST_LINE_LEN;

/// Collects a stream's first line from bytes that arrive split anywhere, and takes none beyond its end:
/// those are the connection's.
#[derive(Debug, Default)]
pub struct FirstLineBuffer {
    line: Vec<u8>,
}

/// The reason a first line is refused before it is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstLineError {
    /// More than [`MAX_FIRST_LINE_LEN`] bytes without a line end.
    TooLong,
    /// Bytes that are not UTF-8.
    NotUtf8,
}

impl FirstLineBuffer {
    /// Takes bytes up to the end of the line. Returns how many it took, and the line without its end
    /// once that is complete.
    ///
    /// # Errors
    ///
    /// [`FirstLineError`], after which the stream is of no use.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(usize, Option<String>), FirstLineError> {
        let room = MAX_FIRST_LINE_LEN - self.line.len();
        let Some(end) = bytes.iter().take(room).position(|byte| *byte == b'\n') else {
            if bytes.len() >= room {
                return Err(FirstLineError::TooLong);
            }
            self.line.extend_from_slice(bytes);
            return Ok((bytes.len(), None));
        };
        self.line.extend_from_slice(&bytes[..end]);
        let line = core::mem::take(&mut self.line);
        let line = String::from_utf8(line).map_err(|_| FirstLineError::NotUtf8)?;
        Ok((end + 1, Some(line)))
    }
}

impl fmt::Display for FirstLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => {
                write!(f, "expected a line of at most {MAX_FIRST_LINE_LEN} bytes, got a longer one")
            }
            Self::NotUtf8 => f.write_str("expected a line of UTF-8, got other bytes"),
        }
    }
}

impl core::error::Error for FirstLineError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn line_of(bytes: &[u8], piece_len: usize) -> Result<(usize, Option<String>), FirstLineError> {
        let (mut buffer, mut taken) = (FirstLineBuffer::default(), 0);
        for piece in bytes.chunks(piece_len) {
            let (count, line) = buffer.receive(piece)?;
            taken += count;
            if line.is_some() {
                return Ok((taken, line));
            }
        }
        Ok((taken, None))
    }

    #[test]
    fn finds_the_line_and_leaves_the_rest_at_every_split() {
        for piece_len in 1..20 {
            let found = line_of(b"X_RELAY\nQUIT\nmore", piece_len);
            assert_eq!(found, Ok((8, Some("X_RELAY".into()))), "{piece_len}");
        }
    }

    #[test]
    fn accepts_the_longest_line_and_refuses_one_byte_more() {
        let mut bytes = vec![b'x'; MAX_FIRST_LINE_LEN - 1];
        bytes.push(b'\n');
        for piece_len in [1, 7, 255, 256, 1000] {
            let (taken, line) = line_of(&bytes, piece_len).expect("a line of 256 bytes");
            assert_eq!((taken, line.map(|line| line.len())), (256, Some(255)), "{piece_len}");
            let longer = [b"x", &bytes[..]].concat();
            assert_eq!(line_of(&longer, piece_len), Err(FirstLineError::TooLong), "{piece_len}");
        }
    }

    #[test]
    fn refuses_bytes_that_are_not_utf_8() {
        assert_eq!(line_of(b"YES \xff\n", 3), Err(FirstLineError::NotUtf8));
    }
}
