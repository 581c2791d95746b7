//! The client's side of a WebSocket, with no more than a load needs.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
/// Read at a time.
const BUFFER: usize = 256 << 10;

/// A WebSocket whose payload is one stream of bytes.
pub(crate) struct WebSocket {
    socket: TcpStream,
    /// What of a frame's head has come.
    head: Vec<u8>,
    /// What of a frame's payload is still to come.
    left: usize,
}

impl WebSocket {
    /// Connects from the `number`th of our loopback addresses: a bridge counts tunnels by address.
    pub(crate) fn open(http: &str, number: usize, plain: bool) -> io::Result<Self> {
        let to: SocketAddr = http.parse().map_err(io::Error::other)?;
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        let [_, _, high, low] = u32::try_from(number).map_err(io::Error::other)?.to_be_bytes();
        let from: IpAddr = Ipv4Addr::new(127, 1, high, low).into();
        socket.bind(&SocketAddr::new(from, 0).into())?;
        socket.connect(&to.into())?;
        socket.set_tcp_nodelay(true)?;
        let mut socket = TcpStream::from(socket);
        let (path, subprotocol) = if plain {
            ("/", "")
        } else {
            ("/xcher", "Sec-WebSocket-Protocol: xcher.tunnel.1\r\n")
        };
        write!(
            socket,
            "GET {path} HTTP/1.1\r\nHost: {http}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\
             {subprotocol}\r\n"
        )?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte)?;
            answer.push(byte[0]);
        }
        if !answer.starts_with(b"HTTP/1.1 101 ") {
            return Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()));
        }
        Ok(Self { socket, head: Vec::new(), left: 0 })
    }

    /// Sends frames as [`frame`] makes them.
    pub(crate) fn send_frames(&mut self, frames: &[u8]) -> io::Result<()> {
        self.socket.write_all(frames)
    }

    pub(crate) fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        self.send_frames(&frame(payload))
    }

    /// Reads once and gives the payload of what came.
    pub(crate) fn read(
        &mut self,
        buffer: &mut Buffer,
        mut give: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let count = self.socket.read(&mut buffer.0)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut came = &buffer.0[..count];
        while !came.is_empty() {
            if self.left == 0 {
                self.head.push(came[0]);
                came = &came[1..];
                if let Some(length) = length(&self.head) {
                    if !matches!(self.head[0], 0x82) {
                        return Err(io::Error::other(format!("a frame of {:#x}", self.head[0])));
                    }
                    self.left = length;
                    self.head.clear();
                }
                continue;
            }
            let (payload, rest) = came.split_at(self.left.min(came.len()));
            self.left -= payload.len();
            came = rest;
            give(payload)?;
        }
        Ok(())
    }

    /// Has the system forget the connection at once when it is dropped.
    pub(crate) fn forget(self) -> io::Result<()> {
        socket2::SockRef::from(&self.socket).set_linger(Some(std::time::Duration::ZERO))
    }
}

/// Room to read into.
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    pub(crate) fn new() -> Self {
        Self(vec![0; BUFFER])
    }
}

/// A masked binary frame of this payload.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x82];
    match payload.len() {
        len @ ..126 => frame.push(0x80 | len as u8),
        len @ ..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The payload's length, once the head of an unmasked frame is whole.
fn length(head: &[u8]) -> Option<usize> {
    match (*head.get(1)?, head.len()) {
        (126, 4) => Some(usize::from(u16::from_be_bytes([head[2], head[3]]))),
        (126, _) => None,
        (127, 10) => head[2..]
            .iter()
            .try_fold(0_usize, |digest, byte| Some(digest.checked_mul(256)? + usize::from(*byte))),
        (127, _) => None,
        (short, _) => Some(usize::from(short)),
    }
}
