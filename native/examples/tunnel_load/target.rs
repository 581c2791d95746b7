//! The target server: receives or sends bytes, as its client requests.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use rustix::net::{RecvFlags, recv};

/// The length of a request: `u` (the client sends bytes) or `d` (it receives them), and their number as a u64.
pub(crate) const REQUEST_LEN: usize = 9;

pub(crate) fn request(up: bool, bytes: usize) -> [u8; REQUEST_LEN] {
    let mut request = [if up { b'u' } else { b'd' }; REQUEST_LEN];
    request[1..].copy_from_slice(&(bytes as u64).to_be_bytes());
    request
}

/// Serves until the process is stopped.
pub(crate) fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    crate::print_line(&format!("target {}", listener.local_addr()?))?;
    for socket in listener.incoming() {
        let socket = socket?;
        // A client that disconnects early is not an error.
        thread::spawn(move || answer(socket));
    }
    Ok(())
}

fn answer(mut socket: TcpStream) -> io::Result<()> {
    let mut request = [0; REQUEST_LEN];
    socket.read_exact(&mut request)?;
    let mut left = u64::from_be_bytes(request[1..].try_into().map_err(io::Error::other)?);
    let mut buffer = vec![0; 256 << 10];
    while left > 0 {
        let max = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = match request[0] {
            // The system discards what it would copy (tcp(7)): the target costs the machine as little as it can.
            b'u' => recv(&socket, &mut buffer[..max], RecvFlags::TRUNC)?.1,
            _ => socket.write(&buffer[..max])?,
        };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= count as u64;
    }
    if request[0] == b'u' {
        socket.write_all(b"k")?;
    }
    // Waits until the client closes.
    while socket.read(&mut buffer)? > 0 {}
    Ok(())
}
