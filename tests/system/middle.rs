//! A man in the middle between two hosts: records all traffic and changes it as the test says.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{JoinHandle, spawn};

use socket2::{Domain, Socket, Type};

use super::PATIENCE;
use super::patient::Patient;
use super::process::{Process, Xcher};

/// Address of the man in the middle. It differs from that of the hosts, so that it can listen on the same
/// ports as they do.
const MIDDLE_IP: &str = "127.0.0.2";

/// One direction of a connection between A, the caller, and B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// The control connection, from A to B.
    ByA,
    /// The control connection, from B to A.
    ByB,
    /// A data connection that A accepted.
    Data,
}

/// Changes a chunk of a flow, given the offset of its first byte. `false` ends the flow.
pub(crate) type Change = dyn Fn(Flow, usize, &mut Vec<u8>) -> bool + Send + Sync;

/// A relay, as A sees it, that sends B its own address in place of A's, and so accepts B's connections and
/// forwards them to A.
pub(crate) struct Middle {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    change: Box<Change>,
    /// A's process id: the middle listens on every port that A listens on.
    a: Mutex<Option<u32>>,
    is_known: Condvar,
    streams: Mutex<Vec<Stream>>,
    /// A's address for each port of the middle that stands in for it.
    named: Mutex<HashMap<u16, SocketAddr>>,
}

/// A flow, and its bytes once it has ended.
type Stream = (Flow, JoinHandle<Vec<u8>>);

