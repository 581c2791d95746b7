//! The client's side of yamux, with no more than a load needs: the streams of one tunnel.

use std::collections::HashMap;
use std::io;

use crate::web_socket::{Buffer, WebSocket, frame};

const HEAD: usize = 12;
const SYN: u16 = 1;
const ACK: u16 = 2;
const RST: u16 = 8;
/// What a stream may send before it is given more.
const WINDOW: u32 = 256 << 10;
/// What the other side may send of one stream before it is given as much again.
const OURS: u32 = 16 << 20;

/// The streams of one tunnel.
pub(crate) struct Mux {
    web_socket: WebSocket,
    frames: Frames,
    buffer: Buffer,
}

/// What is known of the streams by what came.
#[derive(Default)]
struct Frames {
    /// What of a frame's head has come.
    head: Vec<u8>,
    /// The stream whose bytes come, and how many are still to.
    of: u32,
    left: usize,
    streams: HashMap<u32, Stream>,
    /// Pings that wait for their answer.
    pings: Vec<u32>,
}

struct Stream {
    /// What we may send.
    credit: usize,
    came: usize,
    /// What came of it, as far as it may be an answer.
    text: Vec<u8>,
    reset: bool,
}

impl Mux {
    pub(crate) fn new(web_socket: WebSocket) -> Self {
        Self { web_socket, frames: Frames::default(), buffer: Buffer::new() }
    }

    /// Opens a stream with these bytes.
    pub(crate) fn open(&mut self, id: u32, first: &[u8]) -> io::Result<()> {
        let credit = WINDOW as usize - first.len();
        let stream = Stream { credit, came: 0, text: Vec::new(), reset: false };
        self.frames.streams.insert(id, stream);
        // Beyond what yamux gives every stream.
        let window = head(1, SYN, id, OURS - WINDOW);
        self.web_socket.send(&window)?;
        self.web_socket.send(&data(id, first))
    }

    /// A line that a stream got.
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

    /// Sends so many bytes in frames of `length`, and waits for one to come back.
    pub(crate) fn push(&mut self, id: u32, bytes: usize, length: usize) -> io::Result<()> {
        let one = frame(&data(id, &vec![0x5a; length]));
        // As many as make a good write.
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
        let before = self.stream(id)?.came;
        while self.stream(id)?.came == before {
            self.read()?;
        }
        Ok(())
    }

    /// Takes so many bytes.
    pub(crate) fn pull(&mut self, id: u32, bytes: usize) -> io::Result<()> {
        let before = self.stream(id)?.came;
        let mut given = before;
        loop {
            let came = self.stream(id)?.came;
            if came - before >= bytes {
                return Ok(());
            }
            if came - given >= OURS as usize / 2 {
                let more = u32::try_from(came - given).map_err(io::Error::other)?;
                given = came;
                self.web_socket.send(&head(1, 0, id, more))?;
            }
            self.read()?;
        }
    }

    /// Sends a few bytes of a stream.
    pub(crate) fn send(&mut self, id: u32, bytes: &[u8]) -> io::Result<()> {
        self.stream(id)?.credit -= bytes.len();
        self.web_socket.send(&data(id, bytes))
    }

    /// Drops all without a word.
    pub(crate) fn forget(self) -> io::Result<()> {
        self.web_socket.forget()
    }

    /// Keeps the tunnel without its buffer.
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
            self.web_socket.send(&head(2, ACK, 0, ping))?;
        }
        Ok(())
    }
}

impl Frames {
    fn receive(&mut self, mut came: &[u8]) -> io::Result<()> {
        while !came.is_empty() {
            if self.left > 0 {
                let (body, rest) = came.split_at(self.left.min(came.len()));
                self.left -= body.len();
                came = rest;
                if let Some(stream) = self.streams.get_mut(&self.of) {
                    stream.came += body.len();
                    // An answer is a line; what is longer is what was asked for.
                    if body.len() < 256 {
                        stream.text.extend(body);
                    }
                }
                continue;
            }
            let (part, rest) = came.split_at((HEAD - self.head.len()).min(came.len()));
            self.head.extend(part);
            came = rest;
            if self.head.len() == HEAD {
                let head = std::mem::take(&mut self.head);
                self.receive_head(&head)?;
            }
        }
        Ok(())
    }

    fn receive_head(&mut self, head: &[u8]) -> io::Result<()> {
        let flags = u16::from_be_bytes([head[2], head[3]]);
        let id = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let length = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
        match (head[1], self.streams.get_mut(&id)) {
            (0, _) => (self.of, self.left) = (id, length as usize),
            (1, Some(stream)) => stream.credit += length as usize,
            (2, _) if flags & SYN != 0 => self.pings.push(length),
            (1 | 2, _) => {}
            (kind, _) => return Err(io::Error::other(format!("a frame of kind {kind}"))),
        }
        if flags & RST != 0
            && let Some(stream) = self.streams.get_mut(&id)
        {
            stream.reset = true;
        }
        Ok(())
    }
}

fn head(kind: u8, flags: u16, id: u32, length: u32) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[1] = kind;
    head[2..4].copy_from_slice(&flags.to_be_bytes());
    head[4..8].copy_from_slice(&id.to_be_bytes());
    head[8..].copy_from_slice(&length.to_be_bytes());
    head
}

fn data(id: u32, bytes: &[u8]) -> Vec<u8> {
    let mut frame = head(0, 0, id, bytes.len() as u32).to_vec();
    frame.extend(bytes);
    frame
}
