//! A relay whose limits on rates are out of the way.

use std::io;

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use xcher::relay::{RelayConfig, run};

/// Serves until the process is stopped.
pub(crate) fn serve(threads: usize) -> io::Result<()> {
    let mut builder = match threads {
        ..2 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(threads.max(1)).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        crate::print_line(&format!("relay {}", listener.local_addr()?))?;
        let mut config = RelayConfig::default();
        config.limits.per_address = usize::MAX;
        config.limits.asks_per_minute = u32::MAX;
        config.limits.answer_bytes_per_minute = u32::MAX;
        run(listener, config, std::future::pending()).await
    })
}
