//! Waiting as long as something moves: on a busy machine everything takes longer, but nothing stands
//! still.

use std::time::{Duration, Instant};

use super::PATIENCE;

/// A wait that ends when no process of this test moved for so long.
pub(crate) struct Patience {
    began: Instant,
    window: Instant,
    /// What the processes had done in the middle of the window.
    middle: Option<u64>,
}

/// Windows that a wait may have at most, whatever moves.
const WINDOWS: u32 = 20;
/// Less than this is what an idle host does: hundredths of a second, and pieces of 64 KiB.
const LEAST: u64 = 4;

impl Patience {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { began: now, window: now, middle: None }
    }

    /// Something was seen to move.
    pub(crate) fn renew(&mut self) {
        self.window = Instant::now();
        self.middle = None;
    }

    /// How long to wait before the next look; `None` when it is over.
    pub(crate) fn left(&mut self) -> Option<Duration> {
        let passed = self.window.elapsed();
        match self.middle {
            None if passed < PATIENCE / 2 => Some(PATIENCE / 2 - passed),
            None => {
                self.middle = Some(activity());
                Some(PATIENCE / 2)
            }
            Some(_) if passed < PATIENCE => Some(PATIENCE - passed),
            Some(middle) => {
                if activity() < middle + LEAST || self.began.elapsed() > PATIENCE * WINDOWS {
                    return None;
                }
                self.renew();
                Some(PATIENCE / 2)
            }
        }
    }
}

/// What the processes that this one started have done so far: processor time and bytes moved.
fn activity() -> u64 {
    let own = std::process::id().to_string();
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
    let moved = processes.flatten().filter_map(|process| {
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
        Some(ticks + (bytes >> 16))
    });
    moved.sum()
}
