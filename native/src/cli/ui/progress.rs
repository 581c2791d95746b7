//! Bars on the terminal: one for each file on its way, and one for all of them.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use xcher_core::peer::{Event, TransferId};
use xcher_core::{FileName, Size};

/// Bars on standard error; nothing where that is no terminal.
pub(crate) struct Progress {
    bars: MultiProgress,
    files: HashMap<TransferId, File>,
    total: Option<ProgressBar>,
}

struct File {
    name: String,
    size: Size,
    seen: u64,
    /// Made when the file has taken long enough to be looked at.
    bar: Option<ProgressBar>,
}

/// Name, bar, share, size, rate, time left: what fits 80 columns.
const BAR: &str =
    "  {msg:24!} {wide_bar} {percent:>3}% {total_bytes:>10} {bytes_per_sec:>12} {eta:>5}";
/// Of what comes from a pipe: how much it was so far, and the rate.
const ENDLESS: &str = "  {msg:24!} {bytes:>10} {bytes_per_sec:>12}";
const NAME_WIDTH: usize = 24;

impl Progress {
    pub(crate) fn new() -> Self {
        Self { bars: MultiProgress::new(), files: HashMap::new(), total: None }
    }

    /// Writes `text` on lines of its own, above the bars.
    pub(crate) fn print(&self, write: impl FnOnce()) {
        self.bars.suspend(write);
    }

    /// Begins a bar over all files, of so many bytes together.
    pub(crate) fn begin_total(&mut self, bytes: u64) {
        let bar = self.bars.add(ProgressBar::new(bytes));
        bar.set_style(style(BAR));
        bar.enable_steady_tick(Duration::from_millis(250));
        self.total = Some(bar);
    }

    /// Says how many files there are and how many are here.
    pub(crate) fn set_count(&self, done: u64, of: u64) {
        if let Some(total) = &self.total {
            total.set_message(format!("{done} of {of} files"));
        }
    }

    pub(crate) fn event(&mut self, event: &Event) {
        match event {
            Event::Started { transfer, name, size, .. } => {
                let file = File { name: shown(name), size: *size, seen: 0, bar: None };
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
                    bar.set_style(style(if length.is_some() { BAR } else { ENDLESS }));
                    bar.set_message(file.name.clone());
                    bar
                });
                bar.set_position(*bytes);
                self.moved(*transfer, *bytes);
            }
            Event::Finished { transfer, bytes, .. } => {
                self.moved(*transfer, *bytes);
                self.forget(*transfer);
            }
            Event::Failed { transfer, .. } => self.forget(*transfer),
            _ => {}
        }
    }

    fn moved(&mut self, transfer: TransferId, bytes: u64) {
        if let (Some(total), Some(file)) = (&self.total, self.files.get_mut(&transfer))
            && !file.size.is_unknown()
        {
            total.inc(bytes.saturating_sub(file.seen));
            file.seen = bytes;
        }
    }

    fn forget(&mut self, transfer: TransferId) {
        if let Some(bar) = self.files.remove(&transfer).and_then(|file| file.bar) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    /// Takes all bars away.
    pub(crate) fn clear(&mut self) {
        let files = self.files.drain().filter_map(|(_, file)| file.bar);
        for bar in files.chain(self.total.take()) {
            bar.finish_and_clear();
        }
        // A terminal that is gone needs no clearing.
        let _ = self.bars.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
}

/// The end of a long name says more than its beginning.
fn shown(name: &FileName) -> String {
    let name = name.as_str();
    let length = name.chars().count();
    if length <= NAME_WIDTH {
        return name.to_owned();
    }
    let tail: String = name.chars().skip(length - (NAME_WIDTH - 1)).collect();
    format!("…{tail}")
}
