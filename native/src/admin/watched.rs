//! A part of a process that an operator watches: the relay, the bridge, its HTTP server; and what is added
//! later, such as the state of a cluster.

use std::fmt;

use xcher_core::registry::{Asked, Rule};

use super::metrics::Families;
use super::status::{BridgeStatus, QuotaStatus, Reason, RelayStatus, Status};
use crate::bridge::Bridge;
use crate::hook::{Hook, HookCounts, HookOutcome};
use crate::http::Http;
use crate::relay::Relay;
use crate::stun::{Stun, StunOutcome};

/// A part of a process that an operator watches.
pub(crate) trait Watched: Send + Sync {
    /// Writes its metrics.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    fn encode(&self, families: &mut Families<'_>) -> fmt::Result;

    /// Adds its part of the status, and the reasons why it is not ready.
    fn add_to(&self, status: &mut Status);
}

impl Watched for Hook {
    fn encode(&self, families: &mut Families<'_>) -> fmt::Result {
        let HookCounts { outcomes, time } = self.counts();
        let outcomes = HookOutcome::ALL.into_iter().map(HookOutcome::label).zip(outcomes);
        let help = "Questions to the hook, by their outcome";
        families.counters("xcher_hook_requests", help, "outcome", outcomes)?;
        let help = "Time that questions to the hook took, altogether";
        families.counter_f64("xcher_hook_seconds", help, time.as_secs_f64())
    }

    /// A hook that does not answer is no reason to send clients elsewhere: other relays ask it, too.
    fn add_to(&self, _: &mut Status) {}
}

impl Watched for Stun {
    fn encode(&self, families: &mut Families<'_>) -> fmt::Result {
        let outcomes = StunOutcome::ALL.into_iter().map(StunOutcome::label).zip(self.outcomes());
        let help = "Datagrams at the port for STUN, by their outcome";
        families.counters("xcher_stun_requests", help, "outcome", outcomes)
    }

    /// Without it browsers have the bridge.
    fn add_to(&self, _: &mut Status) {}
}

fn not_ready(status: &mut Status, name: &str, why: String) {
    status.reasons.push(Reason { name: name.to_owned(), why });
}

impl Watched for Relay {
    fn encode(&self, families: &mut Families<'_>) -> fmt::Result {
        families.relay(&self.state())
    }

    fn add_to(&self, status: &mut Status) {
        let state = self.state();
        if !state.accepts {
            let why = "the relay accepts no connections; the log may say why".to_owned();
            not_ready(status, "relay", why);
        }
        if state.connections >= state.max_connections {
            let why = format!("the relay has {} connections, its limit", state.connections);
            not_ready(status, "full", why);
        }
        let refused = Rule::ALL.into_iter().map(|rule| state.counts.refused(Asked::Init, rule));
        status.bans = status.bans.max(state.bans);
        status.relay = Some(RelayStatus {
            connections: state.connections,
            max_connections: state.max_connections,
            nicks: state.nicks,
            users: state.users.map(|(all, _)| all),
            users_online: state.users.map(|(_, online)| online),
            calls_delivered: state.counts.called,
            calls_refused: refused.sum(),
            bytes_received: state.counts.received,
            bytes_sent: state.counts.sent,
        });
    }
}

impl Watched for Bridge {
    fn encode(&self, families: &mut Families<'_>) -> fmt::Result {
        families.bridge(&self.state())?;
        families.quotas(&self.quota_state())
    }

    fn add_to(&self, status: &mut Status) {
        let state = self.state();
        status.bridge = Some(BridgeStatus {
            tunnels: state.tunnels,
            streams: state.streams,
            allocated_ports: state.ports,
            bytes_received: state.received,
            bytes_sent: state.sent,
        });
        let quota = self.quota_state();
        status.quota = quota.is_limited.then(|| QuotaStatus::of(&quota));
    }
}

impl Watched for Http {
    fn encode(&self, families: &mut Families<'_>) -> fmt::Result {
        families.http(&self.outcomes())
    }

    fn add_to(&self, status: &mut Status) {
        if !self.accepts() {
            let why = "the bridge accepts no connections; the log may say why".to_owned();
            not_ready(status, "bridge", why);
        }
        status.bans = status.bans.max(self.bans().len());
    }
}