impl Middle {
    pub(crate) fn start(
        relay: SocketAddr,
        change: impl Fn(Flow, usize, &mut Vec<u8>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let state = Arc::new(State {
            change: Box::new(change),
            a: Mutex::new(None),
            is_known: Condvar::new(),
            streams: Mutex::new(Vec::new()),
            named: Mutex::new(HashMap::new()),
        });
        let kept = Arc::clone(&state);
        // The threads end with their connections.
        spawn(move || {
            for client in server.incoming() {
                let (client, relay) = (client.unwrap(), TcpStream::connect(relay).unwrap());
                let (from, to) = (client.try_clone().unwrap(), relay.try_clone().unwrap());
                let (state, known) = (Arc::clone(&kept), Arc::clone(&kept));
                spawn(move || pass_on(from, to, &state));
                spawn(move || pass_back(relay, client, &known));
            }
        });
        Self { address, state }
    }

    /// Starts A.
    pub(crate) fn run(&self, a: Xcher) -> Process {
        let a = a.start();
        *self.state.a.lock().unwrap() = Some(a.id());
        self.state.is_known.notify_all();
        a
    }

    /// Waits until all flows have ended; returns their bytes.
    pub(crate) fn heard(self) -> Vec<(Flow, Vec<u8>)> {
        let mut heard = Vec::new();
        loop {
            let Some((way, stream)) = self.state.streams.lock().unwrap().pop() else { break };
            heard.push((way, stream.join().unwrap()));
        }
        heard.reverse();
        heard
    }
}

/// Forwards lines from A to the relay, with the middle's address in X_INIT.
fn pass_on(from: TcpStream, mut to: TcpStream, state: &Arc<State>) -> Option<()> {
    let mut lines = BufReader::new(from);
    let mut line = String::new();
    while lines.read_line(&mut line).ok()? > 0 {
        if let ["X_INIT", nick, ip, port] = line.trim_end().split(' ').collect::<Vec<_>>()[..] {
            let a = format!("{ip}:{port}").parse().unwrap();
            let server = TcpListener::bind((MIDDLE_IP, 0)).unwrap();
            let port = server.local_addr().unwrap().port();
            line = format!("X_INIT {nick} {MIDDLE_IP} {port}\n");
            state.named.lock().unwrap().insert(port, a);
            let state = Arc::clone(state);
            spawn(move || splice(&server, a, &state, [Flow::ByA, Flow::ByB]));
        }
        to.write_all(line.as_bytes()).ok()?;
        line.clear();
    }
    to.shutdown(Shutdown::Both).ok()
}

/// Forwards lines from the relay to A, with A's own address in X_TICKET.
fn pass_back(from: TcpStream, mut to: TcpStream, state: &State) -> Option<()> {
    let mut lines = BufReader::new(from);
    let mut line = String::new();
    while lines.read_line(&mut line).ok()? > 0 {
        if let ["X_TICKET", nick, MIDDLE_IP, port, ticket] =
            line.trim_end().split(' ').collect::<Vec<_>>()[..]
        {
            let a = state.named.lock().unwrap()[&port.parse().unwrap()];
            line = format!("X_TICKET {nick} {} {} {ticket}\n", a.ip(), a.port());
        }
        to.write_all(line.as_bytes()).ok()?;
        line.clear();
    }
    to.shutdown(Shutdown::Both).ok()
}

/// Waits for B and connects it to A.
fn splice(server: &TcpListener, a: SocketAddr, state: &Arc<State>, [by_a, by_b]: [Flow; 2]) {
    let Ok((b, _)) = server.accept() else { return };
    let Some(a) = connect(a) else { return };
    let [a, b] = [a, b].map(Patient::new);
    let (from_b, to_a) = (b.try_clone().unwrap(), a.try_clone().unwrap());
    let mut streams = state.streams.lock().unwrap();
    for (way, from, to) in [(by_a, a, b), (by_b, from_b, to_a)] {
        let kept = Arc::clone(state);
        let stream = spawn(move || {
            copy(from, to, |begins, bytes| {
                if way == Flow::ByA {
                    kept.open_ports();
                }
                (kept.change)(way, begins, bytes)
            })
        });
        streams.push((way, stream));
    }
}

impl State {
    /// Listens on every port that A listens on, before B learns of it.
    fn open_ports(self: &Arc<Self>) {
        let mut a = self.a.lock().unwrap();
        while a.is_none() {
            a = self.is_known.wait_timeout(a, PATIENCE).unwrap().0;
        }
        for port in listened_on(a.unwrap()) {
            // Fails for a port that is covered already.
            if let Ok(server) = TcpListener::bind((MIDDLE_IP, port)) {
                let state = Arc::clone(self);
                let a = SocketAddr::from(([127, 0, 0, 1], port));
                spawn(move || splice(&server, a, &state, [Flow::Data; 2]));
            }
        }
    }
}

/// Returns the ports of 127.0.0.1 that a process listens on.
fn listened_on(process: u32) -> Vec<u16> {
    let Ok(open) = std::fs::read_dir(format!("/proc/{process}/fd")) else { return Vec::new() };
    let open: Vec<_> = open
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .map(|to| to.to_string_lossy().into_owned())
        .collect();
    // The kernel writes this file in parts, and may skip a socket while others come and go: three copies miss none.
    let sockets: String =
        (0..3).map(|_| std::fs::read_to_string("/proc/net/tcp").unwrap()).collect();
    let port = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (local, state, inode) = (*fields.get(1)?, *fields.get(3)?, *fields.get(9)?);
        let port = local.strip_prefix("0100007F:")?;
        let is_listener = state == "0A" && open.contains(&format!("socket:[{inode}]"));
        is_listener.then(|| u16::from_str_radix(port, 16).unwrap())
    };
    sockets.lines().filter_map(port).collect()
}

/// Connects from the middle's address, where A expects B to be.
fn connect(to: SocketAddr) -> Option<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // Lets the middle listen later on a port that this connection uses now.
    socket.set_reuse_address(true).unwrap();
    let here: IpAddr = MIDDLE_IP.parse().unwrap();
    socket.bind(&SocketAddr::new(here, 0).into()).unwrap();
    socket.connect(&to.into()).ok()?;
    Some(socket.into())
}

/// Copies until the end; returns the bytes that came, before any change.
fn copy(
    mut from: Patient,
    mut to: Patient,
    change: impl Fn(usize, &mut Vec<u8>) -> bool,
) -> Vec<u8> {
    let (mut copied, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let mut bytes = buffer[..length].to_vec();
        let continues = change(copied.len(), &mut bytes);
        copied.extend_from_slice(&buffer[..length]);
        // A host that has stopped reading may still write.
        let _ = to.write_all(&bytes);
        if !continues {
            break;
        }
    }
    let _ = to.socket().shutdown(Shutdown::Write);
    copied
}
