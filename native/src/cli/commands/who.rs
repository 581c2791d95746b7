//! `xcher who`: the nicks that are online.

use std::time::Duration;

use xcher_core::peer::{CallPolicy, Event};

use crate::cli::connect_error::relay_error;
use crate::cli::encryption;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::lan_relay::has_relay_here;
use crate::cli::online_host::OnlineHost;
use crate::cli::options::Common;
use crate::cli::relay_search::search_error;
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;
use crate::files::Shares;
use crate::lan;
use crate::relay_address::RelayAddress;

/// Lists those at the relay; without a named one, those at the relay of this machine and in the local network.
pub(crate) async fn run(common: &Common) -> Result<(), CliError> {
    if !common.uses_lan() {
        return who_at_relay(common).await;
    }
    if has_relay_here(common).await {
        who_at_relay(common).await?;
    }
    let nicks = lan::list(lan::SEARCH_TIME).await.map_err(search_error)?;
    let output = Output::new(common);
    for nick in nicks.iter().filter(|nick| !nick.is_one_time()) {
        let event = JsonEvent::Nick { nick: nick.as_str() };
        let printed = output.result(format_args!("{nick}")).and_then(|()| output.json(&event));
        printed.map_err(CliError::unwritten)?;
    }
    Ok(())
}

async fn who_at_relay(common: &Common) -> Result<(), CliError> {
    let encryption = encryption::load_existing(common);
    let mut online =
        OnlineHost::start(common, CallPolicy::Ignore, Shares::nothing(), None, encryption).await?;
    // A relay that does not know X_WHO never answers it.
    let patience = Duration::from_secs(common.timeout);
    let done = match tokio::time::timeout(patience, nicks(&mut online, &common.relay)).await {
        Ok(done) => done,
        Err(_) => Err(CliError::new(
            ExitCode::Unreachable,
            format!(
                "the relay at {} did not list its nicks within {} s; it may not support that, or try a \
                 longer --timeout",
                common.relay, common.timeout
            ),
        )),
    };
    let output = online.stop().await;
    done.and_then(|()| output.written())
}

async fn nicks(online: &mut OnlineHost, relay: &RelayAddress) -> Result<(), CliError> {
    online.host.who().map_err(CliError::misuse)?;
    let own = online.host.nick().cloned();
    loop {
        match online.next().await? {
            // This command's own nick is online for a moment only.
            Event::Nick { nick } if Some(&nick) != own.as_ref() => {
                online.output.result(format_args!("{nick}")).map_err(CliError::unwritten)?;
            }
            Event::NicksEnd => {
                if let Some(channel) = relay.irc_channel() {
                    let text =
                        format_args!("these are the members of {channel}, XCHER hosts or not");
                    online.output.note(text);
                }
                return Ok(());
            }
            // The host reconnects, but the relay has lost the request.
            Event::Offline { error, .. } => return Err(relay_error(relay, &error)),
            _ => {}
        }
    }
}
