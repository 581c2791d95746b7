//! Reports files that were not stored because they would be hidden at the top level of the folder.

use xcher_core::peer::SessionId;

use super::output::Output;
use super::skipped::WhySkipped;
use crate::cli::exit::CliError;
use crate::cli::listing_spool::{ListingSpool, spool_error};

/// The most files reported by name to a person; `--json` has all.
const MAX_NAMED: u64 = 20;

pub(crate) fn report_hidden(
    output: &Output,
    session: SessionId,
    hidden: &mut ListingSpool,
) -> Result<(), CliError> {
    let (count, why) = (hidden.count(), WhySkipped::Hidden);
    let mut listing = hidden.reread().map_err(spool_error)?;
    let mut reported = 0;
    while let Some((name, ..)) = listing.next().map_err(spool_error)? {
        output.skip(session, name.as_str(), None, &why);
        reported += 1;
        if reported <= MAX_NAMED {
            output.error(format_args!("{name}: {why}"));
        }
    }
    if count > MAX_NAMED {
        output.error(format_args!("and {} more: {why}", count - MAX_NAMED));
    }
    Ok(())
}
