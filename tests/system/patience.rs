//! Waiting as long as something moves: on a busy machine everything takes longer, but nothing stands
//! still.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// A wait that ends when no process of this test moved for so long, however long it takes.
pub(crate) struct Patience {
    window: Instant,
    /// What the processes had done in the middle of the window.
    middle: Option<Activity>,
    /// Windows in a row in which processors worked and no byte moved.
    at_work: u32,
}

/// Such windows that a wait may have at most: else what turns in a circle is awaited for ever.
const AT_WORK: u32 = 20;
/// Less than this is what an idle host does: hundredths of a second, or pieces of 64 KiB.
const LEAST: u64 = 4;

impl Patience {
    pub(crate) fn new() -> Self {
        Self { window: Instant::now(), middle: None, at_work: 0 }
    }

    /// Something was seen to move.
    pub(crate) fn renew(&mut self) {
        *self = Self::new();
    }

    /// How long to wait before the next look; `None` when it is over.
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
                let (ticks, pieces) = Activity::now().since(middle);
                let at_work = if pieces < LEAST { self.at_work + 1 } else { 0 };
                if ticks.max(pieces) < LEAST || at_work > AT_WORK {
                    return None;
                }
                *self = Self { at_work, ..Self::new() };
                Some(PATIENCE / 2)
            }
        }
    }
}

/// Looks again and again until it holds; fails where nothing moves any more.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let mut patience = Patience::new();
    while !holds() {
        assert!(patience.left().is_some(), "expected that {what}, but nothing moves");
        std::thread::yield_now();
    }
}

/// What each process that this one started has done so far: processor time and bytes moved.
struct Activity(HashMap<String, (u64, u64)>);

impl Activity {
    fn now() -> Self {
        let own = std::process::id().to_string();
        let Ok(processes) = std::fs::read_dir("/proc") else { return Self(HashMap::new()) };
        let done = processes.flatten().filter_map(|process| {
            let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
            // The name in brackets may hold anything.
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

    /// What was done since then, by those who still run: hundredths of a second, and pieces of 64 KiB.
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
