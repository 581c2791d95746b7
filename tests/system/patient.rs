//! Sockets that wait for the other end as long as there is progress.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::patience::Patience;

/// Time between checks for progress.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A connection.
pub(crate) struct Patient(TcpStream);

impl Patient {
    pub(crate) fn new(socket: TcpStream) -> Self {
        socket.set_read_timeout(Some(POLL_INTERVAL)).unwrap();
        socket.set_write_timeout(Some(POLL_INTERVAL)).unwrap();
        Self(socket)
    }

    pub(crate) fn try_clone(&self) -> Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Returns the socket itself, whose calls wait for at most [`POLL_INTERVAL`].
    pub(crate) fn socket(&self) -> &TcpStream {
        &self.0
    }
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        wait(|| self.0.read(buffer))
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        wait(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}

/// Accepts the next connection.
pub(crate) fn accept(listener: &TcpListener) -> Result<TcpStream> {
    // A listener's read timeout limits accept().
    SockRef::from(listener).set_read_timeout(Some(POLL_INTERVAL))?;
    wait(|| Ok(listener.accept()?.0))
}

fn wait<T>(mut once: impl FnMut() -> Result<T>) -> Result<T> {
    let mut patience = Patience::new();
    loop {
        match once() {
            Err(error) if is_early(error.kind()) && patience.left().is_some() => {}
            done => return done,
        }
    }
}

/// True if a call timed out and can be repeated.
pub(crate) fn is_early(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
