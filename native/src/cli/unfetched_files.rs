//! Files that are wanted and do not come now: the other side is told which, so that a code stays good for
//! another try, and its user knows what is missing.

use xcher_core::NotStored;
use xcher_core::peer::{SessionCommand, SessionId};
use xcher_core::session::Want;

use crate::cli::exit::CliError;
use crate::cli::listing_spool::{ListingSpool, unlisted};
use crate::cli::online_host::OnlineHost;

/// Files that are named; more are counted. What is written waits in memory for the other side.
const NAMED: usize = 1_000;

/// Tells the other side that these are wanted, that they are not requested, and why.
pub(crate) fn forgo(
    running: &mut OnlineHost,
    session: SessionId,
    spool: &mut ListingSpool,
    why: NotStored,
) -> Result<(), CliError> {
    let want = Want { files: spool.count(), bytes: spool.bytes(), already_stored: 0 };
    let mut told = running.host.command(session, SessionCommand::Want(want));
    let mut listed = spool.reread().map_err(unlisted)?;
    for _ in 0..NAMED {
        // A session that is over takes no reports.
        if told.is_err() {
            break;
        }
        let Some((name, ..)) = listed.next().map_err(unlisted)? else { break };
        told = running.host.command(session, SessionCommand::Skip(name, why));
    }
    Ok(())
}
