//! What there is to ask for.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde::Serialize;

use super::subprotocol::SUBPROTOCOL;
use super::{Front, page, upgrade};

/// Where tunnels are opened.
const TUNNEL: &str = "/xcher";

/// What a browser may do with anything from here: our own files, and wasm among them; no inline
/// script, no other site's frame.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
    object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Said with every answer.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

pub(super) fn router(front: Arc<Front>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/config.json", get(config))
        .route(TUNNEL, get(upgrade::open))
        .fallback(file)
        .layer(middleware::map_response(secured))
        .with_state(front)
}

/// What the page needs to know.
#[derive(Serialize)]
struct Config {
    tunnel: &'static str,
    subprotocol: &'static str,
    /// Whether a token is needed.
    token: bool,
    version: &'static str,
}

async fn config(State(front): State<Arc<Front>>) -> Json<Config> {
    Json(Config {
        tunnel: TUNNEL,
        subprotocol: SUBPROTOCOL,
        token: front.token.is_some(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

async fn file(method: Method, uri: Uri) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        let fault = "expected GET or HEAD\n";
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET,HEAD")], fault).into_response();
    }
    match page::find(uri.path()) {
        Some(asset) => {
            // Asked for again each time, so that a page and its parts are of one version.
            let headers = [(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, "no-cache")];
            (headers, asset.bytes).into_response()
        }
        None => (StatusCode::NOT_FOUND, "no such file\n").into_response(),
    }
}

async fn secured(mut response: Response) -> Response {
    response.headers_mut().extend(HEADERS);
    response
}
