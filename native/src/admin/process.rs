//! What the system counts of this process, by the names that Prometheus gives these metrics.

use std::fmt;

use super::metrics::Families;

/// Writes the metrics of this process: on Linux only.
///
/// # Errors
///
/// Those of the writer. What the system does not tell is left out.
#[cfg(target_os = "linux")]
pub(super) fn encode(families: &mut Families<'_>) -> fmt::Result {
    use procfs::process::{LimitValue, Process};

    let Ok(process) = Process::myself() else { return Ok(()) };
    if let Ok(stat) = process.stat() {
        let ticks = procfs::ticks_per_second().max(1);
        let seconds = |ticks_of: u64| ticks_of as f64 / ticks as f64;
        let used = stat.utime.saturating_add(stat.stime);
        families.counter_f64("process_cpu_seconds", "Time on processors", seconds(used))?;
        let memory = stat.rss.saturating_mul(procfs::page_size());
        families.gauge("process_resident_memory_bytes", "Memory in use", memory)?;
        families.gauge("process_virtual_memory_bytes", "Addresses in use", stat.vsize)?;
        if let Ok(boot) = procfs::boot_time_secs() {
            let start = boot as f64 + seconds(stat.starttime);
            families.gauge_f64("process_start_time_seconds", "Start in Unix time", start)?;
        }
    }
    if let Ok(count) = process.fd_count() {
        families.gauge("process_open_fds", "Open files and sockets", count as u64)?;
    }
    if let Ok(limits) = process.limits()
        && let LimitValue::Value(max) = limits.max_open_files.soft_limit
    {
        families.gauge("process_max_fds", "The most open files and sockets", max)?;
    }
    Ok(())
}

/// Writes nothing: other systems need code of their own.
///
/// # Errors
///
/// None.
#[cfg(not(target_os = "linux"))]
pub(super) fn encode(_: &mut Families<'_>) -> fmt::Result {
    Ok(())
}
