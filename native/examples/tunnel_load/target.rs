//! The server at the far end: takes bytes or gives them, as its client says first.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// What a client says first: `u` (it sends so many) or `d` (it wants so many), and a u64.
pub(crate) const ORDER: usize = 9;

pub(crate) fn order(up: bool, bytes: usize) -> [u8; ORDER] {
    let mut order = [if up { b'u' } else { b'd' }; ORDER];
    order[1..].copy_from_slice(&(bytes as u64).to_be_bytes());
    order
}

/// Serves until it is ended.
pub(crate) fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    crate::say(&format!("target {}", listener.local_addr()?))?;
    for socket in listener.incoming() {
        let socket = socket?;
        // Whoever goes away in the middle is only gone.
        thread::spawn(move || obey(socket));
    }
    Ok(())
}

fn obey(mut socket: TcpStream) -> io::Result<()> {
    let mut order = [0; ORDER];
    socket.read_exact(&mut order)?;
    let mut left = u64::from_be_bytes(order[1..].try_into().map_err(io::Error::other)?);
    let mut buffer = vec![0; 256 << 10];
    while left > 0 {
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = match order[0] {
            b'u' => socket.read(&mut buffer[..most])?,
            _ => socket.write(&buffer[..most])?,
        };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= count as u64;
    }
    if order[0] == b'u' {
        socket.write_all(b"k")?;
    }
    // Until the client closes.
    while socket.read(&mut buffer)? > 0 {}
    Ok(())
}
