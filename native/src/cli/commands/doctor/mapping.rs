//! Whether the router forwards ports on request (`--map-ports`).

use std::net::IpAddr;

use super::nat::Nat;
use crate::cli::ui::finding::{Check, Facts, Finding, State};
use crate::port_mapping;

/// What was found.
pub(super) struct Mapping {
    /// True if others can connect to a port that the router forwards.
    pub(super) helps: bool,
    pub(super) finding: Finding,
}

/// Asks the router, if a NAT is between this host and the relay, which sees it at `seen`.
pub(super) async fn check(nat: Option<&Nat>, seen: Option<IpAddr>) -> Mapping {
    let useless = |state, text: &str| {
        let finding = Finding::new(Check::Mapping, state, text);
        Mapping { helps: false, finding }
    };
    match (nat, seen) {
        (Some(Nat::None), _) => useless(State::Skipped, "not needed: no NAT is in between"),
        (None, _) | (_, None) => {
            useless(State::Skipped, "not checked: nobody says where this host is seen")
        }
        (Some(_), Some(seen)) => match port_mapping::try_router().await {
            Ok(external) => Mapping { helps: external == seen, finding: granted(external, seen) },
            Err(why) => {
                useless(State::Warning, &format!("the router forwards no ports on request ({why})"))
            }
        },
    }
}

fn granted(external: IpAddr, seen: IpAddr) -> Finding {
    let (state, text) = match external == seen {
        true => (
            State::Ok,
            format!(
                "the router forwards ports of {external} on request; --map-ports makes use of it"
            ),
        ),
        false => (
            State::Warning,
            format!(
                "the router forwards ports of {external}, but the relay sees this host at {seen}: another NAT \
                 is behind it, so --map-ports does not help"
            ),
        ),
    };
    let facts = Facts { seen: Some(external.to_string()), ..Facts::default() };
    Finding::new(Check::Mapping, state, text).with(facts)
}
