//! Who may ask: no web page, no name that a name server could point here, and nobody without the token.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, ORIGIN, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;
use xcher_core::registry::TokenHash;

use super::server::Client;
use crate::http::guesses::Guesses;
use crate::http::{needs_no_name_server, requested_host};

/// The paths that need no token: load balancers and service managers ask them.
const OPEN_PATHS: [&str; 2] = ["/healthz", "/readyz"];
/// Tells that a request was caused by a page. Browsers send it since 2020 or later, Safari since 2023.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

struct Guard {
    token: Option<String>,
    guesses: Guesses,
}

/// Puts the checks before the routes.
pub(super) fn guarded(router: Router, token: Option<String>) -> Router {
    let guard = Arc::new(Guard { token, guesses: Guesses::default() });
    router.layer(from_fn_with_state(guard, check))
}

async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let client = request.extensions().get::<Client>().copied().unwrap_or(Client(None));
    let mut response = match guard.refusal(client, request.uri().path(), request.headers()) {
        None => next.run(request).await,
        Some((StatusCode::UNAUTHORIZED, reason)) => {
            let status = StatusCode::UNAUTHORIZED;
            (status, [(WWW_AUTHENTICATE, "Bearer")], format!("{reason}\n")).into_response()
        }
        Some((status, reason)) => (status, format!("{reason}\n")).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Guard {
    fn refusal(
        &self,
        Client(client): Client,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<(StatusCode, &'static str)> {
        let is_of_a_page = headers.contains_key(ORIGIN)
            || headers.get(SEC_FETCH_SITE).is_some_and(|site| site != "none");
        if is_of_a_page {
            return Some((StatusCode::FORBIDDEN, "refused: web pages have no access here"));
        }
        let Some(token) = &self.token else {
            // Without a token, the name in the request shows that no foreign page was pointed here (DNS
            // rebinding). A Unix socket cannot be named by a page.
            let is_named =
                || requested_host(headers).is_some_and(|host| needs_no_name_server(&host));
            return (client.is_some() && !is_named()).then_some((
                StatusCode::MISDIRECTED_REQUEST,
                "refused: use the IP address of this listener or localhost, not a name",
            ));
        };
        if OPEN_PATHS.contains(&path) {
            return None;
        }
        let given = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked(7))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
            .map(|(_, given)| (given, bool::from(given.ct_eq(token.as_bytes()))));
        let wrong = given.filter(|(_, is_right)| !is_right).map(|(given, _)| TokenHash::of(given));
        let given = given.map(|(_, is_right)| is_right);
        if let Some(client) = client
            && !self.guesses.admit(client, wrong, Instant::now())
        {
            let reason = "refused: too many wrong tokens from your address, wait a minute";
            return Some((StatusCode::TOO_MANY_REQUESTS, reason));
        }
        match given {
            Some(true) => None,
            Some(false) => Some((StatusCode::UNAUTHORIZED, "refused: the token is wrong")),
            None => Some((StatusCode::UNAUTHORIZED, "refused: this listener needs its token")),
        }
    }
}
