//! Refuses every request of a client whose address the operator banned, or that the operator's lists do not allow.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;
use xcher_core::registry::Bans;

use super::connection::Ends;
use super::counts::TunnelOutcome;
use super::{Front, client};

/// The bans in force.
pub(super) struct HttpBans {
    bans: Mutex<Bans>,
    start: Instant,
}

impl Default for HttpBans {
    fn default() -> Self {
        Self { bans: Mutex::default(), start: Instant::now() }
    }
}

impl HttpBans {
    fn has(&self, ip: IpAddr) -> bool {
        let bans = self.bans.lock().unwrap_or_else(PoisonError::into_inner);
        bans.bans_address(ip, self.start.elapsed())
    }
}

/// Lets a request pass unless its client is kept away: the one behind a trusted proxy, not the proxy. Whatever a proxy
/// that is not trusted says of its client, it is a client itself.
pub(super) async fn check(
    State(front): State<Arc<Front>>,
    request: Request,
    next: Next,
) -> Response {
    let ends = request.extensions().get::<Ends>();
    let from = ends.map(|ends| {
        let proxies = &front.rules.load().trusted_proxies;
        let client = client::address(*ends, request.headers(), proxies);
        client.map_or_else(|_| ends.from.ip().to_canonical(), |client| client.ip())
    });
    let refused = from.and_then(|from| Some((from, front.refuses(from)?)));
    let Some((from, (outcome, error))) = refused else { return next.run(request).await };
    front.counts.refuse(from, outcome, error);
    (StatusCode::FORBIDDEN, format!("{error}\n")).into_response()
}

impl Front {
    /// Returns why an address is kept away, if it is.
    pub(super) fn refuses(&self, client: IpAddr) -> Option<(TunnelOutcome, &'static str)> {
        if self.bans.has(client) {
            Some((TunnelOutcome::Banned, "refused: the operator banned your address"))
        } else if !self.lists.load().allow_address(client) {
            Some((TunnelOutcome::NotAllowed, "refused: this server is not open to your address"))
        } else {
            None
        }
    }
}

#[cfg(feature = "cli")]
mod operator {
    use std::time::Duration;

    use xcher_core::registry::{Banned, TooManyBans};

    use super::*;
    use crate::http::Http;

    impl Http {
        /// Keeps clients away for `time`, or until the server ends. Open tunnels stay open.
        ///
        /// # Errors
        ///
        /// If there are too many bans.
        pub(crate) fn ban(
            &self,
            banned: &Banned,
            time: Option<Duration>,
        ) -> Result<(), TooManyBans> {
            self.with_bans(|bans, now| {
                let until = time.and_then(|time| now.checked_add(time));
                bans.insert(banned.clone(), until, now)
            })
        }

        /// Lifts a ban. Returns false if there is none for exactly this network.
        pub(crate) fn unban(&self, banned: &Banned) -> bool {
            self.with_bans(|bans, now| bans.remove(banned, now))
        }

        /// Returns the bans in force, and the time that each has left.
        pub(crate) fn bans(&self) -> Vec<(Banned, Option<Duration>)> {
            self.with_bans(|bans, now| {
                let all = bans.in_force(now);
                all.map(|(banned, until)| (banned.clone(), until.map(|until| until - now)))
                    .collect()
            })
        }

        fn with_bans<T>(&self, act: impl FnOnce(&mut Bans, Duration) -> T) -> T {
            let HttpBans { bans, start } = &self.0.bans;
            let mut bans = bans.lock().unwrap_or_else(PoisonError::into_inner);
            act(&mut bans, start.elapsed())
        }
    }
}
