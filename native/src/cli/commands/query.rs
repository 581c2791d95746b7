//! `xcher ls` and `xcher check`: questions to a host that transfer no file.

use xcher_core::peer::{Event, SessionCommand};
use xcher_core::{FileName, Kind, Nick};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::Common;
use crate::cli::outgoing_session::OutgoingSession;

pub(crate) async fn ls(common: &Common, nick: &Nick) -> Result<(), CliError> {
    let mut call = OutgoingSession::open(common, nick, None).await?;
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

pub(crate) async fn check(common: &Common, nick: &Nick, name: &str) -> Result<(), CliError> {
    let name = FileName::new(name).map_err(|error| CliError::usage(error.to_string()))?;
    let mut call = OutgoingSession::open(common, nick, None).await?;
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
