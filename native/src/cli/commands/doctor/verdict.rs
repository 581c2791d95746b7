//! What all findings mean together: who can connect to this host, and whether files can be exchanged.

use std::net::IpAddr;

use xcher_core::addr::{Scope, scope};

use super::nat::Nat;
use super::outside::Outside;
use super::subjects::Subjects;
use crate::cli::ui::finding::{Check, Facts, Finding, State};

/// What the verdict depends on.
pub(super) struct Verdict {
    /// True if other commands reach the relay with the same options.
    works: bool,
    /// The relay or bridge that they use.
    used: Option<String>,
    /// The URL of a bridge that works and that is not what they use.
    other_bridge: Option<String>,
    has_bridge: bool,
    lan: bool,
    nat: Option<Nat>,
    seen: Option<IpAddr>,
    mapping_helps: bool,
    supports_hole_punching: bool,
}

impl Verdict {
    pub(super) fn new(
        subjects: &Subjects,
        outside: &Outside,
        lan: bool,
        mapping_helps: bool,
    ) -> Self {
        let tcp = outside.relay.as_ref().and_then(|relay| relay.as_ref().ok());
        let bridge = outside.bridge.as_ref().and_then(|bridge| bridge.as_ref().ok());
        let bridge = bridge.filter(|bridge| bridge.relay.is_ok());
        let through = bridge.and_then(|bridge| bridge.relay.as_ref().ok());
        let uses_bridge = subjects.used.as_ref().is_some_and(|used| used.bridge().is_some());
        let answers = tcp.map(|tcp| &tcp.answers).or(through);
        Self {
            works: if uses_bridge { bridge.is_some() } else { tcp.is_some() },
            used: subjects.used.as_ref().map(ToString::to_string),
            other_bridge: bridge.filter(|_| !uses_bridge).map(|bridge| bridge.address.to_string()),
            has_bridge: bridge.is_some(),
            lan,
            nat: outside.nat.clone(),
            seen: outside.seen.map(|(seen, _)| seen),
            mapping_helps,
            supports_hole_punching: answers.is_some_and(|answers| answers.supports_hole_punching),
        }
    }

    /// Returns true if files can be exchanged with the same options.
    pub(super) fn is_good(&self) -> bool {
        match self.used {
            Some(_) => self.works,
            None => self.lan,
        }
    }

    /// Says whether others can connect to this host directly.
    pub(super) fn direct(&self) -> Finding {
        let otherwise = match self.has_bridge {
            true => "the bridge carries the rest",
            false => "no bridge carries the rest",
        };
        let (state, kind, text) = match (&self.nat, self.seen.map(scope)) {
            _ if !self.is_good() => {
                (State::Failed, "no", "others cannot connect to this host".to_owned())
            }
            _ if self.used.is_none() => (
                State::Ok,
                "lan",
                "hosts of the local network connect to this host directly".into(),
            ),
            (Some(Nat::None), Some(Scope::Global)) => (
                State::Ok,
                "yes",
                "others can connect to this host directly, unless a firewall is in between".into(),
            ),
            (Some(Nat::None), _) => (
                State::Ok,
                "near",
                "hosts of the relay's own network or machine can connect to this host directly"
                    .into(),
            ),
            (Some(_), _) if self.mapping_helps => (
                State::Ok,
                "mapping",
                "others can connect to this host directly when it calls them with --map-ports"
                    .into(),
            ),
            (Some(Nat::EndpointIndependent), _) if self.supports_hole_punching => (
                State::Ok,
                "punching",
                format!(
                    "most others can connect to this host directly, by hole punching; {otherwise}"
                ),
            ),
            (Some(Nat::EndpointDependent), _) if self.supports_hole_punching => (
                State::Warning,
                "rarely",
                format!("only hosts without a strict NAT can connect directly; {otherwise}"),
            ),
            (Some(Nat::Unknown(_)), _) if self.supports_hole_punching => {
                (State::Warning, "unknown", format!("hole punching may work, or not; {otherwise}"))
            }
            (Some(_), _) => (
                State::Warning,
                "no",
                format!("this relay does not help with hole punching; {otherwise}"),
            ),
            (None, _) => (State::Warning, "unknown", format!("unknown; {otherwise}")),
        };
        Finding::new(Check::Direct, state, text)
            .with(Facts { kind: Some(kind), ..Facts::default() })
    }

    /// Says whether files can be exchanged, and what to do.
    pub(super) fn verdict(&self) -> Finding {
        let has_nat = !matches!(self.nat, Some(Nat::None));
        let (state, text) = match (self.is_good(), &self.used, &self.other_bridge) {
            (true, None, _) => (
                State::Ok,
                "files can be exchanged in the local network; for hosts elsewhere name a relay with --relay"
                    .to_owned(),
            ),
            (true, Some(_), Some(bridge)) if has_nat => (
                State::Ok,
                format!(
                    "files can be exchanged; with --relay {bridge} the bridge carries what cannot go directly"
                ),
            ),
            (true, Some(_), _) if has_nat && !self.has_bridge => (
                State::Warning,
                "files can be exchanged with hosts that others can connect to; for all others the relay needs \
                 a bridge"
                    .to_owned(),
            ),
            (true, Some(_), _) => (State::Ok, "files can be exchanged".to_owned()),
            (false, Some(used), Some(bridge)) => (
                State::Failed,
                format!("no files can be exchanged by {used}; use the bridge: --relay {bridge}"),
            ),
            (false, Some(used), None) => {
                let lan = match self.lan {
                    true => "; without --relay, hosts of the local network can be reached",
                    false => "",
                };
                let text = format!(
                    "no files can be exchanged by {used}; check that address, and that no firewall is in \
                     between{lan}"
                );
                (State::Failed, text)
            }
            (false, None, _) => (
                State::Failed,
                "no files can be exchanged; start a relay with `xcher relay`, or name one with --relay"
                    .to_owned(),
            ),
        };
        Finding::new(Check::Verdict, state, text)
    }
}
