//! What became of the files that were fetched, in one line.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use xcher_core::HumanSize;
use xcher_core::peer::{Path, SessionId, TransferId};

use crate::cli::ui::file_count::file_count;
use crate::cli::ui::json::JsonEvent;

/// Counts files from the first request on.
pub(crate) struct FetchSummary {
    began: Instant,
    /// Files that arrived, and their bytes, those of earlier attempts included.
    files: u64,
    bytes: u64,
    /// Bytes of earlier attempts.
    resumed: u64,
    /// Files that were here already, that were skipped, and that failed.
    here: u64,
    skipped: u64,
    failed: u64,
    /// Bytes of earlier attempts of active transfers.
    resuming: HashMap<TransferId, u64>,
}

impl FetchSummary {
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
            files: 0,
            bytes: 0,
            resumed: 0,
            here: 0,
            skipped: 0,
            failed: 0,
            resuming: HashMap::new(),
        }
    }

    /// Counts a transfer that continues after `from` bytes.
    pub(crate) fn started(&mut self, transfer: TransferId, from: u64) {
        if from > 0 {
            self.resuming.insert(transfer, from);
        }
    }

    pub(crate) fn finished(&mut self, transfer: TransferId, bytes: u64) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.resumed += self.resuming.remove(&transfer).unwrap_or_default();
    }

    pub(crate) fn failed(&mut self, transfer: TransferId) {
        self.failed += 1;
        self.resuming.remove(&transfer);
    }

    /// Counts nothing yet: another session may resume the transfer.
    pub(crate) fn interrupted(&mut self, transfer: TransferId) {
        self.resuming.remove(&transfer);
    }

    /// Counts an interrupted file that no other session resumes.
    pub(crate) fn gave_up(&mut self) {
        self.failed += 1;
    }

    pub(crate) fn was_here(&mut self) {
        self.here += 1;
    }

    pub(crate) fn skipped(&mut self) {
        self.skipped += 1;
    }

    /// Counts a file that is not fetched because another of its name exists.
    pub(crate) fn conflicted(&mut self) {
        self.failed += 1;
    }

    pub(crate) fn here(&self) -> u64 {
        self.here
    }

    /// Ends the count.
    pub(crate) fn end(&self, path: Option<Path>) -> EndedFetch<'_> {
        EndedFetch { summary: self, took: self.began.elapsed(), path }
    }
}

/// The summary of a fetch that has ended, as a line for people.
pub(crate) struct EndedFetch<'a> {
    summary: &'a FetchSummary,
    took: Duration,
    /// The path of the session.
    path: Option<Path>,
}

impl EndedFetch<'_> {
    /// Returns bytes a second over all files; `None` if that says nothing.
    fn rate(&self) -> Option<u64> {
        let moved = self.summary.bytes.saturating_sub(self.summary.resumed);
        let nanoseconds = self.took.as_nanos();
        let rate = (u128::from(moved) * 1_000_000_000).checked_div(nanoseconds)?;
        u64::try_from(rate).ok().filter(|rate| *rate > 0)
    }

    pub(crate) fn json(&self, session: SessionId) -> JsonEvent<'static> {
        let FetchSummary { files, bytes, resumed, here, skipped, failed, .. } = *self.summary;
        JsonEvent::Summary {
            session: session.0,
            files,
            bytes,
            resumed,
            here,
            skipped,
            failed,
            seconds: self.took.as_secs_f64(),
            rate: self.rate(),
            path: self.path.map(Path::as_str),
        }
    }
}

impl fmt::Display for EndedFetch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FetchSummary { files, bytes, resumed, here, skipped, failed, .. } = *self.summary;
        match files {
            0 => f.write_str("no new files")?,
            _ => {
                write!(f, "{}, {}", file_count(files), HumanSize(bytes))?;
                if resumed > 0 {
                    write!(f, " ({} of it from before)", HumanSize(resumed))?;
                }
                write!(f, " in {}", Seconds(self.took))?;
                if let Some(rate) = self.rate() {
                    write!(f, " ({}/s)", HumanSize(rate))?;
                }
                if let Some(path) = self.path {
                    write!(f, ", {path}")?;
                }
            }
        }
        for (count, what) in [(here, "already here"), (skipped, "skipped"), (failed, "failed")] {
            if count > 0 {
                write!(f, "; {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// Shows a duration in few digits: `40 ms`, `1.4 s`, `14 s`, `2 min 5 s`, `3 h 7 min`.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0 => write!(f, "{} ms", self.0.as_millis()),
            1..10 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            seconds @ 10..60 => write!(f, "{seconds} s"),
            seconds @ 60..3600 => write!(f, "{} min {} s", seconds / 60, seconds % 60),
            seconds => write!(f, "{} h {} min", seconds / 3600, seconds / 60 % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(summary: &FetchSummary, took: Duration, path: Path) -> String {
        EndedFetch { summary, took, path: Some(path) }.to_string()
    }

    #[test]
    fn a_line_says_what_applies() {
        let mut summary = FetchSummary::begin();
        let second = Duration::from_secs(1);
        assert_eq!(line(&summary, second, Path::Direct), "no new files");
        for _ in 0..3 {
            summary.was_here();
        }
        assert_eq!(line(&summary, second, Path::Direct), "no new files; 3 already here");
        summary.finished(TransferId(1), 0);
        assert_eq!(
            line(&summary, Duration::ZERO, Path::Direct),
            "1 file, 0 B in 0 ms, directly; 3 already here"
        );
        summary.started(TransferId(2), 1 << 20);
        summary.started(TransferId(3), 1 << 20);
        summary.finished(TransferId(2), 15 << 20);
        summary.failed(TransferId(3));
        summary.skipped();
        assert_eq!(
            line(&summary, 14 * second, Path::Bridge),
            "2 files, 15.00 MiB (1.00 MiB of it from before) in 14 s (1.00 MiB/s), through the \
             bridge; 3 already here; 1 skipped; 1 failed"
        );
        assert!(summary.resuming.is_empty());
    }

    #[test]
    fn durations_have_few_digits() {
        for (millis, text) in [
            (449, "449 ms"),
            (1_449, "1.4 s"),
            (14_900, "14 s"),
            (125_000, "2 min 5 s"),
            (3_600_000, "1 h 0 min"),
            (360_000_000, "100 h 0 min"),
        ] {
            assert_eq!(Seconds(Duration::from_millis(millis)).to_string(), text);
        }
    }
}
