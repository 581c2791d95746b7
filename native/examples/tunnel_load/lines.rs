//! Lines through a relay: hosts that call each other.

use std::io::{self, Read as _, Write as _};
use std::thread;

use crate::load::{log_in, timed};

/// The most bytes read at a time.
const BUFFER_LEN: usize = 64 << 10;

/// In each of `pairs` pairs, one host sends `window` X_INITs to the other and waits until they have arrived,
/// until `lines` were sent in all.
pub(crate) fn run(relay: &str, lines: usize, pairs: usize, window: usize) -> io::Result<()> {
    let hosts = (0..pairs).map(|pair| {
        Ok((log_in(relay, &format!("caller{pair}"))?, log_in(relay, &format!("callee{pair}"))?))
    });
    let hosts = hosts.collect::<io::Result<Vec<_>>>()?;
    let turns = lines / pairs / window;
    timed(turns * window * pairs, || {
        thread::scope(|scope| {
            let threads: Vec<_> = hosts
                .into_iter()
                .enumerate()
                .map(|(pair, (caller, callee))| {
                    scope.spawn(move || {
                        let call = format!("X_INIT callee{pair} 127.0.0.1 40000\n").repeat(window);
                        let mut buffer = vec![0; BUFFER_LEN];
                        for _ in 0..turns {
                            caller.get_ref().write_all(call.as_bytes())?;
                            let mut arrived = 0;
                            while arrived < call.len() {
                                match callee.get_ref().read(&mut buffer)? {
                                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                                    count => arrived += count,
                                }
                            }
                        }
                        Ok(())
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().map_err(|_| io::Error::other("a thread panicked"))?
            })
        })
    })
}
