//! The state of a relay or bridge in numbers, as `xcher relay status` shows it.

use serde::{Deserialize, Serialize};

use crate::bridge::QuotaState;

/// The state at one moment. What a server does not have is left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) version: String,
    pub(crate) uptime_seconds: u64,
    pub(crate) ready: bool,
    /// Why it is not ready.
    pub(crate) reasons: Vec<Reason>,
    /// Bans in force.
    pub(crate) bans: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) relay: Option<RelayStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bridge: Option<BridgeStatus>,
    /// What the bridge has carried in this month, if it has quotas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quota: Option<QuotaStatus>,
}

/// A reason for not being ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reason {
    /// Stays the same for programs.
    pub(crate) name: String,
    /// For people.
    pub(crate) why: String,
}

/// The part of a relay. Numbers of calls and bytes are those since the start.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct RelayStatus {
    pub(crate) connections: usize,
    pub(crate) max_connections: usize,
    /// Nicks online, those of codes included.
    pub(crate) nicks: usize,
    /// The users that the relay admits, if not everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) users: Option<usize>,
    /// Those of them that have connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) users_online: Option<usize>,
    pub(crate) calls_delivered: u64,
    pub(crate) calls_refused: u64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
}

/// The part of a bridge. Numbers of bytes are those since the start.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct BridgeStatus {
    pub(crate) tunnels: usize,
    pub(crate) streams: usize,
    pub(crate) allocated_ports: usize,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
}

/// What all tunnels have carried in a month.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct QuotaStatus {
    /// `YYYY-MM`, UTC.
    pub(crate) month: String,
    pub(crate) bytes: u64,
    /// The most bytes, if there is a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u64>,
    /// Tunnels and streams that were refused since the start.
    pub(crate) refused: u64,
}

impl QuotaStatus {
    pub(super) fn of(state: &QuotaState) -> Self {
        let QuotaState { month, bytes, limit, refused, .. } = *state;
        Self { month: month.to_string(), bytes, limit, refused }
    }
}
