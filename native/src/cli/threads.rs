//! The threads on which a command runs.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};

use crate::cli::exit::CliError;
use crate::cli::options::{BridgeArgs, Command};

/// Builds the runtime of a command. Servers have a thread for each processor. A host has one: it does little but
/// wait, and moves files on threads that block.
pub(crate) fn runtime(command: &Command) -> Result<Runtime, CliError> {
    let count = command.server().map_or(NonZeroUsize::MIN, of_server);
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
