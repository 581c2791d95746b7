//! Hosts and relays whose every byte the test says itself.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::PATIENCE;
use super::patient::{Patient, accept};

/// One end of a connection.
pub(crate) struct Conn(BufReader<Patient>);

/// What was left on a connection, and whether it was closed in order.
#[derive(Debug, PartialEq)]
pub(crate) struct Rest {
    pub(crate) bytes: Vec<u8>,
    pub(crate) reset: bool,
}

impl Conn {
    fn new(socket: TcpStream) -> Self {
        Self(BufReader::new(Patient::new(socket)))
    }

    pub(crate) fn to(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect_timeout(&address, PATIENCE).unwrap())
    }

    /// From another address of this host, as a stranger would.
    pub(crate) fn from(ip: &str, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        let ip: IpAddr = ip.parse().unwrap();
        socket.bind(&SockAddr::from(SocketAddr::new(ip, 0))).unwrap();
        socket.connect_timeout(&address.into(), PATIENCE).unwrap();
        Self::new(socket.into())
    }

    pub(crate) fn say(&mut self, text: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(text.as_ref()).unwrap();
    }

    /// Says it to one who may be gone already.
    pub(crate) fn try_say(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.0.get_mut().write_all(text.as_ref());
    }

    /// Says it again and again, until the other side has taken nothing for a while or `most` bytes
    /// are said; how many were.
    pub(crate) fn say_until_full(&mut self, text: &str, most: usize) -> usize {
        let mut socket = self.0.get_ref().socket();
        socket.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut said = 0;
        while said < most {
            match socket.write(&text.as_bytes()[said % text.len()..]) {
                Ok(length) => said += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("expected room or none, got {error}"),
            }
        }
        said
    }

    /// The next line; `None` at the end.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end_matches('\n').to_owned()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("expected a line, got {error}"),
        }
    }

    /// Expects this line next.
    #[track_caller]
    pub(crate) fn hears(&mut self, line: &str) {
        assert_eq!(self.line().as_deref(), Some(line));
    }

    /// Every line until the end.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.line()).collect()
    }

    /// Every byte until the end.
    pub(crate) fn rest(&mut self) -> Rest {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => Rest { bytes, reset: false },
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Rest { bytes, reset: true },
            Err(error) => panic!("expected an end, got {error} after {} bytes", bytes.len()),
        }
    }

    /// Ends it so that the other side sees that it broke.
    pub(crate) fn reset(self) {
        SockRef::from(self.0.get_ref().socket()).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Expects X_REQUEST of a file; returns the port it names.
    #[track_caller]
    pub(crate) fn requested(&mut self, name: &str, size: &str) -> SocketAddr {
        let line = self.line().expect("X_REQUEST");
        let start = format!("X_REQUEST {name} {size} ");
        let port =
            line.strip_prefix(&start).unwrap_or_else(|| panic!("expected {start}, got {line}"));
        SocketAddr::new(self.0.get_ref().socket().peer_addr().unwrap().ip(), port.parse().unwrap())
    }

    /// Answers the question that tells a peer of the six packets from one that can do more.
    #[track_caller]
    pub(crate) fn knows_the_six(&mut self) {
        self.hears("X_CHK //xcher/2");
        self.say("X_CHK //xcher/2 NO\n");
    }

    /// Answers X_FILELIST, which must come next.
    #[track_caller]
    pub(crate) fn lists(&mut self, entries: &[&str]) {
        self.hears("X_FILELIST");
        for entry in entries {
            self.say(format!("X_FILELIST {entry}\n"));
        }
        self.say("X_FILELIST EOF EOF\n");
    }

    /// Says that nothing more comes.
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
        Conn::new(accept(&self.0).expect("a connection in time"))
    }

    /// Whether someone has connected; the connection is closed.
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

    /// Expects that nobody has connected.
    #[track_caller]
    pub(crate) fn is_untouched(&self) {
        assert!(!self.try_accept(), "expected nobody on port {}, got someone", self.number());
    }
}

/// A port whose connections nobody accepts and which has no room for one more: it, its number, and
/// what fills it.
pub(crate) fn full_port() -> (Socket, u16, Vec<Socket>) {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let fill = |_| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        // Whether it is connected or waits, it takes a place.
        let _ = socket.connect(&address);
        socket
    };
    let held = (0..4).map(fill).collect();
    (listener, address.as_socket().unwrap().port(), held)
}

/// A connection to a relay under a nick.
pub(crate) struct Chat(Conn, String);

impl Chat {
    pub(crate) fn join(relay: SocketAddr, nick: &str) -> Self {
        let mut conn = Conn::to(relay);
        conn.say(format!("X_NICK {nick}\n"));
        conn.hears(&format!("X_NICK {nick} YES"));
        Self(conn, nick.to_owned())
    }

    /// The nick.
    pub(crate) fn nick(&self) -> &str {
        &self.1
    }

    /// Calls someone as client A; the connection back.
    pub(crate) fn call(&mut self, nick: &str) -> Conn {
        let port = Port::open();
        self.init(nick, &port);
        port.accept()
    }

    /// Sends X_INIT.
    pub(crate) fn init(&mut self, nick: &str, port: &Port) {
        self.0.say(format!("X_INIT {nick} 127.0.0.1 {}\n", port.number()));
    }

    /// Waits for X_INIT; where the caller listens.
    pub(crate) fn called_from(&mut self) -> SocketAddr {
        let line = self.0.line().expect("X_INIT");
        let fields: Vec<_> = line.split(' ').collect();
        let ["X_INIT", _, ip, port] = fields[..] else { panic!("expected X_INIT, got {line}") };
        SocketAddr::new(ip.parse().unwrap(), port.parse().unwrap())
    }

    /// Waits for X_INIT and connects as client B, which knows the six packets alone.
    pub(crate) fn called(&mut self) -> Conn {
        let mut conn = Conn::to(self.called_from());
        conn.knows_the_six();
        conn
    }
}

/// A relay that does as the test says.
pub(crate) struct FakeRelay(pub(crate) Port);

impl FakeRelay {
    pub(crate) fn start() -> Self {
        Self(Port::open())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Takes in a host as a good relay would, up to where it is online.
    pub(crate) fn takes_in(&self, nick: &str) -> Conn {
        let mut conn = self.0.accept();
        conn.hears(&format!("X_NICK {nick}"));
        conn.say(format!("X_NICK {nick} YES\n"));
        // One that speaks in private has a key.
        let caps = conn.line().unwrap();
        assert!(["X_CAPS from ticket", "X_CAPS from key ticket"].contains(&&*caps), "{caps}");
        conn.hears("X_ADDR");
        conn.say("X_ADDR 127.0.0.1\n");
        conn
    }
}
