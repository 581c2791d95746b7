//! A request becomes a tunnel, or is told why not.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tracing::{Instrument, info_span};
use xcher_core::Quoted;

use super::places::Full;
use super::subprotocol::{SUBPROTOCOL, offered};
use super::ws_bytes::{MESSAGE, WsBytes};
use super::{Ends, Front, client, origin};

/// The longest message, and frame, that is read: far beyond what a stream multiplexer sends at a
/// time, and little enough to be held.
const MAX_INCOMING: usize = 1024 * 1024;
/// Held by every tunnel however idle, and the most that is read at once: more would cost idle tunnels
/// memory, less would cost busy ones time.
const READ_BUFFER: usize = 4 * 1024;
/// Messages are gathered before they are made, so each is written at once.
const WRITE_BUFFER: usize = 0;
/// One message that does not go out yet, and as much again for answers to pings.
const MAX_WRITE_BUFFER: usize = 2 * MESSAGE + 1024;

pub(super) async fn open(
    State(front): State<Arc<Front>>,
    Extension(Ends { socket, reached_at }): Extension<Ends>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if let Err(fault) = origin::check(&headers, &front.allow_origin) {
        return refusal(StatusCode::FORBIDDEN, &fault);
    }
    if front.token.as_ref().is_some_and(|token| !token.is_in(&headers)) {
        let fault = "expected the token of this bridge, got none or another";
        let refusal = refusal(StatusCode::UNAUTHORIZED, fault);
        return ([(WWW_AUTHENTICATE, "Bearer")], refusal).into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.protocols([SUBPROTOCOL]),
        Err(fault) => return fault.into_response(),
    };
    if upgrade.selected_protocol().is_none() {
        return refusal(StatusCode::BAD_REQUEST, &other_subprotocol(&headers));
    }
    let from = match client::address(socket, &headers, &front.trusted_proxies) {
        Ok(from) => from,
        Err(fault) => return refusal(StatusCode::BAD_REQUEST, &fault),
    };
    let place = match front.places.take(Some(from.ip())) {
        Ok(place) => place,
        Err(Full::InAll) => {
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "this bridge has no tunnel left");
        }
        Err(Full::ForAddress) => {
            let fault = "your address has as many tunnels as it may have";
            return refusal(StatusCode::TOO_MANY_REQUESTS, fault);
        }
    };
    let alive = (place, front.tunnels.token());
    upgrade
        .max_message_size(MAX_INCOMING)
        .max_frame_size(MAX_INCOMING)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .on_upgrade(move |socket| {
            async move {
                let bytes = WsBytes::new(socket, reached_at, front.closing.clone());
                tokio::select! {
                    () = (front.tunnel)(bytes, from) => {}
                    () = front.cut.cancelled() => {}
                }
                drop(alive);
            }
            .instrument(info_span!("tunnel", %from))
        })
}

/// Names what came, but for a token, which nobody else is to see.
fn other_subprotocol(headers: &HeaderMap) -> String {
    let got = offered(headers)
        .map(|offer| if offer.starts_with("token.") { "token.…" } else { offer })
        .collect::<Vec<_>>()
        .join(", ");
    if got.is_empty() {
        format!("expected the subprotocol {SUBPROTOCOL}, got none")
    } else {
        format!("expected the subprotocol {SUBPROTOCOL}, got {}", Quoted(&got))
    }
}

fn refusal(status: StatusCode, fault: &str) -> Response {
    (status, format!("{fault}\n")).into_response()
}
