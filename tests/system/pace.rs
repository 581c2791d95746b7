//! Time at this machine's present pace: what must happen within a second can take longer on a machine that
//! is slow in everything.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

/// A clock that ticks each time a program that does nothing was started and has exited, but never faster
/// than real time: an idle machine needs a tenth of a tick for that.
pub(crate) struct Pace {
    ticks: Arc<AtomicU32>,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

const TICK: Duration = Duration::from_millis(10);

impl Pace {
    pub(crate) fn start() -> Self {
        let (ticks, is_over) = (Arc::<AtomicU32>::default(), Arc::<AtomicBool>::default());
        let (count, over) = (Arc::clone(&ticks), Arc::clone(&is_over));
        let thread = spawn(move || {
            let mut next = Instant::now();
            while !over.load(Ordering::Relaxed) {
                // A late tick is not caught up.
                next = (next + TICK).max(Instant::now());
                let mut nothing = Command::new("true");
                nothing.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                assert!(
                    nothing.status().is_ok_and(|status| status.success()),
                    "`true` cannot be run"
                );
                sleep(next.saturating_duration_since(Instant::now()));
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { ticks, is_over, thread }
    }

    /// Returns the time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        assert!(!self.thread.is_finished(), "the clock has stopped");
        TICK * self.ticks.load(Ordering::Relaxed)
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        // The thread ends at its next tick.
        self.is_over.store(true, Ordering::Relaxed);
    }
}
