//! Limits the wrong tokens of an address, as [`TokenGuesses`] does, for requests on several threads.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;
use xcher_core::registry::TokenGuesses;

/// The addresses that sent wrong tokens recently.
#[derive(Debug)]
pub(crate) struct Guesses {
    wrong: Mutex<TokenGuesses>,
    start: Instant,
}

impl Default for Guesses {
    fn default() -> Self {
        Self { wrong: Mutex::default(), start: Instant::now() }
    }
}

impl Guesses {
    /// As [`TokenGuesses::admit`].
    pub(crate) fn admit(&self, client: IpAddr, is_wrong: bool, now: Instant) -> bool {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.admit(client, is_wrong, now.saturating_duration_since(self.start))
    }
}
