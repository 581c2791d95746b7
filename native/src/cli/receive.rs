//! `xcher receive`, and the offers that come to whoever shares.

use super::args::Common;
use super::exit::Failure;
use super::send_args::ReceiveArgs;

pub(super) async fn run(_common: &Common, _args: &ReceiveArgs) -> Result<(), Failure> {
    Err(Failure::usage("not yet"))
}
