//! Splits a stream of bytes into lines (section 2.1).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{MAX_LINE_LEN, ProtocolError};

/// One line as received, including its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    raw: &'a str,
}

impl<'a> Line<'a> {
    /// Returns the line that `raw` is as a whole; `None` if it is not one line, or too long.
    #[cfg(feature = "relay")]
    pub(crate) fn whole(raw: &'a str) -> Option<Self> {
        let end = memchr::memchr(b'\n', raw.as_bytes())?;
        (end + 1 == raw.len() && raw.len() <= MAX_LINE_LEN).then_some(Self { raw })
    }

    /// Returns the line with its end, as a relay forwards it.
    pub fn raw(self) -> &'a str {
        self.raw
    }

    /// Returns the line without its LF and without one CR before that.
    pub fn text(self) -> &'a str {
        let text = self.raw.strip_suffix('\n').unwrap_or(self.raw);
        text.strip_suffix('\r').unwrap_or(text)
    }
}

/// Collects bytes and yields complete lines of UTF-8. Scans each byte once.
///
/// Holds at most the bytes of one [`receive`](Self::receive) and one incomplete line, provided that the
/// caller takes all lines before it adds more bytes.
///
/// ```
/// use xcher_core::LineBuffer;
///
/// let mut lines = LineBuffer::new();
/// lines.receive(b"X_FILELIST\r\nX_EN");
/// assert_eq!(lines.next_line()?.map(|line| line.text()), Some("X_FILELIST"));
/// assert_eq!(lines.next_line()?, None);
/// lines.receive(b"D\n");
/// assert_eq!(lines.next_line()?.map(|line| line.text()), Some("X_END"));
/// # Ok::<(), xcher_core::ProtocolError>(())
/// ```
#[derive(Debug, Default)]
pub struct LineBuffer {
    text: String,
    /// Start of the first line not yet taken.
    start: usize,
    /// End of the part known to contain no further line end.
    scanned: usize,
    /// Start of the line taken last.
    last: usize,
    /// The first bytes of an incomplete character.
    partial: Vec<u8>,
    /// The first bytes that are not UTF-8. The buffer accepts nothing after them.
    broken: Option<Box<[u8]>>,
}

/// Capacity above which an empty buffer is freed, so that an idle connection needs little memory.
const MAX_IDLE_CAPACITY: usize = 4096;

impl LineBuffer {
    /// Creates an empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes from the connection, split anywhere.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.compact();
        let mut bytes = bytes;
        // Completes a character that the last read split, byte by byte: at most three steps.
        while !self.partial.is_empty() && !bytes.is_empty() && self.broken.is_none() {
            self.partial.push(bytes[0]);
            bytes = &bytes[1..];
            let partial = core::mem::take(&mut self.partial);
            self.append(&partial);
        }
        if self.broken.is_none() && !bytes.is_empty() {
            self.append(bytes);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        let error = match core::str::from_utf8(bytes) {
            Ok(text) => return self.text.push_str(text),
            Err(error) => error,
        };
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        self.text.push_str(core::str::from_utf8(valid).unwrap_or_default());
        match error.error_len() {
            // The start of an incomplete character.
            None => self.partial = rest.into(),
            Some(length) => self.broken = Some(rest[..length].into()),
        }
    }

    fn compact(&mut self) {
        if self.start == self.text.len() {
            self.text.clear();
            if self.text.capacity() > MAX_IDLE_CAPACITY {
                self.text = String::new();
            }
        } else {
            self.text.drain(..self.start);
        }
        self.scanned -= self.start;
        self.start = 0;
        self.last = 0;
    }

    /// Returns the next complete line, or `None` until more bytes arrive.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::LineTooLong`] for a line longer than [`MAX_LINE_LEN`] bytes,
    /// [`ProtocolError::NotUtf8`] for bytes that are not UTF-8. Both end the connection: every further
    /// call returns the same error.
    #[inline]
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, ProtocolError> {
        let Some(length) = memchr::memchr(b'\n', &self.text.as_bytes()[self.scanned..]) else {
            return self.no_line();
        };
        let (start, end) = (self.start, self.scanned + length + 1);
        if end - start > MAX_LINE_LEN {
            return Err(self.too_long());
        }
        self.last = start;
        self.start = end;
        self.scanned = end;
        Ok(Some(Line { raw: self.text.get(start..end).unwrap_or_default() }))
    }

    /// Makes [`next_line`](Self::next_line) return the line taken last again, unless bytes were added since.
    pub fn unread(&mut self) {
        self.start = self.last;
        self.scanned = self.last;
    }

