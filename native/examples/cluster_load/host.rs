//! Hosts that know the base protocol alone.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// A connection to a relay.
pub(crate) struct Host(BufReader<TcpStream>);

impl Host {
    /// Connects from an address of its own in 127/8, of which a relay takes 256 connections each.
    pub(crate) async fn connect(relay: SocketAddr, number: usize) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddrV4::new(own_ip(number), 0).into())?;
        let stream = socket.connect(relay).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::with_capacity(256, stream)))
    }

    pub(crate) async fn say(&mut self, text: &str) -> io::Result<()> {
        self.0.write_all(text.as_bytes()).await
    }

    /// Reads a line, and answers pings. Dropping the future loses nothing of a line that has begun.
    pub(crate) async fn line(&mut self, line: &mut String) -> io::Result<()> {
        loop {
            let buffer = self.0.fill_buf().await?;
            if buffer.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let end = buffer.iter().position(|b| *b == b'\n');
            let taken = end.map_or(buffer.len(), |end| end + 1);
            line.push_str(&String::from_utf8_lossy(&buffer[..taken]));
            self.0.consume(taken);
            if end.is_some() {
                let Some(ping) = line.strip_prefix("X_PING") else { return Ok(()) };
                let pong = format!("X_PONG{ping}");
                line.clear();
                self.say(&pong).await?;
            }
        }
    }

    /// Asks for a nick. Returns whether it was granted.
    pub(crate) async fn join(&mut self, nick: &str) -> io::Result<bool> {
        self.say(&format!("X_NICK {nick}\n")).await?;
        let (mut line, yes) = (String::new(), format!("X_NICK {nick} YES\n"));
        self.line(&mut line).await?;
        Ok(line == yes)
    }
}

pub(crate) fn own_ip(number: usize) -> Ipv4Addr {
    let [.., high, low] = (number / 200 + 1).to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}
