//! Keeps the counts of a bridge in a folder, so that they survive its process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use xcher_core::tunnel::{QuotaLimits, Reset};

use super::Bridge;
use super::quota_file::QuotaFile;
use super::quotas::unix_now;
use crate::keys::KeysError;

/// A bridge and the folder of its counts.
pub(crate) struct QuotaStore {
    bridge: Bridge,
    folder: Option<PathBuf>,
    say: Box<dyn Fn(QuotaNotice) + Send + Sync>,
    /// Held while the file is read and written: [`Quotas`](xcher_core::tunnel::Quotas) has one record at a time.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    has_loaded: bool,
    /// Set while the file cannot be written.
    has_failed: bool,
    /// Set while there is no file because it was damaged.
    is_missing: bool,
}

/// What the operator must know about the counts. Each is said once, until there is another one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum QuotaNotice {
    /// They are in the file again.
    Recovered,
    /// The file was damaged, as the line says; what this process knows goes into a new one.
    Damaged(String),
    /// They cannot be written, as the line says, and are in memory alone.
    Failed(String),
    /// They cannot be written, as the line says, and the process ends.
    Lost(String),
}

impl QuotaStore {
    /// Without a folder, counts are kept in memory alone. `say` tells the operator, and may be called by any thread.
    pub(crate) fn new(
        bridge: Bridge,
        folder: Option<PathBuf>,
        say: impl Fn(QuotaNotice) + Send + Sync + 'static,
    ) -> Self {
        Self { bridge, folder, say: Box::new(say), state: Mutex::default() }
    }

    /// Adds to the file what was counted since the last time, and takes over what other processes have added. Blocks
    /// for the disk.
    pub(crate) fn save(&self) {
        self.bridge.count_open();
        let mut state = self.lock();
        self.save_or_say(&mut state);
    }

    /// Does the same for the last time.
    pub(crate) fn save_at_end(&self) {
        self.bridge.count_open();
        let mut state = self.lock();
        if let Err(error) = self.save_locked(&mut state) {
            (self.say)(QuotaNotice::Lost(error.to_string()));
        }
    }

    /// Forgets what was used, here and in the file. Returns whether there was anything. Blocks for the disk.
    pub(crate) fn reset(&self, reset: &Reset) -> bool {
        self.bridge.count_open();
        let mut state = self.lock();
        // The account may be in the file alone.
        self.save_or_say(&mut state);
        let was_used = self.bridge.0.quotas.lock().reset(reset, unix_now());
        self.save_or_say(&mut state);
        was_used
    }

    fn save_or_say(&self, state: &mut State) {
        if let Err(error) = self.save_locked(state)
            && !std::mem::replace(&mut state.has_failed, true)
        {
            (self.say)(QuotaNotice::Failed(error.to_string()));
        }
    }

    fn save_locked(&self, state: &mut State) -> Result<(), KeysError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let (is_limited, is_changed) = {
            let quotas = self.bridge.0.quotas.lock();
            (*quotas.limits() != QuotaLimits::default(), quotas.is_changed())
        };
        // Without a limit, who used what is nobody's business.
        if !is_limited || (state.has_loaded && !is_changed && !state.has_failed) {
            return Ok(());
        }
        let saved = self.exchange(state, folder);
        // Other processes may have used the rest.
        self.bridge.0.cut_spent();
        saved?;
        state.has_loaded = true;
        if std::mem::take(&mut state.has_failed) {
            (self.say)(QuotaNotice::Recovered);
        }
        Ok(())
    }

    fn exchange(&self, state: &mut State, folder: &Path) -> Result<(), KeysError> {
        let file = QuotaFile::open(folder)?;
        let (current, damage) = file.read()?;
        if let Some(damage) = damage {
            state.is_missing = true;
            (self.say)(QuotaNotice::Damaged(damage));
        }
        let (is_changed, record) = {
            let mut quotas = self.bridge.0.quotas.lock();
            (quotas.is_changed(), quotas.record(current, unix_now()))
        };
        if is_changed || state.is_missing {
            file.write(&record)?;
            state.is_missing = false;
        }
        self.bridge.0.quotas.lock().recorded();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
