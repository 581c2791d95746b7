//! Someone on the wire between two hosts: hears all that passes, and changes it as the test says.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{JoinHandle, spawn};

use socket2::{Domain, Socket, Type};

use super::PATIENCE;
use super::patient::Patient;
use super::process::{Process, Xcher};

/// Where it stands: another address of this host than its own, so that a port which one of the two
/// listens on is free to be listened on here.
const HERE: &str = "127.0.0.2";

/// What passes on a connection between A, who calls, and B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The control connection, as A wrote it.
    ByA,
    /// The control connection, as B wrote it.
    ByB,
    /// A data connection to A.
    Data,
}

/// Changes a piece of what passes, which begins at this byte of its stream. `false` ends the stream.
pub(crate) type Change = dyn Fn(Way, usize, &mut Vec<u8>) -> bool + Send + Sync;

/// A chat server to A that hands B its own address in place of A's, and the two ends that follow
/// from it.
pub(crate) struct Middle {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    change: Box<Change>,
    /// Who A is: its ports are to be listened on here too.
    a: Mutex<Option<u32>>,
    is_known: Condvar,
    streams: Mutex<Vec<Stream>>,
    /// Where A listens for whoever comes to a port here.
    named: Mutex<HashMap<u16, SocketAddr>>,
}

/// What passed on a stream, once it is over.
type Stream = (Way, JoinHandle<Vec<u8>>);

impl Middle {
    pub(crate) fn start(
        relay: SocketAddr,
        change: impl Fn(Way, usize, &mut Vec<u8>) -> bool + Send + Sync + 'static,
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
        // Its threads end with their connections.
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

    /// What passed on each stream, once all are over.
    pub(crate) fn heard(self) -> Vec<(Way, Vec<u8>)> {
        let mut heard = Vec::new();
        loop {
            let Some((way, stream)) = self.state.streams.lock().unwrap().pop() else { break };
            heard.push((way, stream.join().unwrap()));
        }
        heard.reverse();
        heard
    }
}

/// What A says to the relay.
fn pass_on(from: TcpStream, mut to: TcpStream, state: &Arc<State>) -> Option<()> {
    let mut lines = BufReader::new(from);
    let mut line = String::new();
    while lines.read_line(&mut line).ok()? > 0 {
        if let ["X_INIT", nick, ip, port] = line.trim_end().split(' ').collect::<Vec<_>>()[..] {
            let a = format!("{ip}:{port}").parse().unwrap();
            let server = TcpListener::bind((HERE, 0)).unwrap();
            let port = server.local_addr().unwrap().port();
            line = format!("X_INIT {nick} {HERE} {port}\n");
            state.named.lock().unwrap().insert(port, a);
            let state = Arc::clone(state);
            spawn(move || join(&server, a, &state, [Way::ByA, Way::ByB]));
        }
        to.write_all(line.as_bytes()).ok()?;
        line.clear();
    }
    to.shutdown(Shutdown::Both).ok()
}

/// What the relay says to A, as if it had passed on what A said.
fn pass_back(from: TcpStream, mut to: TcpStream, state: &State) -> Option<()> {
    let mut lines = BufReader::new(from);
    let mut line = String::new();
    while lines.read_line(&mut line).ok()? > 0 {
        if let ["X_TICKET", nick, HERE, port, ticket] =
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

/// Waits for B, and connects it to A.
fn join(server: &TcpListener, a: SocketAddr, state: &Arc<State>, [by_a, by_b]: [Way; 2]) {
    let Ok((b, _)) = server.accept() else { return };
    let Some(a) = connect(a) else { return };
    let [a, b] = [a, b].map(Patient::new);
    let (from_b, to_a) = (b.try_clone().unwrap(), a.try_clone().unwrap());
    let mut streams = state.streams.lock().unwrap();
    for (way, from, to) in [(by_a, a, b), (by_b, from_b, to_a)] {
        let kept = Arc::clone(state);
        let stream = spawn(move || {
            copy(from, to, |begins, bytes| {
                if way == Way::ByA {
                    kept.open_ports();
                }
                (kept.change)(way, begins, bytes)
            })
        });
        streams.push((way, stream));
    }
}

impl State {
    /// Listens wherever A does, before B can hear of it.
    fn open_ports(self: &Arc<Self>) {
        let mut a = self.a.lock().unwrap();
        while a.is_none() {
            a = self.is_known.wait_timeout(a, PATIENCE).unwrap().0;
        }
        for port in listened_on(a.unwrap()) {
            // What is listened on already is not to be listened on twice.
            if let Ok(server) = TcpListener::bind((HERE, port)) {
                let state = Arc::clone(self);
                let a = SocketAddr::from(([127, 0, 0, 1], port));
                spawn(move || join(&server, a, &state, [Way::Data; 2]));
            }
        }
    }
}

/// The ports of 127.0.0.1 that a process listens on.
fn listened_on(process: u32) -> Vec<u16> {
    let Ok(open) = std::fs::read_dir(format!("/proc/{process}/fd")) else { return Vec::new() };
    let open: Vec<_> = open
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .map(|to| to.to_string_lossy().into_owned())
        .collect();
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let port = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (local, state, inode) = (*fields.get(1)?, *fields.get(3)?, *fields.get(9)?);
        let port = local.strip_prefix("0100007F:")?;
        let is_listener = state == "0A" && open.contains(&format!("socket:[{inode}]"));
        is_listener.then(|| u16::from_str_radix(port, 16).unwrap())
    };
    sockets.lines().filter_map(port).collect()
}

/// From here, so that A finds B where it expects it.
fn connect(to: SocketAddr) -> Option<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // So that a port of A's that was used for this can be listened on here.
    socket.set_reuse_address(true).unwrap();
    let here: IpAddr = HERE.parse().unwrap();
    socket.bind(&SocketAddr::new(here, 0).into()).unwrap();
    socket.connect(&to.into()).ok()?;
    Some(socket.into())
}

/// Copies until the end; what came.
fn copy(
    mut from: Patient,
    mut to: Patient,
    change: impl Fn(usize, &mut Vec<u8>) -> bool,
) -> Vec<u8> {
    let (mut copied, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let mut bytes = buffer[..length].to_vec();
        let goes_on = change(copied.len(), &mut bytes);
        copied.extend_from_slice(&buffer[..length]);
        // One who does not listen any more may still speak.
        let _ = to.write_all(&bytes);
        if !goes_on {
            break;
        }
    }
    let _ = to.socket().shutdown(Shutdown::Write);
    copied
}
