//! `xcher ls`, `xcher check` and `xcher who`: queries that transfer no file.

use std::time::Duration;

use xcher_core::peer::{CallPolicy, Event, SessionCommand};
use xcher_core::{FileName, Kind};

use crate::cli::connect_error::relay_error;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::link::{self, NickOrLink};
use crate::cli::online_host::OnlineHost;
use crate::cli::options::Common;
use crate::cli::outgoing_session::OutgoingSession;
use crate::files::Shares;
use crate::relay_address::RelayAddress;

pub(crate) async fn ls(common: &Common, peer: &NickOrLink) -> Result<(), CliError> {
    let common = link::with_relay(common, peer.relay.as_ref())?;
    let mut call = OutgoingSession::open(&common, &peer.nick, None).await?;
    let done = list(&mut call).await;
    call.end(done).await
}

async fn list(call: &mut OutgoingSession<'_>) -> Result<(), CliError> {
    call.online.host.command(call.session, SessionCommand::List).map_err(CliError::misuse)?;
    let mut invalid = false;
    loop {
        match call.next().await? {
            Event::Entry { name, size, stat, .. } => {
                let output = &call.online.output;
                let printed = match stat.kind {
                    Kind::Folder => output.result(format_args!("{size}\t{name}/")),
                    _ if size.is_unknown() => output.result(format_args!("?\t{name}")),
                    _ => output.result(format_args!("{size}\t{name}")),
                };
                printed.map_err(CliError::unwritten)?;
            }
            Event::InvalidEntry { .. } => invalid = true,
            Event::ListEnd { .. } if invalid => return Err(CliError::reported(ExitCode::Policy)),
            Event::ListEnd { .. } => return Ok(()),
            _ => {}
        }
    }
}

pub(crate) async fn check(common: &Common, peer: &NickOrLink, name: &str) -> Result<(), CliError> {
    let common = link::with_relay(common, peer.relay.as_ref())?;
    let name = FileName::new(name).map_err(|error| CliError::usage(error.to_string()))?;
    let mut call = OutgoingSession::open(&common, &peer.nick, None).await?;
    let done = ask(&mut call, name).await;
    call.end(done).await
}

async fn ask(call: &mut OutgoingSession<'_>, name: FileName) -> Result<(), CliError> {
    call.online
        .host
        .command(call.session, SessionCommand::Check(name))
        .map_err(CliError::misuse)?;
    loop {
        if let Event::Checked { name, yes, .. } = call.next().await? {
            let answer = if yes { "YES" } else { "NO" };
            let printed = call.online.output.result(format_args!("{name} {answer}"));
            printed.map_err(CliError::unwritten)?;
            return if yes { Ok(()) } else { Err(CliError::reported(ExitCode::Incomplete)) };
        }
    }
}

pub(crate) async fn who(common: &Common) -> Result<(), CliError> {
    let mut online =
        OnlineHost::start(common, CallPolicy::Ignore, Shares::nothing(), None, None).await?;
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
            Event::NicksEnd => return Ok(()),
            // The host reconnects, but the relay has lost the request.
            Event::Offline { error, .. } => return Err(relay_error(relay, &error)),
            _ => {}
        }
    }
}
