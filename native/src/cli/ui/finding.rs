//! One thing that was checked: a line for people, and an object for programs.

use serde::Serialize;

/// What was found, and what it means.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    check: Check,
    state: State,
    text: String,
    #[serde(flatten)]
    facts: Facts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Check {
    Relay,
    Bridge,
    Lan,
    Address,
    Nat,
    Mapping,
    Ipv6,
    Direct,
    Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It works.
    Ok,
    /// It works with a reservation, or does not work and need not.
    Warning,
    /// It does not work.
    Failed,
    /// It was not checked.
    Skipped,
}

/// What programs want to know of a finding.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Facts {
    /// The address of the relay, or the URL of the bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) round_trip_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// The key by which the relay knows this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host_key: Option<String>,
    /// The day on which the key was first seen, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<String>,
    /// The number of other hosts of the local network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hosts: Option<usize>,
    /// This host's own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) own: Option<String>,
    /// The address at which the relay sees this host, or the router's external one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seen: Option<String>,
    /// One word for what was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
}

impl Finding {
    pub(crate) fn new(check: Check, state: State, text: impl Into<String>) -> Self {
        Self { check, state, text: text.into(), facts: Facts::default() }
    }

    pub(crate) fn with(self, facts: Facts) -> Self {
        Self { facts, ..self }
    }

    /// Returns the line for people.
    pub(crate) fn line(&self) -> String {
        let check = match self.check {
            Check::Relay => "relay",
            Check::Bridge => "bridge",
            Check::Lan => "local network",
            Check::Address => "address",
            Check::Nat => "NAT",
            Check::Mapping => "port mapping",
            Check::Ipv6 => "IPv6",
            Check::Direct => "direct",
            Check::Verdict => "verdict",
        };
        let state = match self.state {
            State::Ok => "ok",
            State::Warning => "!",
            State::Failed => "no",
            State::Skipped => "-",
        };
        format!("{check:<14}{state:<4}{}", self.text)
    }
}
