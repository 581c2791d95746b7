//! The operator's hook: an HTTP server of the operator's that decides about connections, nicks and tunnels.
//!
//! Whoever is asked about waits; a hook that is slow or dead delays nobody else.

mod connector;
mod counts;
mod url;

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use axum::body::Body;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::warn;
use xcher_core::Nick;
use xcher_core::registry::{Decision, HookFailure, UserName};
use xcher_core::secure::PublicKey;

use crate::host::TlsRoots;
use crate::net::log_line::shown;
use connector::Connector;
use counts::Counts;
#[cfg(not(feature = "cli"))]
use counts::HookOutcome;
#[cfg(feature = "cli")]
pub(crate) use counts::{HookCounts, HookOutcome};
pub use url::HookUrl;

/// Time for an answer, with the wait for its turn.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Questions at a time.
const MAX_ASKED: usize = 64;
/// Questions that wait for their turn.
const MAX_WAITING: usize = 4096;
/// The longest answer: the reason that is shown is far shorter.
const MAX_ANSWER_LEN: usize = 16 << 10;
/// The longest head of an answer.
const MAX_HEAD_LEN: usize = 16 << 10;
/// Time for which connections are kept for the next question.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Least time between two lines in the log about a hook that does not answer.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// The operator's hook. Clones are the same hook.
#[derive(Clone, Debug)]
pub struct Hook(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    url: HookUrl,
    on_failure: HookFailure,
    /// The value of the header that has the token.
    authorization: ArcSwapOption<HeaderValue>,
    client: Client<Connector, Body>,
    slots: Semaphore,
    waiting: AtomicUsize,
    counts: Counts,
    warned: Mutex<Option<Instant>>,
}

/// What the hook is asked about, as it is sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Asked {
    event: &'static str,
    address: IpAddr,
    nick: Option<Box<str>>,
    key: Option<String>,
    user: Option<String>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Allow,
    /// With a reason, which may be empty.
    Deny(String),
    NeedKey,
    Failed,
}

impl Answer {
    /// Returns the decision for the registry.
    pub(crate) fn decision(&self) -> Decision<'_> {
        match self {
            Self::Allow => Decision::Allow,
            Self::Deny(reason) => Decision::Deny(reason),
            Self::NeedKey => Decision::NeedKey,
            Self::Failed => Decision::Failed,
        }
    }
}

/// The hook's own words.
#[derive(Deserialize)]
struct Verdict {
    allow: bool,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    need_key: bool,
}

impl Asked {
    /// May this client connect; or, with a nick, may it have that nick?
    pub(crate) fn at_relay(
        address: IpAddr,
        nick: Option<&Nick>,
        key: Option<PublicKey>,
        user: Option<&UserName>,
    ) -> Self {
        let event = if nick.is_some() { "nick" } else { "connection" };
        // The nick of a code is a secret.
        let (nick, key) = (nick.map(|nick| shown(nick).into()), key.map(|key| key.to_string()));
        Self { event, address, nick, key, user: user.map(UserName::to_string) }
    }

    /// May this client open a tunnel?
    pub(crate) fn tunnel(address: IpAddr, user: Option<&UserName>) -> Self {
        let user = user.map(UserName::to_string);
        Self { event: "tunnel", address, nick: None, key: None, user }
    }
}

impl Hook {
    /// Prepares to ask at this URL. `token` is sent with each question; the certificate of `https://` is checked
    /// against the system's authorities.
    ///
    /// # Errors
    ///
    /// If the token is not printable ASCII, or the system has no certificate authorities.
    pub fn new(url: HookUrl, token: Option<&str>, on_failure: HookFailure) -> Result<Self, String> {
        let hint = "to trust its authority, add that to those of this system";
        Self::with_roots(url, token, on_failure, &TlsRoots::default().with_hint(hint))
    }

