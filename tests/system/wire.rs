//! Hosts and relays whose every byte the test writes itself.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::PATIENCE;
use super::patient::{Patient, accept};

/// One end of a connection.
pub(crate) struct Conn(BufReader<Patient>);

/// The rest of a connection's bytes, and how it was closed.
#[derive(Debug, PartialEq)]
pub(crate) struct Rest {
    pub(crate) bytes: Vec<u8>,
    pub(crate) reset: bool,
}

impl Conn {
    /// Takes over a connection that was accepted.
    pub(crate) fn of(socket: TcpStream) -> Self {
        Self(BufReader::new(Patient::new(socket)))
    }

    pub(crate) fn to(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect_timeout(&address, PATIENCE).unwrap())
    }

    /// Connects from another address of this machine, as an unrelated client would.
    pub(crate) fn from(ip: &str, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        let ip: IpAddr = ip.parse().unwrap();
        socket.bind(&SockAddr::from(SocketAddr::new(ip, 0))).unwrap();
        socket.connect_timeout(&address.into(), PATIENCE).unwrap();
        Self::of(socket.into())
    }

    pub(crate) fn say(&mut self, text: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(text.as_ref()).unwrap();
    }

    /// Writes to a peer that may have disconnected already.
    pub(crate) fn try_say(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.0.get_mut().write_all(text.as_ref());
    }

    /// Writes the text again and again until the peer has read nothing for a while or `most` bytes are
    /// written. Returns how many were.
    pub(crate) fn say_until_full(&mut self, text: &str, most: usize) -> usize {
        let mut socket = self.0.get_ref().socket();
        socket.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut said = 0;
        while said < most {
            match socket.write(&text.as_bytes()[said % text.len()..]) {
                Ok(length) => said += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("expected a write or a full buffer, got {error}"),
            }
        }
        said
    }

    /// Reads the next line; `None` at the end of the connection.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end_matches('\n').to_owned()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("expected a line, got {error}"),
        }
    }

    /// Reads the next line and expects this one.
    #[track_caller]
    pub(crate) fn hears(&mut self, line: &str) {
        assert_eq!(self.line().as_deref(), Some(line));
    }

    /// Reads every line until the end of the connection.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.line()).collect()
    }

    /// Reads every byte until the end of the connection.
    pub(crate) fn rest(&mut self) -> Rest {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => Rest { bytes, reset: false },
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Rest { bytes, reset: true },
            Err(error) => panic!("expected an end, got {error} after {} bytes", bytes.len()),
        }
    }

    /// Closes the connection with a TCP reset.
    pub(crate) fn reset(self) {
        SockRef::from(self.0.get_ref().socket()).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Reads exactly this many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Expects X_REQUEST for a file; returns the address with the port that it names.
    #[track_caller]
    pub(crate) fn requested(&mut self, name: &str, size: &str) -> SocketAddr {
        let line = self.line().expect("X_REQUEST");
        let start = format!("X_REQUEST {name} {size} ");
        let port =
            line.strip_prefix(&start).unwrap_or_else(|| panic!("expected {start}, got {line}"));
        SocketAddr::new(self.0.get_ref().socket().peer_addr().unwrap().ip(), port.parse().unwrap())
    }

    /// Answers the probe for extensions as a base-protocol peer does.
    #[track_caller]
    pub(crate) fn refuses_extensions(&mut self) {
        self.hears("X_CHK //xcher/2");
        self.say("X_CHK //xcher/2 NO\n");
    }

    /// Expects X_FILELIST next and answers it.
    #[track_caller]
    pub(crate) fn lists(&mut self, entries: &[&str]) {
        self.hears("X_FILELIST");
        for entry in entries {
            self.say(format!("X_FILELIST {entry}\n"));
        }
        self.say("X_FILELIST EOF EOF\n");
    }

    /// Closes the sending direction.
    pub(crate) fn finish(&mut self) {
        self.0.get_ref().socket().shutdown(Shutdown::Write).unwrap();
    }
}

/// A port that the test listens on.
pub(crate) struct Port(TcpListener);

impl Port {
    pub(crate) fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(crate) fn number(&self) -> u16 {
        self.address().port()
    }

    pub(crate) fn accept(&self) -> Conn {
        Conn::of(accept(&self.0).expect("a connection in time"))
    }

    /// Returns whether a client has connected, and closes that connection.
    pub(crate) fn try_accept(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let accepted = self.0.accept();
        self.0.set_nonblocking(false).unwrap();
        match accepted {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("expected a connection or none, got {error}"),
        }
    }

    /// Expects that no client has connected.
    #[track_caller]
    pub(crate) fn is_untouched(&self) {
        assert!(!self.try_accept(), "expected no connection to port {}, got one", self.number());
    }
}

/// Returns a listener that accepts nothing and whose backlog is full, its port, and the sockets that fill it.
pub(crate) fn full_port() -> (Socket, u16, Vec<Socket>) {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let fill = |_| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        // It takes a place in the backlog whether it is connected or still connecting.
        let _ = socket.connect(&address);
        socket
    };
    let held = (0..4).map(fill).collect();
    (listener, address.as_socket().unwrap().port(), held)
}

/// A connection to a relay, registered under a nick.
pub(crate) struct Chat(Conn, String);

impl Chat {
    pub(crate) fn join(relay: SocketAddr, nick: &str) -> Self {
        let mut conn = Conn::to(relay);
        conn.say(format!("X_NICK {nick}\n"));
        conn.hears(&format!("X_NICK {nick} YES"));
        Self(conn, nick.to_owned())
    }

    pub(crate) fn nick(&self) -> &str {
        &self.1
    }

    /// Calls a nick as client A; returns the connection that the callee opens.
    pub(crate) fn call(&mut self, nick: &str) -> Conn {
        let port = Port::open();
        self.init(nick, &port);
        port.accept()
    }

    /// Sends X_INIT.
    pub(crate) fn init(&mut self, nick: &str, port: &Port) {
        self.0.say(format!("X_INIT {nick} 127.0.0.1 {}\n", port.number()));
    }

    /// Waits for X_INIT; returns the address where the caller listens.
    pub(crate) fn called_from(&mut self) -> SocketAddr {
        let line = self.0.line().expect("X_INIT");
        let fields: Vec<_> = line.split(' ').collect();
        let ["X_INIT", _, ip, port] = fields[..] else { panic!("expected X_INIT, got {line}") };
        SocketAddr::new(ip.parse().unwrap(), port.parse().unwrap())
    }

    /// Waits for X_INIT and connects as client B that knows the base protocol alone.
    pub(crate) fn called(&mut self) -> Conn {
        let mut conn = Conn::to(self.called_from());
        conn.refuses_extensions();
        conn
    }
}

/// A relay that does what the test makes it do.
pub(crate) struct FakeRelay(pub(crate) Port);

impl FakeRelay {
    pub(crate) fn start() -> Self {
        Self(Port::open())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Accepts a host and answers as an honest relay would, until the host is online.
    pub(crate) fn brings_online(&self, nick: &str) -> Conn {
        let mut conn = self.0.accept();
        conn.hears(&format!("X_NICK {nick}"));
        conn.say(format!("X_NICK {nick} YES\n"));
        // A host that can encrypt sessions has a key.
        let caps = conn.line().unwrap();
        let known =
            ["X_CAPS from move ticket decline meet", "X_CAPS from key move ticket decline meet"];
        assert!(known.contains(&&*caps), "{caps}");
        conn.hears("X_ADDR");
        conn.say("X_ADDR 127.0.0.1\n");
        conn
    }
}
