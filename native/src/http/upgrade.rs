//! Turns a request into a tunnel, or refuses it with a reason.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;
use tracing::{Instrument, debug, info_span};
use tungstenite::handshake::server::create_response_with_body;
use xcher_core::Quoted;
use xcher_core::registry::{Account, HookFailure};
use xcher_core::tunnel::SUBPROTOCOL;

use super::connection::Ends;
use super::connection_limit::Full;
use super::counts::TunnelOutcome;
use super::subprotocol::offered;
use super::token::Given;
use super::ws_bytes::WsBytes;
use super::{Front, client, origin};
use crate::hook::{Answer, Asked};

/// The query of an ordinary request by which a page asks whether a tunnel would be refused, and why.
const CHECK: &str = "check";

pub(super) async fn open(
    State(front): State<Arc<Front>>,
    Extension(ends): Extension<Ends>,
    mut request: Request,
) -> Response {
    let (headers, rules) = (request.headers(), front.rules.load());
    if let Err(error) = origin::check(headers, &rules.allow_origin) {
        front.counts.refuse(ends.from.ip().to_canonical(), TunnelOutcome::Origin, &error);
        return refusal(StatusCode::FORBIDDEN, &error);
    }
    let from = match client::address(ends, headers, &rules.trusted_proxies) {
        Ok(from) => from,
        Err(error) => {
            front.counts.refuse(ends.from.ip().to_canonical(), TunnelOutcome::Proxy, &error);
            return refusal(StatusCode::BAD_REQUEST, &error);
        }
    };
    let refuse = |outcome, status, error: &str| {
        front.counts.refuse(from.ip(), outcome, error);
        refusal(status, error)
    };
    let mut account = Account::Anonymous;
    if rules.tokens.are_checked() {
        let given = rules.tokens.check(headers);
        let wrong = match &given {
            Given::Wrong(hash) => Some(*hash),
            Given::None | Given::Of(_) => None,
        };
        if !front.guesses.admit(from.ip(), wrong, Instant::now()) {
            let error = "too many wrong tokens from your address: wait a minute";
            return refuse(TunnelOutcome::TokenRate, StatusCode::TOO_MANY_REQUESTS, error);
        }
        let refused = match given {
            Given::Of(given) => {
                account = given;
                None
            }
            Given::None => rules.tokens.are_needed().then_some(TunnelOutcome::NoToken),
            Given::Wrong(_) => Some(TunnelOutcome::WrongToken),
        };
        if let Some(outcome) = refused {
            let error = "this bridge needs its token, and the request has none or a wrong one";
            let refusal = refuse(outcome, StatusCode::UNAUTHORIZED, error);
            return ([(WWW_AUTHENTICATE, "Bearer")], refusal).into_response();
        }
    }
    // Before it is clear that this is a WebSocket: a page asks by an ordinary request why one would be refused.
    if let Some(Err(error)) = front.quota.as_ref().map(|quota| quota(&account, from.ip())) {
        front.counts.refuse_user(from.ip(), account.user(), TunnelOutcome::Quota, &error);
        return refusal(StatusCode::TOO_MANY_REQUESTS, &error);
    }
    let limits = rules.tokens.users.as_ref().and_then(|users| users.limits(&account));
    let limit = limits.and_then(|limits| limits.tunnels);
    let Some(of_account) = front.account_limit.acquire(&account, limit) else {
        let error = match account.user() {
            Some(_) => "you have as many tunnels as this bridge allows you: close one",
            None => {
                "as many tunnels without a token are open as this bridge allows: try again later"
            }
        };
        let outcome = TunnelOutcome::UserFull;
        front.counts.refuse_user(from.ip(), account.user(), outcome, error);
        return refusal(StatusCode::TOO_MANY_REQUESTS, error);
    };
    let mut accepted = match create_response_with_body(&request, Body::empty) {
        Ok(accepted) => accepted,
        // Browsers log every other status as an error of the page.
        Err(_) if request.uri().query() == Some(CHECK) => {
            return StatusCode::NO_CONTENT.into_response();
        }
        Err(error) => {
            let (outcome, status) = (TunnelOutcome::NotATunnel, StatusCode::UPGRADE_REQUIRED);
            let refusal = refuse(outcome, status, &error.to_string());
            return ([(UPGRADE, "websocket"), (SEC_WEBSOCKET_VERSION, "13")], refusal)
                .into_response();
        }
    };
    if !offered(headers).any(|offer| offer == SUBPROTOCOL) {
        let error = other_subprotocol(headers);
        return refuse(TunnelOutcome::NotATunnel, StatusCode::BAD_REQUEST, &error);
    }
    accepted.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    if front.draining.is_cancelled() {
        let error = "this bridge is about to stop: connect anew";
        return refusal(StatusCode::SERVICE_UNAVAILABLE, error);
    }
    let permit = match front.tunnel_limit.acquire(Some(from.ip())) {
        Ok(permit) => permit,
        Err(Full::Total) => {
            let error = "this bridge has as many tunnels as it allows: try again later";
            return refuse(TunnelOutcome::Full, StatusCode::SERVICE_UNAVAILABLE, error);
        }
        Err(Full::PerAddress) => {
            let error = "your address has as many tunnels as this bridge allows";
            return refuse(TunnelOutcome::AddressFull, StatusCode::TOO_MANY_REQUESTS, error);
        }
    };
    drop(rules);
    if let Some(hook) = &front.hook {
        let (outcome, status, error) =
            match hook.ask(&Asked::tunnel(from.ip(), account.user())).await {
                Answer::Failed if hook.on_failure() == HookFailure::Deny => {
                    let error = "this bridge cannot find out if you may use it: try again later";
                    (TunnelOutcome::HookFailed, StatusCode::SERVICE_UNAVAILABLE, error.to_owned())
                }
                Answer::Deny(reason) if !reason.is_empty() => {
                    let error = format!("refused: {}", Quoted(&reason));
                    (TunnelOutcome::Hook, StatusCode::FORBIDDEN, error)
                }
                Answer::Deny(_) | Answer::NeedKey => {
                    let error = "refused: this bridge's operator does not admit you".to_owned();
                    (TunnelOutcome::Hook, StatusCode::FORBIDDEN, error)
                }
                Answer::Allow | Answer::Failed => {
                    (TunnelOutcome::Opened, StatusCode::OK, String::new())
                }
            };
        if outcome != TunnelOutcome::Opened {
            front.counts.refuse_user(from.ip(), account.user(), outcome, &error);
            return refusal(status, &error);
        }
    }
    front.counts.add(TunnelOutcome::Opened);
    // Boxed: tokio rounds the memory of a task up, here by more than this takes.
    let guards = Box::new((permit, of_account, front.tunnels.token()));
    let upgrade = hyper::upgrade::on(&mut request);
    let serve = async move {
        match upgrade.await {
            Ok(socket) => {
                let (at, closing) = (ends.reached_at, front.closing.clone());
                let bytes = WsBytes::new(socket, at, account, closing);
                tokio::select! {
                    () = (front.tunnel)(bytes, from) => {}
                    () = front.abort.cancelled() => {}
                }
            }
            Err(error) => debug!(%error, "the tunnel ended before it started"),
        }
        drop(guards);
    };
    tokio::spawn(serve.instrument(info_span!("tunnel", %from)));
    accepted
}

/// Names the subprotocols offered, except a token, which must stay secret.
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

fn refusal(status: StatusCode, error: &str) -> Response {
    (status, format!("{error}\n")).into_response()
}
