//! Reports files that are wanted but not fetched now, so that a code stays valid for another try and the
//! sender's user learns what is missing.

use xcher_core::NotStored;
use xcher_core::peer::{SessionCommand, SessionId};
use xcher_core::session::Want;

use crate::cli::exit::CliError;
use crate::cli::listing_spool::{ListingSpool, spool_error};
use crate::cli::online_host::OnlineHost;

/// The most files reported by name; more are counted. Reports wait in memory until the peer reads them.
const MAX_NAMED: usize = 1_000;

/// Reports to the peer that these files are wanted but not requested, and why.
pub(crate) fn report_unfetched(
    online: &mut OnlineHost,
    session: SessionId,
    spool: &mut ListingSpool,
    why: NotStored,
) -> Result<(), CliError> {
    let want = Want { files: spool.count(), bytes: spool.bytes(), already_stored: 0 };
    let mut reported = online.host.command(session, SessionCommand::Want(want));
    let mut listing = spool.reread().map_err(spool_error)?;
    for _ in 0..MAX_NAMED {
        // A session that has ended takes no reports.
        if reported.is_err() {
            break;
        }
        let Some((name, ..)) = listing.next().map_err(spool_error)? else { break };
        reported = online.host.command(session, SessionCommand::Skip(name, why));
    }
    Ok(())
}
