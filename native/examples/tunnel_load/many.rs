//! Many tunnels at the same time, each with one stream.

use std::io;
use std::sync::Barrier;
use std::thread;

use crate::load::{TARGET, connect, timed};
use crate::target::request;

/// The length of a frame of a client.
const FRAME_LEN: usize = 64 << 10;

/// Moves `bytes` together, from the tunnels' clients to the target if `up`, else to them. The tunnels are open
/// before the time starts.
pub(crate) fn run(
    up: bool,
    (http, relay, target): (&str, &str, &str),
    bytes: usize,
    tunnels: usize,
) -> io::Result<()> {
    let each = bytes / tunnels / FRAME_LEN * FRAME_LEN;
    let muxes = (0..tunnels).map(|number| connect(http, relay, target, number));
    let muxes = muxes.collect::<io::Result<Vec<_>>>()?;
    let start = Barrier::new(tunnels + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = muxes
            .into_iter()
            .map(|mut mux| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    mux.send(TARGET, &request(up, each))?;
                    if up { mux.push(TARGET, each, FRAME_LEN) } else { mux.pull(TARGET, each) }
                })
            })
            .collect();
        timed(each * tunnels, || {
            start.wait();
            threads.into_iter().try_for_each(|thread| {
                thread.join().map_err(|_| io::Error::other("a thread panicked"))?
            })
        })
    })
}
