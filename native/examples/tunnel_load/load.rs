//! The measurements.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::mux::Mux;
use crate::target::request;
use crate::web_socket::{Buffer, WebSocket, frame};

/// The id of the stream to the relay.
const RELAY: u32 = 1;
/// The id of the stream to the target.
pub(crate) const TARGET: u32 = 3;
/// Tunnels opened at the same time.
const CONCURRENCY: usize = 16;
/// Tunnels from one address: fewer than a bridge allows.
const TUNNELS_PER_ADDRESS: usize = 32;

pub(crate) fn up(http: &str, relay: &str, to: &str, bytes: usize, frame: usize) -> io::Result<()> {
    let mut mux = connect(http, relay, to, 0)?;
    let bytes = bytes / frame * frame;
    mux.send(TARGET, &request(true, bytes))?;
    timed(bytes, || mux.push(TARGET, bytes, frame))
}

pub(crate) fn down(http: &str, relay: &str, to: &str, bytes: usize) -> io::Result<()> {
    let mut mux = connect(http, relay, to, 0)?;
    timed(bytes, || {
        mux.send(TARGET, &request(false, bytes))?;
        mux.pull(TARGET, bytes)
    })
}

pub(crate) fn plain_up(http: &str, bytes: usize, length: usize) -> io::Result<()> {
    let (mut socket, mut buffer) = (WebSocket::open(http, 1, true)?, Buffer::new());
    let bytes = bytes / length * length;
    socket.send(&request(true, bytes))?;
    timed(bytes, || {
        let several = ((64 << 10) / length).max(1);
        let one = frame(&vec![0x5a; length]);
        let many = one.repeat(several);
        let mut left = bytes / length;
        while left > 0 {
            let take = if left >= several { several } else { 1 };
            socket.send_frames(if take == 1 { &one } else { &many })?;
            left -= take;
        }
        let mut answered = false;
        while !answered {
            socket.read(&mut buffer, |_| {
                answered = true;
                Ok(())
            })?;
        }
        Ok(())
    })
}

pub(crate) fn plain_down(http: &str, bytes: usize) -> io::Result<()> {
    let (mut socket, mut buffer) = (WebSocket::open(http, 1, true)?, Buffer::new());
    timed(bytes, || {
        socket.send(&request(false, bytes))?;
        let mut received = 0;
        while received < bytes {
            socket.read(&mut buffer, |payload| {
                received += payload.len();
                Ok(())
            })?;
        }
        Ok(())
    })
}

/// Opens tunnels whose clients have a nick, as those that wait for calls do.
pub(crate) fn idle(http: &str, tunnels: usize, plain: bool) -> io::Result<()> {
    let mut held = Vec::with_capacity(tunnels);
    for number in 0..tunnels {
        let socket = WebSocket::open(http, 1 + number / TUNNELS_PER_ADDRESS, plain)?;
        held.push(if plain {
            socket
        } else {
            let mut mux = Mux::new(socket);
            mux.open(RELAY, format!("X_RELAY\nX_NICK n{number}\n").as_bytes())?;
            mux.line(RELAY)?;
            mux.idle()
        });
    }
    crate::print_line(&format!("open {}", held.len()))?;
    // Waits until the calling program has measured.
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

pub(crate) fn rate(http: &str, tunnels: usize, plain: bool) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    timed(tunnels, || {
        thread::scope(|scope| {
            let turn = || {
                while next.fetch_add(1, Ordering::Relaxed) < tunnels {
                    once(http, plain)?;
                }
                io::Result::Ok(())
            };
            let threads: Vec<_> = (0..CONCURRENCY).map(|_| scope.spawn(turn)).collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().map_err(|_| io::Error::other("a thread panicked"))?
            })
        })
    })
}

/// Opens a tunnel, gets one answer through it, and closes it.
fn once(http: &str, plain: bool) -> io::Result<()> {
    let mut socket = WebSocket::open(http, 1, plain)?;
    if plain {
        socket.send(&request(false, 1))?;
        socket.read(&mut Buffer::new(), |_| Ok(()))?;
        return socket.reset();
    }
    let mut mux = Mux::new(socket);
    mux.open(RELAY, b"X_RELAY\nX_PING x\n")?;
    mux.line(RELAY)?;
    mux.reset()
}

/// Opens the tunnel with this number and in it a connection to the target, which is called first, as the bridge
/// demands.
pub(crate) fn connect(http: &str, relay: &str, to: &str, number: usize) -> io::Result<Mux> {
    let mut mux = Mux::new(WebSocket::open(http, 1 + number / TUNNELS_PER_ADDRESS, false)?);
    let nick = format!("load{number}");
    mux.open(RELAY, format!("X_RELAY\nX_NICK {nick}\n").as_bytes())?;
    expect(&format!("X_NICK {nick} YES"), &mux.line(RELAY)?)?;
    let to = to.replace(':', " ");
    let mut caller = log_in(relay, &format!("caller{number}"))?;
    writeln!(caller.get_mut(), "X_INIT {nick} {to}")?;
    expect(&format!("X_INIT {nick} {to}"), &mux.line(RELAY)?)?;
    mux.open(TARGET, format!("X_DIAL {to}\n").as_bytes())?;
    expect("YES", &mux.line(TARGET)?)?;
    Ok(mux)
}

/// Connects to the relay under this nick.
pub(crate) fn log_in(relay: &str, nick: &str) -> io::Result<BufReader<TcpStream>> {
    let mut host = BufReader::new(TcpStream::connect(relay)?);
    host.get_ref().set_nodelay(true)?;
    let mut answer = String::new();
    writeln!(host.get_mut(), "X_NICK {nick}")?;
    host.read_line(&mut answer)?;
    expect(&format!("X_NICK {nick} YES"), answer.trim_end())?;
    Ok(host)
}

fn expect(expected: &str, got: &str) -> io::Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(io::Error::other(format!("expected {expected}, got {got}")))
}

pub(crate) fn timed(count: usize, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let start = Instant::now();
    work()?;
    crate::print_line(&format!("took {:.6} {count}", start.elapsed().as_secs_f64()))
}
