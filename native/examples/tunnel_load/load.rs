//! The measurements.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::mux::Mux;
use crate::target::order;
use crate::web_socket::{Buffer, WebSocket, frame};

/// The stream to the relay, and the one to the target.
const RELAY: u32 = 1;
const DIALLED: u32 = 3;
/// Tunnels that are opened at the same time.
const AT_ONCE: usize = 16;
/// Tunnels of one address: fewer than a bridge allows.
const PER_ADDRESS: usize = 32;

pub(crate) fn up(http: &str, relay: &str, to: &str, bytes: usize, frame: usize) -> io::Result<()> {
    let mut mux = dialled(http, relay, to)?;
    let bytes = bytes / frame * frame;
    mux.send(DIALLED, &order(true, bytes))?;
    timed(bytes, || mux.push(DIALLED, bytes, frame))
}

pub(crate) fn down(http: &str, relay: &str, to: &str, bytes: usize) -> io::Result<()> {
    let mut mux = dialled(http, relay, to)?;
    timed(bytes, || {
        mux.send(DIALLED, &order(false, bytes))?;
        mux.pull(DIALLED, bytes)
    })
}

pub(crate) fn plain_up(http: &str, bytes: usize, length: usize) -> io::Result<()> {
    let (mut socket, mut buffer) = (WebSocket::open(http, 1, true)?, Buffer::new());
    let bytes = bytes / length * length;
    socket.send(&order(true, bytes))?;
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
        socket.send(&order(false, bytes))?;
        let mut came = 0;
        while came < bytes {
            socket.read(&mut buffer, |payload| {
                came += payload.len();
                Ok(())
            })?;
        }
        Ok(())
    })
}

/// Each tunnel's client has a nick, as one that waits to be called has.
pub(crate) fn idle(http: &str, tunnels: usize, plain: bool) -> io::Result<()> {
    let mut held = Vec::with_capacity(tunnels);
    for number in 0..tunnels {
        let socket = WebSocket::open(http, 1 + number / PER_ADDRESS, plain)?;
        held.push(if plain {
            socket
        } else {
            let mut mux = Mux::new(socket);
            mux.open(RELAY, format!("X_RELAY\nX_NICK n{number}\n").as_bytes())?;
            mux.line(RELAY)?;
            mux.idle()
        });
    }
    crate::say(&format!("open {}", held.len()))?;
    // Until whoever started this has looked.
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
            let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(turn)).collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().map_err(|_| io::Error::other("a thread broke"))?
            })
        })
    })
}

/// Opens a tunnel, gets one answer through it, drops it.
fn once(http: &str, plain: bool) -> io::Result<()> {
    let mut socket = WebSocket::open(http, 1, plain)?;
    if plain {
        socket.send(&order(false, 1))?;
        socket.read(&mut Buffer::new(), |_| Ok(()))?;
        return socket.forget();
    }
    let mut mux = Mux::new(socket);
    mux.open(RELAY, b"X_RELAY\nX_PING x\n")?;
    mux.line(RELAY)?;
    mux.forget()
}

/// A tunnel with a connection to the target: called there first, as the bridge wants it.
fn dialled(http: &str, relay: &str, to: &str) -> io::Result<Mux> {
    let mut mux = Mux::new(WebSocket::open(http, 1, false)?);
    mux.open(RELAY, b"X_RELAY\nX_NICK load\n")?;
    expect("X_NICK load YES", &mux.line(RELAY)?)?;
    let to = to.replace(':', " ");
    let mut caller = BufReader::new(TcpStream::connect(relay)?);
    let mut answer = String::new();
    caller.get_mut().write_all(b"X_NICK caller\n")?;
    caller.read_line(&mut answer)?;
    expect("X_NICK caller YES", answer.trim_end())?;
    writeln!(caller.get_mut(), "X_INIT load {to}")?;
    expect(&format!("X_INIT load {to}"), &mux.line(RELAY)?)?;
    mux.open(DIALLED, format!("X_DIAL {to}\n").as_bytes())?;
    expect("YES", &mux.line(DIALLED)?)?;
    Ok(mux)
}

fn expect(expected: &str, got: &str) -> io::Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(io::Error::other(format!("expected {expected}, got {got}")))
}

fn timed(count: usize, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let began = Instant::now();
    work()?;
    crate::say(&format!("took {:.6} {count}", began.elapsed().as_secs_f64()))
}
