//! Progress bars: one for each active transfer, and one for all files.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use xcher_core::peer::{Event, TransferId};
use xcher_core::{FileName, Size};

/// Bars on standard error, which must be a terminal.
pub(crate) struct Progress {
    bars: MultiProgress,
    files: HashMap<TransferId, File>,
    total: Option<ProgressBar>,
}

struct File {
    name: String,
    size: Size,
    /// Bytes counted in the total.
    counted: u64,
    /// Created at the first progress event: small files finish without one.
    bar: Option<ProgressBar>,
}

/// Name, bar, percentage, size, rate and time left, in 80 columns.
const BAR: &str =
    "  {msg:24!} {wide_bar} {percent:>3}% {total_bytes:>10} {bytes_per_sec:>12} {eta:>5}";
/// For piped input: bytes so far, and the rate.
const NO_LENGTH: &str = "  {msg:24!} {bytes:>10} {bytes_per_sec:>12}";
const NAME_WIDTH: usize = 24;

impl Progress {
    pub(crate) fn new() -> Self {
        Self { bars: MultiProgress::new(), files: HashMap::new(), total: None }
    }

    /// Writes lines above the bars.
    pub(crate) fn print(&self, write: impl FnOnce()) {
        self.bars.suspend(write);
    }

    /// Adds a bar for all files, which have `bytes` together.
    pub(crate) fn begin_total(&mut self, bytes: u64) {
        let bar = self.bars.add(ProgressBar::new(bytes));
        bar.set_style(style(BAR));
        bar.enable_steady_tick(Duration::from_millis(250));
        self.total = Some(bar);
    }

    /// Shows how many files are done.
    pub(crate) fn set_count(&self, done: u64, of: u64) {
        if let Some(total) = &self.total {
            total.set_message(format!("{done} of {of} files"));
        }
    }

    pub(crate) fn event(&mut self, event: &Event) {
        match event {
            Event::Started { transfer, name, size, .. } => {
                let file = File { name: shown(name), size: *size, counted: 0, bar: None };
                self.files.insert(*transfer, file);
            }
            Event::Progress { transfer, bytes, .. } => {
                let Some(file) = self.files.get_mut(transfer) else { return };
                let bars = &self.bars;
                let bar = file.bar.get_or_insert_with(|| {
                    let length = Some(file.size.bytes()).filter(|_| !file.size.is_unknown());
                    let bar = match length {
                        Some(length) => ProgressBar::new(length),
                        None => ProgressBar::no_length(),
                    };
                    let bar = bars.insert(0, bar);
                    bar.set_style(style(if length.is_some() { BAR } else { NO_LENGTH }));
                    bar.set_message(file.name.clone());
                    bar
                });
                bar.set_position(*bytes);
                self.count(*transfer, *bytes);
            }
            Event::Finished { transfer, bytes, .. } => {
                self.count(*transfer, *bytes);
                self.remove(*transfer);
            }
            Event::Failed { transfer, .. } => self.remove(*transfer),
            _ => {}
        }
    }

    fn count(&mut self, transfer: TransferId, bytes: u64) {
        if let (Some(total), Some(file)) = (&self.total, self.files.get_mut(&transfer))
            && !file.size.is_unknown()
        {
            total.inc(bytes.saturating_sub(file.counted));
            file.counted = bytes;
        }
    }

    fn remove(&mut self, transfer: TransferId) {
        if let Some(bar) = self.files.remove(&transfer).and_then(|file| file.bar) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    /// Removes all bars.
    pub(crate) fn clear(&mut self) {
        let files = self.files.drain().filter_map(|(_, file)| file.bar);
        for bar in files.chain(self.total.take()) {
            bar.finish_and_clear();
        }
        // A closed terminal needs no clearing.
        let _ = self.bars.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
}

/// Shortens a long name to its end, which says more than its beginning.
fn shown(name: &FileName) -> String {
    let name = name.as_str();
    let length = name.chars().count();
    if length <= NAME_WIDTH {
        return name.to_owned();
    }
    let tail: String = name.chars().skip(length - (NAME_WIDTH - 1)).collect();
    format!("…{tail}")
}
