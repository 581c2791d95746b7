//! The threads on which a command runs.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};

use crate::cli::exit::CliError;
use crate::cli::options::{BridgeArgs, Command, RelayArgs, UpArgs};

/// Builds the runtime of a command. Servers have a thread for each processor. A host has one: it does little but
/// wait, and moves files on threads that block.
pub(crate) fn runtime(command: &Command) -> Result<Runtime, CliError> {
    let count = match command {
        Command::Relay(RelayArgs { bridge, .. })
        | Command::Up(UpArgs { relay: RelayArgs { bridge, .. }, .. })
        | Command::Bridge(bridge) => of_server(bridge),
        _ => NonZeroUsize::MIN,
    };
    let mut builder = match count.get() {
        1 => Builder::new_current_thread(),
        count => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(count);
            builder
        }
    };
    builder.enable_all().build().map_err(CliError::local)
}

fn of_server(args: &BridgeArgs) -> NonZeroUsize {
    args.threads.or_else(|| available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}
