//! The frames of a WebSocket, of which only the bytes matter (RFC 6455, section 5).
//!
//! A tunnel's messages are one stream of bytes, so that no message is ever put together: bytes are
//! unmasked on their way to whoever reads them, and a long message needs no more memory than a short
//! one.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::Cursor;

use tokio::io::ReadBuf;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

/// The longest message, and frame, that is read: far beyond what a stream multiplexer sends at a
/// time.
const MAX_MESSAGE: usize = 1024 * 1024;
/// The longest payload of a frame that is no message's (section 5.5).
const MAX_CONTROL: usize = 125;
/// The longest head of a frame.
const MAX_HEAD: usize = 14;

/// Reads a client's frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// What came of a head that is not whole.
    head: Vec<u8>,
    frame: Option<Frame>,
    /// The bytes so far of a message whose last frame has not come.
    message: Option<usize>,
}

/// The frame whose payload comes.
#[derive(Debug)]
struct Frame {
    /// What of it is still to come.
    left: usize,
    /// The mask, of which the first byte is the next one's.
    mask: [u8; 4],
    /// What came of a frame that is no message's.
    kept: Vec<u8>,
    kind: OpCode,
}

/// What came besides bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    Ping(Vec<u8>),
    Close,
}

/// Why a client is closed, and the code to say it with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FrameError {
    pub(super) code: CloseCode,
    what: &'static str,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl Frames {
    /// Takes from what came, up to its end, until `out` is full, or up to the first thing that is
    /// not bytes. Returns how much was taken.
    pub(super) fn receive(
        &mut self,
        came: &[u8],
        out: &mut ReadBuf<'_>,
    ) -> Result<(usize, Option<Came>), FrameError> {
        let mut rest = came;
        loop {
            let Some(frame) = &mut self.frame else {
                let Some((header, length)) = self.receive_head(&mut rest)? else { break };
                self.frame = Some(self.begin(&header, length)?);
                continue;
            };
            let data = matches!(frame.kind, OpCode::Data(_));
            if frame.left > 0 {
                let mut most = frame.left.min(rest.len());
                if data {
                    most = most.min(out.remaining());
                }
                if most == 0 {
                    break;
                }
                let (payload, after) = rest.split_at(most);
                rest = after;
                if data {
                    unmask(payload, frame.mask, out.initialize_unfilled_to(most));
                    out.advance(most);
                } else {
                    let from = frame.kept.len();
                    frame.kept.resize(from + most, 0);
                    unmask(payload, frame.mask, &mut frame.kept[from..]);
                }
                frame.mask.rotate_left(most % 4);
                frame.left -= most;
                continue;
            }
            let Frame { kind, kept, .. } = self.frame.take().expect("it was just looked at");
            let event = match kind {
                OpCode::Control(Control::Ping) => Came::Ping(kept),
                OpCode::Control(Control::Close) => Came::Close,
                _ => continue,
            };
            return Ok((came.len() - rest.len(), Some(event)));
        }
        Ok((came.len() - rest.len(), None))
    }

    /// The next head, once it is whole.
    fn receive_head(
        &mut self,
        rest: &mut &[u8],
    ) -> Result<Option<(FrameHeader, usize)>, FrameError> {
        let before = self.head.len();
        let parsed = if before == 0 {
            parse(rest)?
        } else {
            self.head.extend_from_slice(&rest[..rest.len().min(MAX_HEAD - before)]);
            parse(&self.head)?
        };
        match parsed {
            Some((header, length, taken)) => {
                *rest = &rest[taken - before..];
                // A head is seldom cut: idle tunnels keep no room for it.
                self.head = Vec::new();
                Ok(Some((header, length)))
            }
            None => {
                if before == 0 {
                    self.head = rest.to_vec();
                }
                *rest = &[];
                Ok(None)
            }
        }
    }

    fn begin(&mut self, header: &FrameHeader, length: usize) -> Result<Frame, FrameError> {
        let protocol = |what| Err(FrameError { code: CloseCode::Protocol, what });
        let Some(mask) = header.mask else {
            return protocol("expected a masked frame, got one without a mask");
        };
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return protocol("expected no extension, got a frame of one");
        }
        match header.opcode {
            OpCode::Data(Data::Text) => {
                let what = "expected a binary message, got text";
                return Err(FrameError { code: CloseCode::Unsupported, what });
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
                if message > MAX_MESSAGE {
                    let what = "expected a message of at most 1 MiB, got more";
                    return Err(FrameError { code: CloseCode::Size, what });
                }
                self.message = (!header.is_final).then_some(message);
            }
            OpCode::Control(_) if !header.is_final || length > MAX_CONTROL => {
                return protocol(
                    "expected a whole control frame of at most 125 bytes, got another",
                );
            }
            OpCode::Control(_) => {}
        }
        Ok(Frame { left: length, mask, kept: Vec::new(), kind: header.opcode })
    }
}

/// The head that these bytes begin with, the length of its payload and its own; none if they are too
/// few.
fn parse(bytes: &[u8]) -> Result<Option<(FrameHeader, usize, usize)>, FrameError> {
    let mut cursor = Cursor::new(bytes);
    let what = "expected a kind of frame that there is, got another";
    let head = FrameHeader::parse(&mut cursor);
    let head = head.map_err(|_| FrameError { code: CloseCode::Protocol, what })?;
    let taken = usize::try_from(cursor.position()).unwrap_or(bytes.len());
    Ok(head.map(|(head, length)| (head, usize::try_from(length).unwrap_or(usize::MAX), taken)))
}

fn unmask(from: &[u8], mask: [u8; 4], to: &mut [u8]) {
    let [a, b, c, d] = mask;
    let long = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (from, last_from) = from.as_chunks::<8>();
    let (to, last_to) = to.as_chunks_mut::<8>();
    for (from, to) in from.iter().zip(to) {
        *to = (u64::from_ne_bytes(*from) ^ long).to_ne_bytes();
    }
    for ((from, to), mask) in last_from.iter().zip(last_to).zip(mask.iter().cycle()) {
        *to = from ^ mask;
    }
}

/// Appends a frame that is its whole message.
pub(super) fn append_frame(out: &mut Vec<u8>, kind: OpCode, payload: &[u8]) {
    append_head(out, kind, payload.len());
    out.extend_from_slice(payload);
}

/// Appends the head of such a frame.
pub(super) fn append_head(out: &mut Vec<u8>, opcode: OpCode, length: usize) {
    let head = FrameHeader { opcode, ..FrameHeader::default() };
    head.format(length as u64, out).expect("a Vec takes all");
}