    fn with_roots(
        url: HookUrl,
        token: Option<&str>,
        on_failure: HookFailure,
        roots: &TlsRoots,
    ) -> Result<Self, String> {
        let authorization = ArcSwapOption::from(authorization(token)?);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_ASKED)
            .http1_max_buf_size(MAX_HEAD_LEN)
            .build(Connector::new(roots.clone()));
        Ok(Self(Arc::new(Shared {
            url,
            on_failure,
            authorization,
            client,
            slots: Semaphore::new(MAX_ASKED),
            waiting: AtomicUsize::new(0),
            counts: Counts::default(),
            warned: Mutex::default(),
        })))
    }

    /// Sends this token from now on. Returns true if it is another one.
    ///
    /// # Errors
    ///
    /// If it is not printable ASCII. The old one is sent on.
    pub fn set_token(&self, token: Option<&str>) -> Result<bool, String> {
        let new = authorization(token)?;
        Ok(self.0.authorization.swap(new.clone()) != new)
    }

    /// Returns what becomes of clients about which there is no answer.
    pub(crate) fn on_failure(&self) -> HookFailure {
        self.0.on_failure
    }

    /// Asks, and returns within [`TIMEOUT`].
    pub(crate) async fn ask(&self, asked: &Asked) -> Answer {
        let since = Instant::now();
        let answer = match timeout(TIMEOUT, self.0.ask_in_turn(asked)).await {
            Ok(answer) => answer,
            Err(_) => Err((HookOutcome::TimedOut, "no answer in time".to_owned())),
        };
        let (outcome, answer) = match answer {
            Ok(answer @ Answer::Allow) => (HookOutcome::Allowed, answer),
            Ok(answer) => (HookOutcome::Denied, answer),
            Err((outcome, why)) => {
                self.0.warn(outcome, &why);
                (outcome, Answer::Failed)
            }
        };
        self.0.counts.add(outcome, since.elapsed());
        answer
    }

    /// Returns what was counted.
    #[cfg(feature = "cli")]
    pub(crate) fn counts(&self) -> HookCounts {
        self.0.counts.all()
    }
}

/// Why there is no answer.
type NoAnswer = (HookOutcome, String);

impl Shared {
    async fn ask_in_turn(&self, asked: &Asked) -> Result<Answer, NoAnswer> {
        let _waiting = Waiting::enter(&self.waiting)
            .ok_or_else(|| (HookOutcome::Busy, "too many questions wait for it".to_owned()))?;
        let Ok(_slot) = self.slots.acquire().await else {
            return Err((HookOutcome::Busy, "it is closed".to_owned()));
        };
        let unreachable = |error: String| (HookOutcome::Unreachable, error);
        let body = serde_json::to_vec(asked).map_err(|error| unreachable(error.to_string()))?;
        let mut request = Request::post(self.url.uri().clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("xcher/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &*self.authorization.load() {
            request = request.header(AUTHORIZATION, (**authorization).clone());
        }
        let request = request.body(Body::from(body)).map_err(|it| unreachable(it.to_string()))?;
        let response =
            self.client.request(request).await.map_err(|error| unreachable(reason(&error)))?;
        let bad = |what: String| (HookOutcome::BadAnswer, what);
        let status = response.status();
        if status != StatusCode::OK {
            return Err(bad(format!("it answers {status}")));
        }
        let body = axum::body::to_bytes(Body::new(response.into_body()), MAX_ANSWER_LEN).await;
        let body = body.map_err(|error| bad(error.to_string()))?;
        let verdict = serde_json::from_slice(&body)
            .map_err(|_| bad("its answer is not {\"allow\":true} or false".to_owned()))?;
        Ok(match verdict {
            Verdict { allow: true, .. } => Answer::Allow,
            Verdict { need_key: true, .. } => Answer::NeedKey,
            Verdict { reason, .. } => Answer::Deny(reason.unwrap_or_default()),
        })
    }

    fn warn(&self, outcome: HookOutcome, why: &str) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|before| before.elapsed() >= WARN_INTERVAL) {
            *warned = Some(Instant::now());
            let (url, outcome) = (self.url.shown(), outcome.label());
            warn!(url, outcome, why, "the hook did not answer a question");
        }
    }
}

fn authorization(token: Option<&str>) -> Result<Option<Arc<HeaderValue>>, String> {
    let header = token.map(|token| {
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| "the hook's token is not printable ASCII".to_owned())?;
        value.set_sensitive(true);
        Ok(Arc::new(value))
    });
    header.transpose()
}

/// Returns the innermost reason, which says the most.
fn reason(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), reason)
}

/// A question that is under way or waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let entered = Self(count);
        (before < MAX_ASKED + MAX_WAITING).then_some(entered)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
