//! The token that a tunnel may need. It is never part of a URL: those end up in logs and histories.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::subprotocol::offered;

/// The token, in both forms that a request can have.
pub(super) struct Token {
    plain: Box<[u8]>,
    /// The form that a browser, which cannot set headers, offers as a subprotocol.
    encoded: Box<[u8]>,
}

/// The prefix of a subprotocol with a token; base64url without padding follows.
const TOKEN_PREFIX: &str = "token.";

impl Token {
    pub(super) fn new(token: &str) -> Self {
        Self {
            plain: token.as_bytes().into(),
            encoded: URL_SAFE_NO_PAD.encode(token).into_bytes().into(),
        }
    }

    /// Returns what a request brings: the token only if it brings no other, so that it is at most one guess. The
    /// time that this takes reveals at most the token's length.
    pub(super) fn check(&self, headers: &HeaderMap) -> Given {
        let bearer = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked(7))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
            .map(|(_, token)| bool::from(token.ct_eq(&self.plain)));
        let is_right =
            |token: &str| token.trim_end_matches('=').as_bytes().ct_eq(&self.encoded).into();
        let offered =
            offered(headers).filter_map(|offer| offer.strip_prefix(TOKEN_PREFIX)).map(is_right);
        bearer.into_iter().chain(offered).fold(Given::None, |given, is_right| match is_right {
            true => given.max(Given::Correct),
            false => Given::Wrong,
        })
    }
}

/// The token of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Given {
    /// None.
    None,
    /// The correct token.
    Correct,
    /// Another one: a guess.
    Wrong,
}
