//! Saves the counts of a bridge's quotas now and then, and says when that fails.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::bridge::{Bridge, QuotaNotice, QuotaStore};
use crate::cli::options::Common;
use crate::cli::ui::output::Output;
use crate::keys;

/// Time between two saves: what a process that is killed loses.
const SAVE_INTERVAL: Duration = Duration::from_secs(30);
/// Time between two counts of what slow tunnels carry.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);

/// Keeps the counts of a bridge.
pub(crate) struct QuotaKeeper {
    bridge: Bridge,
    store: Arc<QuotaStore>,
}

impl QuotaKeeper {
    /// Loads what was used in this month.
    pub(crate) async fn start(common: &Common, bridge: &Bridge) -> Self {
        let output = Output::new(common);
        let folder = folder(common);
        if folder.is_none() && bridge.quota_state().is_limited {
            output.note(format_args!(
                "counting quotas in memory only (no home directory), so they begin anew with each start; name a \
                 folder with --data-dir"
            ));
        }
        let output = Mutex::new(output);
        let say = move |notice| {
            say(&output.lock().unwrap_or_else(PoisonError::into_inner), notice);
        };
        let store = Arc::new(QuotaStore::new(bridge.clone(), folder, say));
        let keeper = Self { bridge: bridge.clone(), store };
        keeper.blocking(QuotaStore::save).await;
        keeper
    }

    /// Returns the store, for the operator.
    pub(crate) fn store(&self) -> Arc<QuotaStore> {
        Arc::clone(&self.store)
    }

    /// Counts and saves.
    pub(crate) async fn run(&self) -> Infallible {
        let mut saved = Instant::now();
        loop {
            sleep(COUNT_INTERVAL).await;
            self.bridge.count_open();
            if saved.elapsed() >= SAVE_INTERVAL {
                self.blocking(QuotaStore::save).await;
                saved = Instant::now();
            }
        }
    }

    /// Saves what was counted, for the last time.
    pub(crate) async fn end(&self) {
        self.blocking(QuotaStore::save_at_end).await;
    }

    async fn blocking(&self, save: fn(&QuotaStore)) {
        let store = Arc::clone(&self.store);
        if let Err(error) = spawn_blocking(move || save(&store)).await {
            tracing::error!(%error, "the quotas were not saved");
        }
    }
}

/// Returns the folder of the counts.
pub(crate) fn folder(common: &Common) -> Option<PathBuf> {
    common.data_dir.clone().or_else(keys::usual_folder)
}

fn say(output: &Output, notice: QuotaNotice) {
    match notice {
        QuotaNotice::Recovered => output.note(format_args!("quotas are saved again")),
        QuotaNotice::Damaged(what) => output.error(format_args!(
            "{what}; the quotas of this month go on with what this process has counted"
        )),
        QuotaNotice::Failed(why) => output.error(format_args!(
            "{why}; quotas are counted in memory only, and saved once that is possible"
        )),
        QuotaNotice::Lost(why) => output.error(format_args!(
            "{why}; what tunnels have carried since quotas were saved last is forgotten"
        )),
    }
}
