//! Refuses every request of a client whose address the operator banned.

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

/// Lets a request pass unless its client is banned: the one behind a trusted proxy, not the proxy.
pub(super) async fn check(
    State(front): State<Arc<Front>>,
    request: Request,
    next: Next,
) -> Response {
    let ends = request.extensions().get::<Ends>();
    let from = ends.and_then(|ends| {
        client::address(*ends, request.headers(), &front.rules.load().trusted_proxies).ok()
    });
    match from {
        Some(from) if front.bans.has(from.ip()) => {
            let error = "refused: the operator banned your address";
            front.counts.refuse(from.ip(), TunnelOutcome::Banned, error);
            (StatusCode::FORBIDDEN, format!("{error}\n")).into_response()
        }
        // The routes refuse a client without an address where it matters.
        _ => next.run(request).await,
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
