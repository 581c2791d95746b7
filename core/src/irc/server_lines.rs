//! Splits the bytes of an IRC server into lines.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::MAX_LINE_LEN;

/// Collects bytes and yields complete lines. Unlike [`LineBuffer`](crate::LineBuffer) it survives what people
/// write in a channel: a line that is too long is left out, and bytes that are not UTF-8 are replaced.
#[derive(Default)]
pub(super) struct ServerLines {
    bytes: Vec<u8>,
    /// Start of the first line not yet taken.
    start: usize,
    /// Set while the end of a line that is too long is awaited.
    skips: bool,
}

impl ServerLines {
    /// Adds bytes from the connection, split anywhere.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the next line without its end; `None` until more bytes arrive.
    pub(super) fn next_line(&mut self) -> Option<String> {
        loop {
            let rest = self.bytes.get(self.start..).unwrap_or_default();
            let Some(length) = memchr::memchr(b'\n', rest) else {
                if rest.len() >= MAX_LINE_LEN {
                    self.skips = true;
                }
                if self.skips {
                    self.start = self.bytes.len();
                }
                return None;
            };
            let line = &rest[..length];
            self.start += length + 1;
            let is_whole = !core::mem::take(&mut self.skips);
            if is_whole && length < MAX_LINE_LEN {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                return Some(match String::from_utf8_lossy(line) {
                    Cow::Borrowed(line) => line.into(),
                    Cow::Owned(line) => line,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut buffer = ServerLines::default();
        let mut lines = Vec::new();
        for piece in pieces {
            buffer.receive(piece);
            while let Some(line) = buffer.next_line() {
                lines.push(line);
            }
            assert!(buffer.bytes.len() - buffer.start < MAX_LINE_LEN, "an unbounded buffer");
        }
        lines
    }

    #[test]
    fn lines_may_be_split_anywhere_and_end_in_either_way() {
        let text = b"PING :a\r\nPING :b\n\r\nPIN";
        assert_eq!(lines(&[text]), ["PING :a", "PING :b", ""]);
        for at in 0..text.len() {
            assert_eq!(lines(&[&text[..at], &text[at..]]), ["PING :a", "PING :b", ""]);
        }
    }

    #[test]
    fn lines_that_are_too_long_are_left_out() {
        let long = [b'x'; MAX_LINE_LEN];
        assert_eq!(lines(&[&long, &long, b"y\nPING :a\n"]), ["PING :a"]);
        let mut whole = long.to_vec();
        whole.extend_from_slice(b"\nPING :a\n");
        assert_eq!(lines(&[&whole]), ["PING :a"]);
        assert_eq!(lines(&[&long[..MAX_LINE_LEN - 1], b"\n"])[0].len(), MAX_LINE_LEN - 1);
    }

    #[test]
    fn other_encodings_are_read_with_replacements() {
        assert_eq!(lines(&[b"tr\xe4d\n\xff\xfe\n"]), ["tr\u{fffd}d", "\u{fffd}\u{fffd}"]);
    }
}
