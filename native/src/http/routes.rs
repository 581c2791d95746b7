//! The routes of the server.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router, middleware};
use futures_util::StreamExt as _;
use serde::Serialize;
use tokio::time::timeout;
use xcher_core::tunnel::{PATH, SUBPROTOCOL};

use super::connection::Ends;
use super::{Front, bans, client, host_name, page, upgrade};

/// The content security policy: a browser may load only this server's files, wasm included, and open only its
/// WebSocket, which has the page's host and port and so is `'self'` too; nothing inline, and no frame of
/// another site. The icon that shows progress is a `data:` image of the page's own. A worker has the policy of its own file.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
    connect-src 'self'; style-src 'self'; img-src 'self' data:; manifest-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The headers of every response.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS)),
];

/// Browser features that the page never uses; the camera only where its user has a QR code read.
const PERMISSIONS: &str = "accelerometer=(), bluetooth=(), camera=(self), display-capture=(), \
    geolocation=(), gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), \
    serial=(), usb=(), xr-spatial-tracking=()";

/// Sent over TLS: for a year, browsers refuse plain HTTP to this host.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

pub(super) fn router(front: Arc<Front>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/config.json", get(config))
        .route("/address", get(address))
        .route("/share-target", post(not_shared))
        .route(PATH, get(upgrade::open))
        .fallback(file)
        .layer(middleware::from_fn_with_state(Arc::clone(&front), host_name::check))
        .layer(middleware::from_fn_with_state(Arc::clone(&front), bans::check))
        .layer(middleware::map_response_with_state(Arc::clone(&front), secured))
        .with_state(front)
}

/// The configuration of the page.
#[derive(Serialize)]
struct Config {
    /// Relative to the page's folder, which a reverse proxy may serve below another path.
    tunnel: &'static str,
    subprotocol: &'static str,
    /// True if the bridge needs a token.
    token: bool,
    /// True if tokens are checked, though perhaps not needed.
    tokens: bool,
    /// True if this binary has the page.
    page: bool,
    version: &'static str,
    /// STUN servers for links between browsers. A browser refuses an empty list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stun: Vec<String>,
}

async fn config(State(front): State<Arc<Front>>, headers: HeaderMap) -> Json<Config> {
    // The middleware has admitted the host.
    let host = host_name::requested_host(&headers).unwrap_or_default();
    Json(Config {
        tunnel: PATH.trim_start_matches('/'),
        subprotocol: SUBPROTOCOL,
        token: front.rules.load().tokens.are_needed(),
        tokens: front.rules.load().tokens.are_checked(),
        page: !page::IS_MISSING,
        version: env!("CARGO_PKG_VERSION"),
        stun: front.page_stun.load().urls_at(&host),
    })
}

/// Tells a client at which address and port the server sees it, so that the client can compare how a NAT treats
/// its connections (section 10.1).
async fn address(
    State(front): State<Arc<Front>>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
) -> Response {
    let from = client::address(ends, &headers, &front.rules.load().trusted_proxies);
    let uncached = [(CACHE_CONTROL, "no-store")];
    match from {
        // A proxy may not tell the port.
        Ok(from) if from.port() == 0 => (uncached, format!("{}\n", from.ip())).into_response(),
        Ok(from) => (uncached, format!("{} {}\n", from.ip(), from.port())).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

/// Bytes, and time, of a form that is read although nobody wants it: a browser whose form is not read shows an error of
/// the network instead of the answer.
const MAX_IGNORED: usize = 32 << 20;
const IGNORED_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers a form that another app shares with the page (Web Share Target). The page's service worker takes it before
/// it leaves the browser; where there is none, the page tells its user that nothing was taken.
async fn not_shared(form: Body) -> Redirect {
    let mut parts = form.into_data_stream();
    let ignore = async {
        let mut size = 0;
        while let Some(Ok(part)) = parts.next().await {
            size += part.len();
            if size > MAX_IGNORED {
                break;
            }
        }
    };
    let _ = timeout(IGNORED_TIMEOUT, ignore).await;
    Redirect::to("./?not-shared")
}

async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        let error = "expected GET or HEAD\n";
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET,HEAD")], error).into_response();
    }
    page::find(uri.path(), &headers)
        .unwrap_or_else(|| (StatusCode::NOT_FOUND, "no such file\n").into_response())
}

async fn secured(State(front): State<Arc<Front>>, mut response: Response) -> Response {
    response.headers_mut().extend(HEADERS);
    if front.tls.is_some() {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}
