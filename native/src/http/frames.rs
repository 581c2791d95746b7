//! Parses the frames of a WebSocket into a stream of bytes (RFC 6455, section 5).
//!
//! Message boundaries have no meaning for a tunnel, so messages are not assembled: bytes are unmasked on their
//! way to the reader, and a long message needs no more memory than a short one.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::Cursor;

use tokio::io::ReadBuf;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use xcher_aead::unmask;

/// The longest message, and frame, that is read: far longer than those that yamux sends.
const MAX_MESSAGE_LEN: usize = 1024 * 1024;
/// The longest payload of a control frame (section 5.5).
const MAX_CONTROL_LEN: usize = 125;
/// The longest header of a frame.
const MAX_HEADER_LEN: usize = 14;

/// Parses a client's frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The bytes of an incomplete header.
    header: Vec<u8>,
    frame: Option<Frame>,
    /// The length so far of a message whose last frame has not arrived.
    message: Option<usize>,
}

/// The frame whose payload is being received.
#[derive(Debug)]
struct Frame {
    /// Bytes of the payload still to come.
    left: usize,
    /// The mask, rotated so that its first byte is for the next byte.
    mask: [u8; 4],
    /// The payload of a control frame.
    payload: Vec<u8>,
    kind: OpCode,
}

/// A control frame that was received.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ControlFrame {
    Ping(Vec<u8>),
    Close,
}

/// The reason to close a connection, with its status code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FrameError {
    pub(super) code: CloseCode,
    reason: &'static str,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl Frames {
    /// Takes received bytes up to their end, until `out` is full, or up to the end of a control frame. Returns
    /// how many were taken.
    pub(super) fn receive(
        &mut self,
        received: &[u8],
        out: &mut ReadBuf<'_>,
    ) -> Result<(usize, Option<ControlFrame>), FrameError> {
        let mut rest = received;
        loop {
            let Some(frame) = &mut self.frame else {
                let Some((header, length)) = self.receive_header(&mut rest)? else { break };
                self.frame = Some(self.start_frame(&header, length)?);
                continue;
            };
            let is_data = matches!(frame.kind, OpCode::Data(_));
            if frame.left > 0 {
                let mut len = frame.left.min(rest.len());
                if is_data {
                    len = len.min(out.remaining());
                }
                if len == 0 {
                    break;
                }
                let (payload, after) = rest.split_at(len);
                rest = after;
                if is_data {
                    unmask(payload, frame.mask, out.initialize_unfilled_to(len));
                    out.advance(len);
                } else {
                    let from = frame.payload.len();
                    frame.payload.resize(from + len, 0);
                    unmask(payload, frame.mask, &mut frame.payload[from..]);
                }
                frame.mask.rotate_left(len % 4);
                frame.left -= len;
                continue;
            }
            let Frame { kind, payload, .. } = self.frame.take().expect("matched above");
            let control = match kind {
                OpCode::Control(Control::Ping) => ControlFrame::Ping(payload),
                OpCode::Control(Control::Close) => ControlFrame::Close,
                _ => continue,
            };
            return Ok((received.len() - rest.len(), Some(control)));
        }
        Ok((received.len() - rest.len(), None))
    }

    /// Returns the next header once it is complete.
    fn receive_header(
        &mut self,
        rest: &mut &[u8],
    ) -> Result<Option<(FrameHeader, usize)>, FrameError> {
        let before = self.header.len();
        let parsed = if before == 0 {
            parse(rest)?
        } else {
            self.header.extend_from_slice(&rest[..rest.len().min(MAX_HEADER_LEN - before)]);
            parse(&self.header)?
        };
        match parsed {
            Some((header, length, taken)) => {
                *rest = &rest[taken - before..];
                // A header is seldom split, so idle tunnels keep no memory for it.
                self.header = Vec::new();
                Ok(Some((header, length)))
            }
            None => {
                if before == 0 {
                    self.header = rest.to_vec();
                }
                *rest = &[];
                Ok(None)
            }
        }
    }

    fn start_frame(&mut self, header: &FrameHeader, length: usize) -> Result<Frame, FrameError> {
        let protocol = |reason| Err(FrameError { code: CloseCode::Protocol, reason });
        let Some(mask) = header.mask else {
            return protocol("expected a masked frame, got one without a mask");
        };
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return protocol("expected no extension, got a frame of one");
        }
        match header.opcode {
            OpCode::Data(Data::Text) => {
                let reason = "expected a binary message, got text";
                return Err(FrameError { code: CloseCode::Unsupported, reason });
            }
            OpCode::Data(kind) => {
                let before = match (kind, self.message) {
                    (Data::Binary, None) => 0,
                    (Data::Continue, Some(before)) => before,
                    (Data::Continue, None) => {
                        return protocol("expected a message, got the rest of one");
                    }
                    _ => return protocol("expected the rest of a message, got another"),
                };
                let message = before.saturating_add(length);
                if message > MAX_MESSAGE_LEN {
                    let reason = "expected a message of at most 1 MiB, got more";
                    return Err(FrameError { code: CloseCode::Size, reason });
                }
                self.message = (!header.is_final).then_some(message);
            }
            OpCode::Control(_) if !header.is_final || length > MAX_CONTROL_LEN => {
                return protocol(
                    "expected a complete control frame of at most 125 bytes, got another",
                );
            }
            OpCode::Control(_) => {}
        }
        Ok(Frame { left: length, mask, payload: Vec::new(), kind: header.opcode })
    }
}

/// Parses the header that these bytes begin with, and returns it with the length of the payload and its own;
/// `None` if they are too few.
fn parse(bytes: &[u8]) -> Result<Option<(FrameHeader, usize, usize)>, FrameError> {
    let mut cursor = Cursor::new(bytes);
    let reason = "expected a known kind of frame, got another";
    let header = FrameHeader::parse(&mut cursor);
    let header = header.map_err(|_| FrameError { code: CloseCode::Protocol, reason })?;
    let taken = usize::try_from(cursor.position()).unwrap_or(bytes.len());
    let usize_of = |length| usize::try_from(length).unwrap_or(usize::MAX);
    Ok(header.map(|(header, length)| (header, usize_of(length), taken)))
}

/// Appends a frame that is a complete message.
pub(super) fn append_frame(out: &mut Vec<u8>, kind: OpCode, payload: &[u8]) {
    append_header(out, kind, payload.len());
    out.extend_from_slice(payload);
}

/// Appends the header of such a frame.
pub(super) fn append_header(out: &mut Vec<u8>, opcode: OpCode, length: usize) {
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    header.format(length as u64, out).expect("a Vec accepts all bytes");
}
