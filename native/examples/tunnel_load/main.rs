//! Loads a bridge, for `tests/bench/bridge` and `tests/bench/cores`: bytes up and down one stream of a tunnel,
//! or of many tunnels, idle tunnels, tunnels a second, and lines a second through a relay. With `--plain`, the same over a WebSocket that carries only one connection's bytes, as
//! websockify does.
//!
//! It uses little processor time itself: frames are built once and sent repeatedly, and of received frames only
//! the headers are parsed. Each measurement prints one line: the seconds it took, and the count.

mod lines;
mod load;
mod many;
mod mux;
mod relay;
mod target;
mod web_socket;

use std::io::{self, Write as _};

const USAGE: &str = "expected one of
  target                                 a server: prints its port; receives or sends bytes
  up HTTP RELAY TARGET BYTES FRAME       one stream from the client to TARGET, in frames
  down HTTP RELAY TARGET BYTES           one stream from TARGET to the client
  idle HTTP TUNNELS                      opens tunnels and holds them until input ends
  rate HTTP TUNNELS                      opens tunnels, gets one answer through each, closes them
  many-up HTTP RELAY TARGET BYTES TUNNELS    one stream in each of so many tunnels, BYTES together
  many-down HTTP RELAY TARGET BYTES TUNNELS  the same from TARGET to the clients
  lines RELAY LINES PAIRS WINDOW         pairs of hosts, one of which calls the other LINES times in all,
                                         WINDOW calls on the way at a time
  relay [THREADS]                        a relay without limits on rates: prints its port
up, down, idle and rate accept --plain at the end, for websockify (RELAY and TARGET: -)";

fn main() -> io::Result<()> {
    let mut words: Vec<_> = std::env::args().skip(1).collect();
    let plain = words.last().is_some_and(|last| last == "--plain");
    words.truncate(words.len() - usize::from(plain));
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    raise_descriptor_limit();
    match *words {
        ["target"] => target::serve(),
        ["up", http, _, _, bytes, frame] if plain => {
            load::plain_up(http, number(bytes)?, number(frame)?)
        }
        ["up", http, relay, target, bytes, frame] => {
            load::up(http, relay, target, number(bytes)?, number(frame)?)
        }
        ["down", http, _, _, bytes] if plain => load::plain_down(http, number(bytes)?),
        ["down", http, relay, target, bytes] => load::down(http, relay, target, number(bytes)?),
        ["idle", http, tunnels] => load::idle(http, number(tunnels)?, plain),
        ["rate", http, tunnels] => load::rate(http, number(tunnels)?, plain),
        ["many-up", http, relay, target, bytes, tunnels] => {
            many::run(true, (http, relay, target), number(bytes)?, number(tunnels)?)
        }
        ["many-down", http, relay, target, bytes, tunnels] => {
            many::run(false, (http, relay, target), number(bytes)?, number(tunnels)?)
        }
        ["lines", relay, lines, pairs, window] => {
            lines::run(relay, number(lines)?, number(pairs)?, number(window)?)
        }
        ["relay"] => relay::serve(std::thread::available_parallelism()?.get()),
        ["relay", threads] => relay::serve(number(threads)?),
        _ => Err(io::Error::other(USAGE)),
    }
}

fn number(text: &str) -> io::Result<usize> {
    text.parse().map_err(|_| io::Error::other(format!("expected a number, got {text}")))
}

/// Prints and flushes a line, which the calling program waits for.
fn print_line(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
