//! The routes for operators.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use xcher_core::registry::Banned;

use super::handover::{HandedOver, Handover, HandoverRequest};
use super::metrics::{self, Format};
use super::status::Status;
use super::target::{Target, banned};
use super::{Reloaded, Servers, quotas};
use crate::net::log_line::shown;
use crate::relay::Host;

/// The longest body of a request: a nick or a network, and a time.
const MAX_BODY_LEN: usize = 4 << 10;

/// `POST /kick`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KickRequest {
    /// A nick, an address, a network, the id of a connection, or `tunnel/ID`.
    pub(crate) target: String,
}

/// `POST /ban`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BanRequest {
    /// An address, a network or a nick.
    pub(crate) banned: String,
    /// The time that the ban lasts; until the process ends, if it is left out.
    pub(crate) seconds: Option<u64>,
}

/// `POST /unban`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct UnbanRequest {
    /// An address, a network or a nick, as it was banned.
    pub(crate) banned: String,
}

/// The answer to `/kick` and `/ban`: how many were disconnected.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Disconnected {
    pub(crate) connections: usize,
    pub(crate) tunnels: usize,
}

/// The answer to `/unban`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Lifted {
    /// False if there was no ban for exactly this network or nick.
    pub(crate) lifted: bool,
}

/// The answer to `/nicks`: a page of the hosts online.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HostList {
    /// In the order of their nicks.
    pub(crate) hosts: Vec<HostLine>,
    /// The nick to name as `after` for the next page; none if this is the last.
    pub(crate) next: Option<String>,
}

/// A host online.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HostLine {
    pub(crate) nick: String,
    pub(crate) address: String,
    /// Its key at this relay, if it has proved one.
    pub(crate) key: Option<String>,
    /// The user of its token.
    pub(crate) user: Option<String>,
    /// The id of its connection in the log.
    pub(crate) id: u64,
    /// The time since it connected.
    pub(crate) seconds: u64,
}

/// The answer to `/bans`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BanList {
    pub(crate) bans: Vec<Ban>,
}

/// One ban.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ban {
    /// An address, a network or a nick.
    pub(crate) banned: String,
    /// The time that is left; none if the ban has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seconds_left: Option<u64>,
}

pub(super) fn router(servers: Arc<Servers>, handover: Handover, reuse_port: bool) -> Router {
    let hand_over = async move |State(servers): State<Arc<Servers>>,
                                Json(asks): Json<HandoverRequest>|
                -> Result<Json<HandedOver>, Response> {
        let may = servers.stops() || (reuse_port && asks.reuse_port);
        if !may {
            let why =
                "a server that runs has this address: stop it first, or give both --reuse-port";
            return Err(unprocessable(why.to_owned()));
        }
        handover.release().await;
        Ok(Json(HandedOver {}))
    };
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(scrape))
        .route("/status", get(status))
        .route("/kick", post(kick))
        .route("/ban", post(ban))
        .route("/unban", post(unban))
        .route("/bans", get(bans))
        .route("/quotas", get(quotas::list))
        .route("/quotas/reset", post(quotas::reset))
        .route("/reload", post(reload))
        .route("/handover", post(hand_over))
        .route("/nicks", get(nicks))
        .layer(DefaultBodyLimit::max(MAX_BODY_LEN))
        .with_state(servers)
}

/// Answers 200 if new clients should come here, else 503 with the reasons: a line each, or JSON on request.
async fn ready(State(servers): State<Arc<Servers>>, headers: HeaderMap) -> Response {
    let Status { ready, reasons, .. } = servers.status();
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if accepts(&headers, "application/json") {
        let answer = serde_json::json!({ "ready": ready, "reasons": reasons });
        return (code, Json(answer)).into_response();
    }
    let text = match ready {
        true => "ready\n".to_owned(),
        false => reasons.iter().map(|it| format!("{}: {}\n", it.name, it.why)).collect(),
    };
    (code, text).into_response()
}

