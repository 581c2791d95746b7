//! Loads a bridge, for `tests/bench/bridge`: bytes up and down one stream of a tunnel, idle tunnels,
//! tunnels a second. With `--plain`, the same over a WebSocket that carries a connection's bytes and
//! nothing else, as websockify has it.
//!
//! It costs little itself: frames are made once and sent again and again, and of what comes only
//! the heads are looked at. Each measurement prints one line: what it took in seconds, and the count.

mod load;
mod mux;
mod target;
mod web_socket;

use std::io::{self, Write as _};

const USAGE: &str = "expected one of
  target                                 a server: prints its port; takes or gives what it is told
  up HTTP RELAY TARGET BYTES FRAME       one stream from the client to TARGET, in frames
  down HTTP RELAY TARGET BYTES           one stream from TARGET to the client
  idle HTTP TUNNELS                      opens them, prints a line, holds them until input ends
  rate HTTP TUNNELS                      opens each, asks for one answer through it, drops it
each but target with --plain at the end for websockify (RELAY and TARGET: -)";

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
        _ => Err(io::Error::other(USAGE)),
    }
}

fn number(text: &str) -> io::Result<usize> {
    text.parse().map_err(|_| io::Error::other(format!("expected a number, got {text}")))
}

/// Prints a line at once: who started this program waits for it.
fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
