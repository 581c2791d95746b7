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

    /// What a request brings: the token, where it brings nothing else, so that it is one guess at most. How
    /// long that takes tells the token's length at most.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> Given {
        let bearer = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked(7))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
            .map(|(_, token)| bool::from(token.ct_eq(&self.plain)));
        let right =
            |token: &str| token.trim_end_matches('=').as_bytes().ct_eq(&self.encoded).into();
        let offered = offered(headers).filter_map(|offer| offer.strip_prefix(OFFER)).map(right);
        bearer.into_iter().chain(offered).fold(Given::None, |given, is_right| match is_right {
            true => given.max(Given::Right),
            false => Given::Other,
        })
    }
}

/// What a request brings as a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Given {
    /// Nothing.
    None,
    /// The token.
    Right,
    /// Another one: a guess.
    Other,
}
