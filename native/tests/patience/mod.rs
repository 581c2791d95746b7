//! A timeout that counts the process's own work instead of time: on a busy machine everything takes longer, but
//! nothing stalls.

use std::pin::pin;
use std::time::Duration;

/// Idle time of this process after which a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The most periods of that length in which it may work, perhaps in a loop.
const MAX_PERIODS: u32 = 20;
/// Processor time, in hundredths of a second, below which the process counts as idle.
const MIN_WORK: u64 = 4;

/// The process was idle for too long.
#[derive(Debug)]
pub(crate) struct Stalled;

/// Waits for a future until this process was idle for `patience`.
pub(crate) async fn timeout<F: Future>(
    patience: Duration,
    future: F,
) -> Result<F::Output, Stalled> {
    let mut future = pin!(future);
    let mut worked = processor_time();
    for _ in 0..MAX_PERIODS {
        if let Ok(output) = tokio::time::timeout(patience, &mut future).await {
            return Ok(output);
        }
        let now = processor_time();
        if now < worked + MIN_WORK {
            break;
        }
        worked = now;
    }
    Err(Stalled)
}

/// Returns the processor time of this process, in hundredths of a second.
fn processor_time() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may contain any character.
    let (_, fields) = stat.rsplit_once(") ").unwrap_or_default();
    let fields: Vec<_> = fields.split(' ').collect();
    [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum()
}
