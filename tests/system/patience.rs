//! Waits that last as long as there is progress: a busy machine slows everything down but stops nothing.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// A wait that ends once no process of this test has made progress for [`PATIENCE`], however long it takes.
pub(crate) struct Patience {
    window: Instant,
    /// The processes' activity until the middle of the window.
    middle: Option<Activity>,
    /// Consecutive windows with processor time but without a byte moved.
    busy_windows: u32,
}

/// Limit of such windows in one wait: without it, a wait for a process in an endless loop would not end.
const MAX_BUSY_WINDOWS: u32 = 20;
/// Activity below this is an idle host's, in hundredths of a second or chunks of 64 KiB.
const MIN_ACTIVITY: u64 = 4;

impl Patience {
    pub(crate) fn new() -> Self {
        Self { window: Instant::now(), middle: None, busy_windows: 0 }
    }

    /// Restarts the wait after progress was seen.
    pub(crate) fn renew(&mut self) {
        *self = Self::new();
    }

    /// Returns the time to wait before the next check; `None` once the wait is over.
    pub(crate) fn left(&mut self) -> Option<Duration> {
        let passed = self.window.elapsed();
        match &self.middle {
            None if passed < PATIENCE / 2 => Some(PATIENCE / 2 - passed),
            None => {
                self.middle = Some(Activity::now());
                Some(PATIENCE / 2)
            }
            Some(_) if passed < PATIENCE => Some(PATIENCE - passed),
            Some(middle) => {
                let (ticks, chunks) = Activity::now().since(middle);
                let busy_windows = if chunks < MIN_ACTIVITY { self.busy_windows + 1 } else { 0 };
                if ticks.max(chunks) < MIN_ACTIVITY || busy_windows > MAX_BUSY_WINDOWS {
                    return None;
                }
                *self = Self { busy_windows, ..Self::new() };
                Some(PATIENCE / 2)
            }
        }
    }
}

/// Checks again and again until it holds; fails if progress stops first.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let mut patience = Patience::new();
    while !holds() {
        assert!(patience.left().is_some(), "expected that {what}, but there is no progress");
        std::thread::yield_now();
    }
}

/// Processor time and bytes moved so far by each process that this one started.
struct Activity(HashMap<String, (u64, u64)>);

impl Activity {
    fn now() -> Self {
        let own = std::process::id().to_string();
        let Ok(processes) = std::fs::read_dir("/proc") else { return Self(HashMap::new()) };
        let done = processes.flatten().filter_map(|process| {
            let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
            // The process name, in parentheses, can contain anything.
            let (_, fields) = stat.rsplit_once(") ")?;
            let fields: Vec<_> = fields.split(' ').collect();
            if *fields.get(1)? != own {
                return None;
            }
            let ticks: u64 =
                [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
            let io = std::fs::read_to_string(process.path().join("io")).unwrap_or_default();
            let bytes: u64 = (io.lines())
                .filter(|line| line.starts_with("rchar") || line.starts_with("wchar"))
                .filter_map(|line| line.split_once(": ")?.1.parse::<u64>().ok())
                .sum();
            Some((process.file_name().to_string_lossy().into_owned(), (ticks, bytes)))
        });
        Self(done.collect())
    }

    /// Returns the activity since then of the processes that still run, in hundredths of a second and chunks
    /// of 64 KiB.
    fn since(&self, then: &Self) -> (u64, u64) {
        let mut all = (0, 0);
        for (process, (ticks, bytes)) in &self.0 {
            let (ticks_then, bytes_then) = then.0.get(process).copied().unwrap_or_default();
            all.0 += ticks.saturating_sub(ticks_then);
            all.1 += bytes.saturating_sub(bytes_then) >> 16;
        }
        all
    }
}
