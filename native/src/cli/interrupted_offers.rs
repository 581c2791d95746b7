//! Accepted offers that a cut interrupted, until their peers come back.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use xcher_core::Size;
use xcher_core::peer::SessionId;
use xcher_core::secure::PublicKey;

use crate::cli::exit::CliError;
use crate::cli::listing_spool::{ListingSpool, spool_error};
use crate::cli::ui::file_count::file_count;
use crate::cli::ui::output::Output;

/// The most peers that are waited for.
const MAX_PEERS: usize = 64;

/// What is missing of each, by the key of the peer.
pub(crate) struct InterruptedOffers {
    /// The time a peer has to come back.
    retry: Duration,
    offers: HashMap<PublicKey, Missing>,
}

/// The missing files of one peer.
pub(crate) struct Missing {
    pub(crate) session: SessionId,
    /// The peer: its nick and address.
    pub(crate) who: String,
    /// Names and sizes: the user has accepted nothing else.
    pub(crate) files: HashMap<Box<str>, Size>,
    until: Instant,
}

impl InterruptedOffers {
    pub(crate) fn new(retry: Duration) -> Self {
        Self { retry, offers: HashMap::new() }
    }

    pub(crate) fn is_enabled(&self) -> bool {
        !self.retry.is_zero()
    }

    pub(crate) fn is_waiting(&self) -> bool {
        !self.offers.is_empty()
    }

    /// Keeps what is missing of an offer.
    pub(crate) fn keep(
        &mut self,
        key: PublicKey,
        session: SessionId,
        rest: ListingSpool,
        who: &str,
    ) -> Result<(), CliError> {
        let mut files = HashMap::new();
        let mut listing = rest.read().map_err(spool_error)?;
        while let Some((name, size, _)) = listing.next().map_err(spool_error)? {
            files.insert(name.as_str().into(), size);
        }
        if self.offers.len() >= MAX_PEERS && !self.offers.contains_key(&key) {
            let first = self.offers.iter().min_by_key(|(_, missing)| missing.until);
            if let Some(first) = first.map(|(key, _)| *key) {
                self.offers.remove(&first);
            }
        }
        let until = Instant::now() + self.retry;
        self.offers.insert(key, Missing { session, who: who.to_owned(), files, until });
        Ok(())
    }

    /// Says that the peer of a session that was cut has time to come back.
    pub(crate) fn session_cut(&mut self, session: SessionId, output: &Output) {
        let time = humantime::format_duration(self.retry);
        for missing in self.offers.values_mut().filter(|missing| missing.session == session) {
            missing.until = Instant::now() + self.retry;
            output.note(format_args!(
                "lost the connection to {}; the transfer of {} resumes if it comes back within {time}",
                missing.who,
                file_count(missing.files.len() as u64)
            ));
        }
    }

    /// Returns what is missing of a session that its peer has ended.
    pub(crate) fn session_ended(&mut self, session: SessionId) -> Vec<Missing> {
        let ended = self.offers.extract_if(|_, missing| missing.session == session);
        ended.map(|(_, missing)| missing).collect()
    }

    /// Returns true if a peer offers nothing but what is missing of its last offer, which is then no longer kept.
    pub(crate) fn resume(
        &mut self,
        key: &PublicKey,
        offered: &mut ListingSpool,
    ) -> Result<bool, CliError> {
        let Some(missing) = self.offers.get(key) else { return Ok(false) };
        let mut listing = offered.reread().map_err(spool_error)?;
        while let Some((name, size, _)) = listing.next().map_err(spool_error)? {
            if missing.files.get(name.as_str()) != Some(&size) {
                return Ok(false);
            }
        }
        self.offers.remove(key);
        Ok(true)
    }

    /// Waits until peers have not come back in time, and returns what is missing of them. Cancel safe.
    pub(crate) async fn expired(&mut self) -> Vec<Missing> {
        let first = self.offers.values().map(|missing| missing.until).min();
        match first {
            Some(until) => sleep_until(until).await,
            None => std::future::pending().await,
        }
        let now = Instant::now();
        let expired = self.offers.extract_if(|_, missing| missing.until <= now);
        expired.map(|(_, missing)| missing).collect()
    }
}
