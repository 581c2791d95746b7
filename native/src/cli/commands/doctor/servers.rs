//! Findings about the relay and its bridge, and about the way to them.

use std::time::Duration;

use xcher_core::secure::{Identity, PublicKey};

use super::nat::Nat;
use super::outside::Outside;
use super::relay_answers::RelayAnswers;
use super::subjects::Subjects;
use crate::cli::options::Common;
use crate::cli::ui::finding::{Check, Facts, Finding, State};
use crate::keys::KnownPeers;
use crate::keys::identity::{self, KeyOwner};
use crate::relay_address::RelayAddress;

pub(super) fn relay(common: &Common, subjects: &Subjects, outside: &Outside) -> Finding {
    let finding = |state, text: String| Finding::new(Check::Relay, state, text);
    let (Some(used), Some(subject)) = (&subjects.used, &subjects.relay) else {
        let text = match &common.named_relay {
            Some(_) => "not checked: the local network needs none".to_owned(),
            None => format!("none is named, and none is on this machine at {}", common.relay),
        };
        return finding(State::Skipped, text);
    };
    let here = if common.named_relay.is_none() { " on this machine (none is named)" } else { "" };
    let through = outside.bridge.as_ref().and_then(|bridge| bridge.as_ref().ok());
    match (&outside.relay, through) {
        (Some(Ok(tcp)), _) => {
            let at = &subject.address;
            answers(common, used, &tcp.answers, format!("{at}{here} answers"))
        }
        (Some(Err(why)), _) if !subject.is_guess => {
            let text = format!("{}{here} does not answer: {why}", subject.address);
            finding(State::Failed, text).with(server(&subject.address))
        }
        (_, Some(bridge)) => match &bridge.relay {
            Ok(own) => {
                let at = &subject.address;
                let text = format!("its TCP port is not at {at}; through the bridge it answers");
                answers(common, used, own, text)
            }
            Err(why) => finding(State::Failed, format!("the bridge has no working relay: {why}")),
        },
        _ => finding(State::Failed, "not reached, because its bridge does not work".into()),
    }
}

fn answers(common: &Common, used: &RelayAddress, answers: &RelayAnswers, start: String) -> Finding {
    let (state, about_key, since) = key(common, used, answers.key);
    let mut text = format!("{start} in {}; {about_key}", milliseconds(answers.round_trip));
    let host_key = answers.key.and_then(|relay| own_key(common, relay)).map(|key| key.to_string());
    if let Some(key) = &host_key {
        text += &format!("; it knows this host by the key {key}");
    }
    let key = answers.key.map(|key| key.to_string());
    let facts = Facts { key, host_key, since, ..server(used) };
    Finding::new(Check::Relay, state, text).with(timed(facts, answers.round_trip))
}

/// Returns the key by which the relay with this key knows this host, once this host has a key.
fn own_key(common: &Common, relay: PublicKey) -> Option<PublicKey> {
    let folder = common.data_folder().ok()?;
    if !identity::exists(&folder, KeyOwner::Host) {
        return None;
    }
    let secret = identity::load_or_create(&folder, KeyOwner::Host).ok()?;
    Some(Identity::new(*secret).key_at_relay(relay))
}

/// Compares the relay's key with the one that this host has kept.
fn key(
    common: &Common,
    used: &RelayAddress,
    key: Option<PublicKey>,
) -> (State, String, Option<String>) {
    let known = common.data_folder().ok().and_then(|folder| KnownPeers::open(&folder).ok());
    let known = known.and_then(|known| known.relay(used).ok().flatten());
    match (key, known) {
        (Some(key), Some((before, since))) if key == before => {
            (State::Ok, format!("its key is known since {since}"), Some(since.to_string()))
        }
        (_, Some((before, since))) => (
            State::Warning,
            format!(
                "its key is not the one known since {since}, {before}: it was set up anew, or somebody is in \
                 between"
            ),
            Some(since.to_string()),
        ),
        (Some(_), None) => (State::Ok, "its key is new to this host".to_owned(), None),
        (None, None) => (State::Ok, "it has no key".to_owned(), None),
    }
}

pub(super) fn bridge(subjects: &Subjects, outside: &Outside) -> Finding {
    let finding = |state, text: String| Finding::new(Check::Bridge, state, text);
    let is_guess = subjects.bridges.iter().all(|subject| subject.is_guess);
    match &outside.bridge {
        None => finding(State::Skipped, "not checked: there is no relay".into()),
        Some(Ok(bridge)) => {
            let certificate = if bridge.has_tls { "its certificate is valid, " } else { "" };
            let text = format!(
                "{} answers in {}; {certificate}the WebSocket works",
                bridge.address,
                milliseconds(bridge.round_trip)
            );
            finding(State::Ok, text).with(timed(server(&bridge.address), bridge.round_trip))
        }
        Some(Err(why)) if is_guess => {
            let tried: Vec<_> =
                subjects.bridges.iter().map(|subject| subject.address.to_string()).collect();
            finding(State::Warning, format!("none found; tried {} ({why})", tried.join(", ")))
        }
        Some(Err(why)) => {
            let address = subjects.bridges.first().map(|subject| &subject.address);
            let facts = address.map(server).unwrap_or_default();
            finding(State::Failed, why.clone()).with(facts)
        }
    }
}

pub(super) fn address(outside: &Outside) -> Finding {
    let finding = |state, text: String| Finding::new(Check::Address, state, text);
    let Some((seen, own)) = outside.seen else {
        return finding(State::Skipped, "unknown: nobody says where this host is seen".into());
    };
    let text = match seen == own {
        true => format!("the relay sees this host at {seen}, its own address"),
        false => format!("the relay sees this host at {seen}; its own address is {own}"),
    };
    let facts =
        Facts { seen: Some(seen.to_string()), own: Some(own.to_string()), ..Facts::default() };
    finding(State::Ok, text).with(facts)
}

pub(super) fn nat(outside: &Outside) -> Finding {
    let (state, kind, text) = match &outside.nat {
        None => (State::Skipped, None, "unknown: nobody says where this host is seen".to_owned()),
        Some(Nat::None) => (State::Ok, Some("none"), "none between this host and the relay".into()),
        Some(Nat::EndpointIndependent) => (
            State::Ok,
            Some("endpoint-independent"),
            "keeps one outside port for all destinations (endpoint-independent mapping), as hole punching \
             needs"
                .into(),
        ),
        Some(Nat::EndpointDependent) => (
            State::Warning,
            Some("endpoint-dependent"),
            "takes another outside port for each destination (a symmetric NAT), which hole punching cannot \
             foresee"
                .into(),
        ),
        Some(Nat::Unknown(why)) => {
            (State::Warning, Some("unknown"), format!("there is one, of unknown kind: {why}"))
        }
    };
    Finding::new(Check::Nat, state, text).with(Facts { kind, ..Facts::default() })
}

fn server(address: &RelayAddress) -> Facts {
    Facts { server: Some(address.to_string()), ..Facts::default() }
}

fn timed(facts: Facts, time: Duration) -> Facts {
    Facts { round_trip_ms: Some((time.as_secs_f64() * 10_000.0).round() / 10.0), ..facts }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
