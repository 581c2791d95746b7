//! A minimal WebSocket client for load tests.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};
use xcher_core::tunnel::{PATH, SUBPROTOCOL};

const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
/// The most bytes read at a time.
const BUFFER_LEN: usize = 256 << 10;

/// A WebSocket whose payload is one stream of bytes.
pub(crate) struct WebSocket {
    socket: TcpStream,
    /// The bytes of an incomplete header.
    header: Vec<u8>,
    /// Bytes of the frame's payload still to come.
    left: usize,
}

impl WebSocket {
    /// Connects from the `number`th loopback address: a bridge counts tunnels by address.
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
            ("/", String::new())
        } else {
            (PATH, format!("Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"))
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
        Ok(Self { socket, header: Vec::new(), left: 0 })
    }

    /// Sends frames that [`frame`] built.
    pub(crate) fn send_frames(&mut self, frames: &[u8]) -> io::Result<()> {
        self.socket.write_all(frames)
    }

    pub(crate) fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        self.send_frames(&frame(payload))
    }

    /// Reads once and passes the payload to `receive`.
    pub(crate) fn read(
        &mut self,
        buffer: &mut Buffer,
        mut receive: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let count = self.socket.read(&mut buffer.0)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut received = &buffer.0[..count];
        while !received.is_empty() {
            if self.left == 0 {
                self.header.push(received[0]);
                received = &received[1..];
                if let Some(length) = length(&self.header) {
                    if !matches!(self.header[0], 0x82) {
                        return Err(io::Error::other(format!(
                            "unexpected frame {:#x}",
                            self.header[0]
                        )));
                    }
                    self.left = length;
                    self.header.clear();
                }
                continue;
            }
            let (payload, rest) = received.split_at(self.left.min(received.len()));
            self.left -= payload.len();
            received = rest;
            receive(payload)?;
        }
        Ok(())
    }

    /// Resets the connection.
    pub(crate) fn reset(self) -> io::Result<()> {
        socket2::SockRef::from(&self.socket).set_linger(Some(std::time::Duration::ZERO))
    }
}

/// A buffer to read into.
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    pub(crate) fn new() -> Self {
        Self(vec![0; BUFFER_LEN])
    }
}

/// Builds a masked binary frame with this payload.
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

/// Returns the payload's length once the header of an unmasked frame is complete.
fn length(header: &[u8]) -> Option<usize> {
    match (*header.get(1)?, header.len()) {
        (126, 4) => Some(usize::from(u16::from_be_bytes([header[2], header[3]]))),
        (126, _) => None,
        (127, 10) => header[2..]
            .iter()
            .try_fold(0_usize, |len, byte| Some(len.checked_mul(256)? + usize::from(*byte))),
        (127, _) => None,
        (short, _) => Some(usize::from(short)),
    }
}
