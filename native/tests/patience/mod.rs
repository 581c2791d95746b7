//! Waiting as long as this process works: on a busy machine everything takes longer, but nothing stands
//! still.

use std::pin::pin;
use std::time::Duration;

/// How long this process may do nothing before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How often so long it may work without an end, in a circle perhaps.
const AT_WORK: u32 = 20;
/// Less than this, in hundredths of a second of a processor, is nothing.
const LEAST: u64 = 4;

/// Nothing moved any more.
#[derive(Debug)]
pub(crate) struct StandsStill;

/// Waits for it, until this process did nothing for so long.
pub(crate) async fn timeout<F: Future>(
    patience: Duration,
    future: F,
) -> Result<F::Output, StandsStill> {
    let mut future = pin!(future);
    let mut worked = worked();
    for _ in 0..AT_WORK {
        if let Ok(output) = tokio::time::timeout(patience, &mut future).await {
            return Ok(output);
        }
        let now = self::worked();
        if now < worked + LEAST {
            break;
        }
        worked = now;
    }
    Err(StandsStill)
}

/// The processor time of this process so far, in hundredths of a second.
fn worked() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in brackets may hold anything.
    let (_, fields) = stat.rsplit_once(") ").unwrap_or_default();
    let fields: Vec<_> = fields.split(' ').collect();
    [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum()
}
