//! Sockets whose other end is waited for as long as something moves.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::patience::Patience;

/// How often it looks whether anything moves.
const LOOK: Duration = Duration::from_secs(1);

/// A connection.
pub(crate) struct Patient(TcpStream);

impl Patient {
    pub(crate) fn new(socket: TcpStream) -> Self {
        socket.set_read_timeout(Some(LOOK)).unwrap();
        socket.set_write_timeout(Some(LOOK)).unwrap();
        Self(socket)
    }

    pub(crate) fn try_clone(&self) -> Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// The connection, of which each call waits for a second at the most.
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

/// The next connection to it.
pub(crate) fn accept(listener: &TcpListener) -> Result<TcpStream> {
    // On a listener it is the time that accept takes.
    SockRef::from(listener).set_read_timeout(Some(LOOK))?;
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

/// Whether nothing has come of it yet.
pub(crate) fn is_early(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