async fn scrape(State(servers): State<Arc<Servers>>, headers: HeaderMap) -> Response {
    let format = match accepts(&headers, "application/openmetrics-text") {
        true => Format::OpenMetrics,
        false => Format::Prometheus,
    };
    // The system's numbers are read from files.
    match spawn_blocking(move || metrics::encode(&servers, format)).await {
        Ok(Ok(text)) => ([(CONTENT_TYPE, format.content_type())], text).into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn status(State(servers): State<Arc<Servers>>) -> Json<Status> {
    Json(servers.status())
}

async fn kick(
    State(servers): State<Arc<Servers>>,
    Json(KickRequest { target }): Json<KickRequest>,
) -> Result<Json<Disconnected>, Response> {
    let target = Target::parse(&target).map_err(unprocessable)?;
    Ok(Json(servers.kick(&target)))
}

async fn ban(
    State(servers): State<Arc<Servers>>,
    Json(BanRequest { banned: text, seconds }): Json<BanRequest>,
) -> Result<Json<Disconnected>, Response> {
    let banned = banned(&text).map_err(unprocessable)?;
    servers.ban(&banned, seconds.map(Duration::from_secs)).map(Json).map_err(unprocessable)
}

async fn unban(
    State(servers): State<Arc<Servers>>,
    Json(UnbanRequest { banned: text }): Json<UnbanRequest>,
) -> Result<Json<Lifted>, Response> {
    let banned = banned(&text).map_err(unprocessable)?;
    Ok(Json(Lifted { lifted: servers.unban(&banned) }))
}

async fn bans(State(servers): State<Arc<Servers>>) -> Json<BanList> {
    let ban = |(banned, left): (Banned, Option<Duration>)| Ban {
        banned: banned.to_string(),
        seconds_left: left.map(|left| left.as_secs()),
    };
    Json(BanList { bans: servers.bans().into_iter().map(ban).collect() })
}

async fn reload(State(servers): State<Arc<Servers>>) -> Result<Json<Reloaded>, Response> {
    let reloaded = servers.reload().await;
    let refusal =
        || (StatusCode::SERVICE_UNAVAILABLE, "the server is about to end\n").into_response();
    reloaded.map(Json).ok_or_else(refusal)
}

/// The most hosts of a page.
const MAX_PAGE: usize = 1000;

async fn nicks(State(servers): State<Arc<Servers>>, uri: Uri) -> Result<Json<HostList>, Response> {
    let (mut after, mut count) = (String::new(), MAX_PAGE);
    for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (key, value.parse()) {
            ("after", _) => after = percent_decode_str(value).decode_utf8_lossy().into_owned(),
            ("count", Ok(wanted)) if (1..=MAX_PAGE).contains(&wanted) => count = wanted,
            _ => {
                let error = format!("expected ?after=NICK&count=N, with N from 1 to {MAX_PAGE}");
                return Err(unprocessable(error));
            }
        }
    }
    let Some(hosts) = servers.hosts(&after, count) else {
        return Err(unprocessable(
            "the relay is elsewhere, and a bridge knows no nicks".to_owned(),
        ));
    };
    let next = hosts.last().filter(|_| hosts.len() == count).map(|host| host.nick.to_string());
    let line = |host: Host| HostLine {
        // A nick may look like a code that somebody mistyped.
        nick: shown(&host.nick).to_owned(),
        address: host.address.to_string(),
        key: host.key.map(|key| key.to_string()),
        user: host.user.map(|user| user.to_string()),
        id: host.conn.0,
        seconds: host.time.as_secs(),
    };
    Ok(Json(HostList { hosts: hosts.into_iter().map(line).collect(), next }))
}

pub(super) fn unprocessable(error: String) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, format!("{error}\n")).into_response()
}

/// Returns true if a request names this type among those it accepts.
fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let all = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = all.flat_map(|value| value.split(',')).filter_map(|it| it.split(';').next());
    types.any(|accepted| accepted.trim().eq_ignore_ascii_case(kind))
}
