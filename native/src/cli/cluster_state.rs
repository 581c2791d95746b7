//! What a relay tells its operator about its cluster.

use xcher_core::Quoted;

use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::relay::{BusState, ClusterStatus};

/// Shows each change of the connection to NATS once, as long as the relay runs: attempts to connect fail again and
/// again.
pub(crate) async fn show(output: Output, mut cluster: ClusterStatus) {
    let mut shown = None;
    while let Some(state) = cluster.changed().await {
        let (kind, text) = match &state {
            BusState::Connecting => continue,
            BusState::Connected => (Kind::Connected, "connected".to_owned()),
            BusState::Lost { why: Some(why), is_refused: true } => (
                Kind::Refused,
                format!(
                    "it refuses this relay: {}; check the user and password in --cluster, or \
                     --cluster-creds; local hosts go on",
                    Quoted(why)
                ),
            ),
            BusState::Lost { why: Some(why), .. } => {
                (Kind::Lost, format!("not reachable: {}; local hosts go on", Quoted(why)))
            }
            BusState::Lost { why: None, .. } => {
                (Kind::Lost, "connection lost; local hosts go on".to_owned())
            }
        };
        if shown == Some(kind) {
            continue;
        }
        shown = Some(kind);
        let text = format!("cluster {} at {}: {text}", cluster.name(), cluster.servers());
        output.note(format_args!("{text}"));
        // The relay goes on even if standard output is closed.
        let _ = output.json(&JsonEvent::notice(text));
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Connected,
    Lost,
    Refused,
}
