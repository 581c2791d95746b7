//! What became of requests for tunnels, and of requests that are refused before.

use std::net::IpAddr;
use std::time::Instant;

use tracing::info;
use xcher_core::registry::UserName;

use crate::net::log_line::{self, LineLimit};
use crate::tally::Tally;

/// What became of a request for a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TunnelOutcome {
    /// The tunnel is open.
    Opened,
    /// The operator banned the address.
    Banned,
    /// The operator's lists do not allow the address.
    NotAllowed,
    /// The request, for whatever, has a host name that is not this server's.
    HostName,
    /// The page has another origin.
    Origin,
    /// A proxy is not trusted, or sends no address.
    Proxy,
    /// The request has no token.
    NoToken,
    /// The token is wrong.
    WrongToken,
    /// The address sent too many wrong tokens.
    TokenRate,
    /// The operator's hook refused it.
    Hook,
    /// The operator's hook did not answer.
    HookFailed,
    /// It is not a WebSocket, or one of another subprotocol.
    NotATunnel,
    /// There are as many tunnels as the limits allow.
    Full,
    /// The address has as many tunnels as the limits allow.
    AddressFull,
    /// The quota of its account, or of all tunnels, is used up.
    Quota,
    /// The user has as many tunnels as the limits of that user allow.
    UserFull,
    /// The address has as many connections without a tunnel as the limits allow.
    TooManyConnections,
    /// The TLS handshake failed.
    Tls,
}

impl TunnelOutcome {
    /// All values, each at its index.
    pub(crate) const ALL: [Self; 18] = [
        Self::Opened,
        Self::Banned,
        Self::NotAllowed,
        Self::HostName,
        Self::Origin,
        Self::Proxy,
        Self::NoToken,
        Self::WrongToken,
        Self::TokenRate,
        Self::Hook,
        Self::HookFailed,
        Self::NotATunnel,
        Self::Full,
        Self::AddressFull,
        Self::Quota,
        Self::UserFull,
        Self::TooManyConnections,
        Self::Tls,
    ];

    /// Returns the name of the outcome for programs.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Banned => "banned",
            Self::NotAllowed => "not_allowed",
            Self::HostName => "host_name",
            Self::Origin => "origin",
            Self::Proxy => "proxy",
            Self::NoToken => "no_token",
            Self::WrongToken => "wrong_token",
            Self::TokenRate => "token_rate",
            Self::Hook => "hook",
            Self::HookFailed => "hook_failed",
            Self::NotATunnel => "not_a_tunnel",
            Self::Full => "full",
            Self::AddressFull => "address_full",
            Self::Quota => "quota",
            Self::UserFull => "user_full",
            Self::TooManyConnections => "too_many_connections",
            Self::Tls => "tls",
        }
    }
}

/// What has happened since the server started.
#[derive(Debug, Default)]
pub(super) struct Counts {
    outcomes: Tally<{ TunnelOutcome::ALL.len() }>,
    lines: LineLimit,
}

impl Counts {
    pub(super) fn add(&self, outcome: TunnelOutcome) {
        self.outcomes.add(outcome as usize);
    }

    /// Counts and logs a refusal. `reason` has no secrets, and what it quotes is escaped.
    pub(super) fn refuse(&self, client: IpAddr, outcome: TunnelOutcome, reason: &str) {
        self.refuse_user(client, None, outcome, reason);
    }

    /// As [`Self::refuse`], of a user who is known.
    pub(super) fn refuse_user(
        &self,
        client: IpAddr,
        user: Option<&UserName>,
        outcome: TunnelOutcome,
        reason: &str,
    ) {
        self.add(outcome);
        if let Some(left_out) = self.lines.admit(Instant::now()) {
            info!(
                target: log_line::REFUSAL,
                parent: None,
                address = %client,
                user = user.map(UserName::as_str),
                outcome = outcome.label(),
                reason,
                left_out = (left_out > 0).then_some(left_out),
                "refusal"
            );
        }
    }

    /// Returns the number of each outcome, in the order of [`TunnelOutcome::ALL`].
    #[cfg(feature = "cli")]
    pub(super) fn all(&self) -> [u64; TunnelOutcome::ALL.len()] {
        self.outcomes.all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_at_its_index() {
        for (at, outcome) in TunnelOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, at, "{outcome:?}");
        }
    }
}
