//! `xcher check`: asks whether a host shares a file.

use xcher_core::FileName;
use xcher_core::peer::{Event, SessionCommand};

use crate::cli::exit::{CliError, ExitCode};
use crate::cli::link::{self, NickOrLink};
use crate::cli::options::Common;
use crate::cli::outgoing_session::OutgoingSession;

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
