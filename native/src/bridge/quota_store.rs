//! Keeps the counts of a bridge in a folder, so that they survive its process.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use xcher_core::tunnel::{QuotaLimits, Reset};

use super::Bridge;
use super::quota_file::QuotaFile;
use super::quotas::unix_now;

/// A bridge and the folder of its counts.
pub(crate) struct QuotaStore {
    bridge: Bridge,
    folder: Option<PathBuf>,
    /// Held while the file is read and written: [`Quotas`](xcher_core::tunnel::Quotas) has one record at a time.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    has_loaded: bool,
    /// Set while the file cannot be written.
    has_failed: bool,
}

/// What became of the counts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Nothing was to do, or what was to do is as it was the last time.
    Unchanged,
    /// They are in the file again.
    Recovered,
    /// The file was damaged, as the line says; what this process knows is in a new one.
    Damaged(String),
    /// They cannot be written, as the line says, and are in memory alone.
    Failed(String),
}

impl QuotaStore {
    /// Without a folder, counts are kept in memory alone.
    pub(crate) fn new(bridge: Bridge, folder: Option<PathBuf>) -> Self {
        Self { bridge, folder, state: Mutex::default() }
    }

    /// Adds to the file what was counted since the last time, and takes over what other processes have added. Blocks
    /// for the disk.
    pub(crate) fn save(&self) -> Stored {
        self.bridge.count_open();
        self.save_locked(&mut self.lock())
    }

    /// Forgets what was used, here and in the file. Returns whether there was anything. Blocks for the disk.
    pub(crate) fn reset(&self, reset: &Reset) -> (bool, Stored) {
        self.bridge.count_open();
        let mut state = self.lock();
        // The account may be in the file alone.
        let before = self.save_locked(&mut state);
        let was_used = self.bridge.0.quotas.lock().reset(reset, unix_now());
        let after = self.save_locked(&mut state);
        (was_used, if after == Stored::Unchanged { before } else { after })
    }

    fn save_locked(&self, state: &mut State) -> Stored {
        let Some(folder) = &self.folder else { return Stored::Unchanged };
        let (is_limited, is_changed) = {
            let quotas = self.bridge.0.quotas.lock();
            (*quotas.limits() != QuotaLimits::default(), quotas.is_changed())
        };
        // Without a limit, who used what is nobody's business.
        if !is_limited || (state.has_loaded && !is_changed && !state.has_failed) {
            return Stored::Unchanged;
        }
        let saved = QuotaFile::open(folder).and_then(|file| {
            let (current, damage) = file.read()?;
            let record = self.bridge.0.quotas.lock().record(current, unix_now());
            if is_changed || damage.is_some() {
                file.write(&record)?;
            }
            self.bridge.0.quotas.lock().recorded();
            Ok(damage)
        });
        // Other processes may have used the rest.
        self.bridge.0.cut_spent();
        match saved {
            Ok(damage) => {
                state.has_loaded = true;
                let had_failed = std::mem::take(&mut state.has_failed);
                match damage {
                    Some(damage) => Stored::Damaged(damage),
                    None if had_failed => Stored::Recovered,
                    None => Stored::Unchanged,
                }
            }
            Err(_) if state.has_failed => Stored::Unchanged,
            Err(error) => {
                state.has_failed = true;
                Stored::Failed(error.to_string())
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
