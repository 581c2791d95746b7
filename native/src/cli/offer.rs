//! `xcher send NICK PATH…`: offers files to someone who is online.

use xcher_core::Nick;

use super::args::Common;
use super::exit::Failure;
use crate::files::Shares;

pub(super) async fn run(_common: &Common, _to: Nick, _shares: Shares) -> Result<(), Failure> {
    Err(Failure::usage("not yet"))
}