    #[cold]
    fn no_line(&mut self) -> Result<Option<Line<'_>>, ProtocolError> {
        self.scanned = self.text.len();
        let waiting = self.text.len() - self.start;
        // The line end needs a byte too.
        let more = self.broken.as_deref().map_or(self.partial.len(), <[u8]>::len);
        if waiting + more >= MAX_LINE_LEN {
            return Err(self.too_long());
        }
        match &self.broken {
            Some(bytes) => Err(ProtocolError::NotUtf8 { got: bytes.clone() }),
            None => Ok(None),
        }
    }

    #[cold]
    fn too_long(&self) -> ProtocolError {
        // Quotes the first MAX_LINE_LEN bytes, so that the error does not depend on how bytes are split.
        let end = self.text.floor_char_boundary(self.start + MAX_LINE_LEN);
        let got = self.text.get(self.start..end).unwrap_or_default();
        ProtocolError::LineTooLong { got: crate::Quoted(got).to_box() }
    }

    /// Returns the number of bytes not yet taken.
    #[cfg(feature = "relay")]
    pub(crate) fn waiting_len(&self) -> usize {
        self.text.len() - self.start + self.partial.len()
    }

    /// Returns the start of an incomplete line, if there is one: what is lost if the connection ends here.
    /// Complete lines not yet taken are not part of it.
    pub fn partial_line(&self) -> Option<&str> {
        let ended = self.text.bytes().rposition(|byte| byte == b'\n').map_or(0, |at| at + 1);
        let begun = self.text.get(ended.max(self.start)..).unwrap_or_default();
        (!begun.is_empty() || !self.partial.is_empty()).then_some(begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    fn lines(buffer: &mut LineBuffer) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = buffer.next_line().expect("text") {
            lines.push(line.text().to_string());
        }
        lines
    }

    #[test]
    fn a_line_ends_with_lf_after_an_optional_cr() {
        let mut buffer = LineBuffer::new();
        buffer.receive(b"X_END\r\nX_FILELIST\n\na\r\r\n");
        assert_eq!(lines(&mut buffer), ["X_END", "X_FILELIST", "", "a\r"]);
    }

    #[test]
    fn raw_keeps_the_line_end() {
        let mut buffer = LineBuffer::new();
        buffer.receive(b"X_END\r\n");
        assert_eq!(buffer.next_line().expect("text").expect("a line").raw(), "X_END\r\n");
    }

    #[test]
    fn every_split_yields_the_same_lines() {
        let whole = "X_CHK träd/日本.txt\nX_END\n".as_bytes();
        for cut in 0..=whole.len() {
            let mut buffer = LineBuffer::new();
            buffer.receive(&whole[..cut]);
            let mut got = lines(&mut buffer);
            buffer.receive(&whole[cut..]);
            got.extend(lines(&mut buffer));
            assert_eq!(got, ["X_CHK träd/日本.txt", "X_END"], "cut at {cut}");
        }
    }

    #[test]
    fn the_length_limit_includes_the_line_end() {
        for (length, fits) in
            [(MAX_LINE_LEN - 1, true), (MAX_LINE_LEN, false), (MAX_LINE_LEN + 9, false)]
        {
            let mut buffer = LineBuffer::new();
            let mut bytes = vec![b'a'; length];
            bytes.push(b'\n');
            buffer.receive(&bytes);
            assert_eq!(buffer.next_line().is_ok(), fits, "{length}");
        }
    }

    #[test]
    fn an_endless_line_is_rejected_before_its_end() {
        let mut buffer = LineBuffer::new();
        for _ in 0..MAX_LINE_LEN - 1 {
            buffer.receive(b"a");
            assert_eq!(buffer.next_line(), Ok(None));
        }
        buffer.receive(b"a");
        assert!(matches!(buffer.next_line(), Err(ProtocolError::LineTooLong { .. })));
    }

    #[test]
    fn every_split_yields_the_same_error() {
        let read = |pieces: core::slice::Chunks<'_, u8>| {
            let mut buffer = LineBuffer::new();
            for piece in pieces {
                buffer.receive(piece);
                if let Err(error) = buffer.next_line() {
                    return error;
                }
            }
            panic!("expected an error");
        };
        let tails =
            [&b"\xff\n"[..], b"\xe6\n", b"\xe6\x97\n", b"\xf0\x9f\x98\n", "😀a\n".as_bytes()];
        for tail in tails {
            for length in MAX_LINE_LEN - 4..=MAX_LINE_LEN + 1 {
                let bytes = [vec![b'a'; length], tail.to_vec(), vec![b'b'; MAX_LINE_LEN]].concat();
                let whole = read(bytes.chunks(bytes.len()));
                assert_eq!(read(bytes.chunks(1)), whole, "{length} bytes, then {tail:?}");
                assert_eq!(read(bytes.chunks(MAX_LINE_LEN - 1)), whole, "{length}, then {tail:?}");
            }
        }
    }

    #[test]
    fn lines_before_invalid_utf8_are_still_returned() {
        let mut buffer = LineBuffer::new();
        buffer.receive(b"X_FILELIST\nab\xff\xfe\nX_END\n");
        assert_eq!(buffer.next_line().expect("text").map(Line::text), Some("X_FILELIST"));
        for _ in 0..2 {
            assert!(matches!(buffer.next_line(), Err(ProtocolError::NotUtf8 { .. })));
            buffer.receive(b"X_END\n");
        }
    }

    #[test]
    fn an_incomplete_character_is_not_utf8() {
        let mut buffer = LineBuffer::new();
        buffer.receive(b"\xe6\x97");
        assert_eq!(buffer.next_line(), Ok(None));
        buffer.receive(b"\n");
        assert!(matches!(buffer.next_line(), Err(ProtocolError::NotUtf8 { .. })));
    }
}
