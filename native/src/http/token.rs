//! The tokens that tunnels may need. A token is never part of a URL: those end up in logs and histories.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use xcher_core::registry::{Account, Users};

use super::subprotocol::offered;

/// The tokens with which tunnels can be opened.
pub(super) struct Tokens {
    /// The bridge's own.
    own: Option<Box<[u8]>>,
    /// Those of users.
    pub(super) users: Option<Arc<Users>>,
}

/// The prefix of a subprotocol with a token, the form of a browser, which cannot set headers; base64url without
/// padding follows.
const TOKEN_PREFIX: &str = "token.";

impl Tokens {
    pub(super) fn new(own: Option<&str>, users: Option<Arc<Users>>) -> Self {
        Self { own: own.map(|token| token.as_bytes().into()), users }
    }

    /// Returns true if a tunnel needs a token.
    pub(super) fn are_needed(&self) -> bool {
        match &self.users {
            Some(users) => !users.allows_anonymous(),
            None => self.own.is_some(),
        }
    }

    /// Returns true if there are tokens.
    pub(super) fn are_checked(&self) -> bool {
        self.own.is_some() || self.users.is_some()
    }

    /// Returns what a request brings: a valid token only if it brings no other, so that it is at most one guess. The
    /// time that this takes reveals at most the length of the bridge's token.
    pub(super) fn check(&self, headers: &HeaderMap) -> Given {
        let bearer = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked(7))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
            .map(|(_, token)| Some(token.to_vec()));
        let offered = offered(headers)
            .filter_map(|offer| offer.strip_prefix(TOKEN_PREFIX))
            .map(|token| URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok());
        bearer.into_iter().chain(offered).fold(Given::None, |given, token| {
            let account = token.and_then(|token| self.account_of(&token));
            match (given, account) {
                (Given::None, Some(account)) => Given::Of(account),
                (Given::Of(one), Some(other)) if one == other => Given::Of(one),
                _ => Given::Wrong,
            }
        })
    }

    fn account_of(&self, token: &[u8]) -> Option<Account> {
        if self.own.as_ref().is_some_and(|own| bool::from(token.ct_eq(own))) {
            return Some(Account::Unnamed);
        }
        let user = self.users.as_ref()?.by_token(std::str::from_utf8(token).ok()?)?;
        Some(Account::User(user.name.clone()))
    }
}

/// The token of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// None.
    None,
    /// A valid token, of this account.
    Of(Account),
    /// Another one: a guess.
    Wrong,
}
