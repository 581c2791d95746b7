//! What a relay tells its operator about its cluster.

use std::time::Duration;

use tokio::time::{interval, sleep};
use xcher_core::Quoted;

use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::relay::{BusState, ClusterStatus};

/// Time for the other relays to answer one that is new.
const GREETING_TIME: Duration = Duration::from_millis(500);
/// Time between two looks at what other relays tell.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Shows each change of the connection to NATS once, as long as the relay runs: attempts to connect fail again and
/// again. Warns if the relays have different keys.
pub(crate) async fn show(output: Output, mut cluster: ClusterStatus) {
    let (mut shown, mut has_warned) = (None, false);
    let mut looks = interval(LOOK_INTERVAL);
    loop {
        let state = tokio::select! {
            state = cluster.changed() => match state {
                Some(state) => state,
                None => return,
            },
            _ = looks.tick() => {
                if !has_warned && cluster.others().is_some_and(|others| others.has_other_key) {
                    has_warned = true;
                    tell(&output, &cluster, OTHER_KEY);
                }
                continue;
            }
        };
        let Some(kind) = Kind::of(&state) else { continue };
        if shown != Some(kind) {
            shown = Some(kind);
            let text = match state {
                BusState::Connected => connected(&cluster).await,
                state => lost(&state),
            };
            tell(&output, &cluster, &text);
        }
    }
}

const OTHER_KEY: &str = "another relay has another key, so hosts do not recognize each other there: copy the file \
     relay_identity of one relay's data folder to all";

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Connected,
    Lost,
    Refused,
}

impl Kind {
    fn of(state: &BusState) -> Option<Self> {
        match state {
            BusState::Connecting => None,
            BusState::Connected => Some(Self::Connected),
            BusState::Lost { is_refused: true, .. } => Some(Self::Refused),
            BusState::Lost { is_refused: false, .. } => Some(Self::Lost),
        }
    }
}

async fn connected(cluster: &ClusterStatus) -> String {
    sleep(GREETING_TIME).await;
    match cluster.others().map_or(0, |others| others.relays) {
        0 => "connected, no other relay yet".to_owned(),
        1 => "connected, 2 relays".to_owned(),
        others => format!("connected, {} relays", others + 1),
    }
}

fn lost(state: &BusState) -> String {
    match state {
        BusState::Lost { why: Some(why), is_refused: true } => format!(
            "it refuses this relay: {}; check the user and password in --cluster, or --cluster-creds; local hosts \
             go on",
            Quoted(why)
        ),
        BusState::Lost { why: Some(why), .. } => {
            format!("not reachable: {}; local hosts go on", Quoted(why))
        }
        _ => "connection lost; local hosts go on".to_owned(),
    }
}

fn tell(output: &Output, cluster: &ClusterStatus, text: &str) {
    let text = format!("cluster {} at {}: {text}", cluster.name(), cluster.servers());
    output.note(format_args!("{text}"));
    // The relay goes on even if standard output is closed.
    let _ = output.json(&JsonEvent::notice(text));
}
