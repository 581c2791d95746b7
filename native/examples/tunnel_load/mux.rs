//! A minimal yamux client for load tests: the streams of one tunnel.

use std::collections::HashMap;
use std::io;

use crate::web_socket::{Buffer, WebSocket, frame};

const HEADER_LEN: usize = 12;
const SYN: u16 = 1;
const ACK: u16 = 2;
const RST: u16 = 8;
/// The bytes that each side of a new stream may send at first.
const INITIAL_WINDOW: u32 = 256 << 10;
/// The bytes that the bridge may send in one stream before it needs new credit.
const RECEIVE_WINDOW: u32 = 16 << 20;

/// The streams of one tunnel.
pub(crate) struct Mux {
    web_socket: WebSocket,
    frames: Frames,
    buffer: Buffer,
}

/// The streams' state, from received frames.
#[derive(Default)]
struct Frames {
    /// The bytes of an incomplete header.
    header: Vec<u8>,
    /// The stream of the current frame.
    of: u32,
    /// Bytes of the current frame still to come.
    left: usize,
    streams: HashMap<u32, Stream>,
    /// Pings to be answered.
    pings: Vec<u32>,
}

struct Stream {
    /// Bytes that may be sent.
    credit: usize,
    received: usize,
    /// Received bytes that may be an answer.
    text: Vec<u8>,
    reset: bool,
}

impl Mux {
    pub(crate) fn new(web_socket: WebSocket) -> Self {
        Self { web_socket, frames: Frames::default(), buffer: Buffer::new() }
    }

    /// Opens a stream with these bytes.
    pub(crate) fn open(&mut self, id: u32, first: &[u8]) -> io::Result<()> {
        let credit = INITIAL_WINDOW as usize - first.len();
        let stream = Stream { credit, received: 0, text: Vec::new(), reset: false };
        self.frames.streams.insert(id, stream);
        // The window beyond the initial one.
        let window = header(1, SYN, id, RECEIVE_WINDOW - INITIAL_WINDOW);
        self.web_socket.send(&window)?;
        self.web_socket.send(&data(id, first))
    }

    /// Reads a line from a stream.
    pub(crate) fn line(&mut self, id: u32) -> io::Result<String> {
        loop {
            let text = &mut self.stream(id)?.text;
            if let Some(end) = text.iter().position(|&byte| byte == b'\n') {
                let line: Vec<_> = text.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            self.read()?;
        }
    }

    /// Sends `bytes` bytes in frames of `length`, and waits for one byte in return.
    pub(crate) fn push(&mut self, id: u32, bytes: usize, length: usize) -> io::Result<()> {
        let one = frame(&data(id, &vec![0x5a; length]));
        // As many frames as make an efficient write.
        let several = ((64 << 10) / length).max(1);
        let many = one.repeat(several);
        let mut left = bytes / length;
        while left > 0 {
            let credit = self.stream(id)?.credit / length;
            let take = if credit.min(left) >= several { several } else { 1 };
            if credit < take {
                self.read()?;
                continue;
            }
            self.web_socket.send_frames(if take == 1 { &one } else { &many })?;
            self.stream(id)?.credit -= take * length;
            left -= take;
        }
        let before = self.stream(id)?.received;
        while self.stream(id)?.received == before {
            self.read()?;
        }
        Ok(())
    }

    /// Receives `bytes` bytes.
    pub(crate) fn pull(&mut self, id: u32, bytes: usize) -> io::Result<()> {
        let before = self.stream(id)?.received;
        let mut given = before;
        loop {
            let received = self.stream(id)?.received;
            if received - before >= bytes {
                return Ok(());
            }
            if received - given >= RECEIVE_WINDOW as usize / 2 {
                let more = u32::try_from(received - given).map_err(io::Error::other)?;
                given = received;
                self.web_socket.send(&header(1, 0, id, more))?;
            }
            self.read()?;
        }
    }

    /// Sends a few bytes of a stream.
    pub(crate) fn send(&mut self, id: u32, bytes: &[u8]) -> io::Result<()> {
        self.stream(id)?.credit -= bytes.len();
        self.web_socket.send(&data(id, bytes))
    }

    /// Resets the connection.
    pub(crate) fn reset(self) -> io::Result<()> {
        self.web_socket.reset()
    }

    /// Keeps the tunnel open without its buffer.
    pub(crate) fn idle(self) -> WebSocket {
        self.web_socket
    }

    fn stream(&mut self, id: u32) -> io::Result<&mut Stream> {
        let stream = self.frames.streams.get_mut(&id);
        let stream = stream.ok_or_else(|| io::Error::other("no such stream"))?;
        if stream.reset { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(stream) }
    }

    fn read(&mut self) -> io::Result<()> {
        let frames = &mut self.frames;
        self.web_socket.read(&mut self.buffer, |payload| frames.receive(payload))?;
        for ping in std::mem::take(&mut self.frames.pings) {
            self.web_socket.send(&header(2, ACK, 0, ping))?;
        }
        Ok(())
    }
}

impl Frames {
    fn receive(&mut self, mut received: &[u8]) -> io::Result<()> {
        while !received.is_empty() {
            if self.left > 0 {
                let (body, rest) = received.split_at(self.left.min(received.len()));
                self.left -= body.len();
                received = rest;
                if let Some(stream) = self.streams.get_mut(&self.of) {
                    stream.received += body.len();
                    // An answer is a short line; longer frames are data.
                    if body.len() < 256 {
                        stream.text.extend(body);
                    }
                }
                continue;
            }
            let (part, rest) =
                received.split_at((HEADER_LEN - self.header.len()).min(received.len()));
            self.header.extend(part);
            received = rest;
            if self.header.len() == HEADER_LEN {
                let header = std::mem::take(&mut self.header);
                self.receive_header(&header)?;
            }
        }
        Ok(())
    }

    fn receive_header(&mut self, header: &[u8]) -> io::Result<()> {
        let flags = u16::from_be_bytes([header[2], header[3]]);
        let id = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let length = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        match (header[1], self.streams.get_mut(&id)) {
            (0, _) => (self.of, self.left) = (id, length as usize),
            (1, Some(stream)) => stream.credit += length as usize,
            (2, _) if flags & SYN != 0 => self.pings.push(length),
            (1 | 2, _) => {}
            (kind, _) => return Err(io::Error::other(format!("unknown frame type {kind}"))),
        }
        if flags & RST != 0
            && let Some(stream) = self.streams.get_mut(&id)
        {
            stream.reset = true;
        }
        Ok(())
    }
}

fn header(kind: u8, flags: u16, id: u32, length: u32) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[1] = kind;
    header[2..4].copy_from_slice(&flags.to_be_bytes());
    header[4..8].copy_from_slice(&id.to_be_bytes());
    header[8..].copy_from_slice(&length.to_be_bytes());
    header
}

fn data(id: u32, bytes: &[u8]) -> Vec<u8> {
    let mut frame = header(0, 0, id, bytes.len() as u32).to_vec();
    frame.extend(bytes);
    frame
}
