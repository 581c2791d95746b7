//! The secret that a tunnel may need. Never in a URL: those end in logs and histories.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::subprotocol::offered;

/// The token, in both forms in which it comes.
pub(super) struct Token {
    plain: Box<[u8]>,
    /// What a browser, which can set no header, offers as a subprotocol.
    encoded: Box<[u8]>,
}

/// The subprotocol that brings a token starts so; base64url without padding follows.
const OFFER: &str = "token.";

impl Token {
    pub(super) fn new(token: &str) -> Self {
        Self {
            plain: token.as_bytes().into(),
            encoded: URL_SAFE_NO_PAD.encode(token).into_bytes().into(),
        }
    }

    /// Whether a request brings it. How long that takes tells the token's length at most.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let bearer = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked(7))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
            .is_some_and(|(_, token)| token.ct_eq(&self.plain).into());
        bearer
            || offered(headers)
                .filter_map(|offer| offer.strip_prefix(OFFER))
                .any(|token| token.trim_end_matches('=').as_bytes().ct_eq(&self.encoded).into())
    }
}
