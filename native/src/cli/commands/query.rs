//! `xcher ls`, `xcher check` and `xcher who`: questions that bring no file.

use std::time::Duration;

use xcher_core::peer::{CallPolicy, Event, SessionCommand};
use xcher_core::{FileName, Kind, Nick};

use crate::cli::exit::{CliError, ExitCode, code_of};
use crate::cli::online_host::OnlineHost;
use crate::cli::options::Common;
use crate::cli::outgoing_session::OutgoingSession;
use crate::files::Shares;
use crate::relay_address::RelayAddress;

pub(crate) async fn ls(common: &Common, nick: &Nick) -> Result<(), CliError> {
    let mut call = OutgoingSession::begin(common, nick, None).await?;
    let done = list(&mut call).await;
    call.end(done).await
}

async fn list(call: &mut OutgoingSession<'_>) -> Result<(), CliError> {
    let session = call.session;
    let asked = call.running.host.command(session, SessionCommand::List);
    asked.map_err(CliError::misuse)?;
    let mut refused = false;
    loop {
        match call.next().await? {
            Event::Entry { name, size, stat, .. } if stat.kind == Kind::Folder => {
                let said = call.running.output.result(format_args!("{size}\t{name}/"));
                said.map_err(CliError::unwritten)?;
            }
            Event::Entry { name, size, .. } => {
                let said = match size.is_unknown() {
                    true => call.running.output.result(format_args!("?\t{name}")),
                    false => call.running.output.result(format_args!("{size}\t{name}")),
                };
                said.map_err(CliError::unwritten)?;
            }
            Event::InvalidEntry { .. } => refused = true,
            Event::ListEnd { .. } if refused => return Err(CliError::told(ExitCode::Policy)),
            Event::ListEnd { .. } => return Ok(()),
            _ => {}
        }
    }
}

pub(crate) async fn check(common: &Common, nick: &Nick, name: &str) -> Result<(), CliError> {
    let name = FileName::new(name).map_err(|error| CliError::usage(error.to_string()))?;
    let mut call = OutgoingSession::begin(common, nick, None).await?;
    let done = ask(&mut call, name).await;
    call.end(done).await
}

async fn ask(call: &mut OutgoingSession<'_>, name: FileName) -> Result<(), CliError> {
    let session = call.session;
    let asked = call.running.host.command(session, SessionCommand::Check(name));
    asked.map_err(CliError::misuse)?;
    loop {
        if let Event::Checked { name, yes, .. } = call.next().await? {
            let answer = if yes { "YES" } else { "NO" };
            call.running
                .output
                .result(format_args!("{name} {answer}"))
                .map_err(CliError::unwritten)?;
            return if yes { Ok(()) } else { Err(CliError::told(ExitCode::Incomplete)) };
        }
    }
}

pub(crate) async fn who(common: &Common) -> Result<(), CliError> {
    let mut running =
        OnlineHost::online(common, CallPolicy::Ignore, Shares::nothing(), None, None).await?;
    // A relay that does not know the question says nothing.
    let patience = Duration::from_secs(common.timeout);
    let done = match tokio::time::timeout(patience, everyone(&mut running, &common.relay)).await {
        Ok(done) => done,
        Err(_) => Err(CliError::new(
            ExitCode::Unreachable,
            format!(
                "no relay at {}: expected X_WHO EOF, got nothing in {} s",
                common.relay, common.timeout
            ),
        )),
    };
    let output = running.stop().await;
    done.and_then(|()| output.written())
}

async fn everyone(running: &mut OnlineHost, relay: &RelayAddress) -> Result<(), CliError> {
    let asked = running.host.who();
    asked.map_err(CliError::misuse)?;
    let own = running.host.nick().cloned();
    loop {
        match running.next().await? {
            // This command's own nick is gone the next moment.
            Event::Nick { nick } if Some(&nick) != own.as_ref() => {
                running.output.result(format_args!("{nick}")).map_err(CliError::unwritten)?;
            }
            Event::NicksEnd => return Ok(()),
            // It is dialled again, but the question is lost.
            Event::Offline { error, .. } => {
                let message = format!("no relay at {relay}: {error}");
                return Err(CliError::new(code_of(&error), message));
            }
            _ => {}
        }
    }
}
