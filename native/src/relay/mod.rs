//! The relay on real sockets.
//!
//! Who may do what is [`Registry`](xcher_core::registry::Registry)'s; here are the sockets. Each
//! connection has one task, which reads. What a packet leads to is written by the task that read it
//! straight to the other socket; only where that socket takes no more does its own task go on.

mod hub;
mod link;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Instrument, error, info_span, warn};
use xcher_core::RelayLimits;
use xcher_core::registry::Input;

use hub::Hub;

/// How a relay is to run.
#[derive(Clone, Debug, Default)]
pub struct RelayConfig {
    /// What it bears.
    pub limits: RelayLimits,
}

/// How long no connection is accepted after the system could not give one.
const PAUSE: Duration = Duration::from_millis(200);
/// How long that is not logged again.
const WARN_AGAIN: Duration = Duration::from_secs(10);
/// How long connections have to end when the relay stops.
const STOP: Duration = Duration::from_millis(900);

/// Serves everyone who connects to `listener` until `shutdown` is done; then says X_END to all and
/// returns within a second. Dropped, it closes all connections at once.
///
/// # Errors
///
/// If `listener` is none. A connection that could not be accepted, for want of file descriptors
/// for example, is logged and tried again.
pub async fn run(
    listener: TcpListener,
    config: RelayConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let hub = Arc::new(Hub::new(config.limits));
    let mut shutdown = pin!(shutdown);
    let mut links = JoinSet::new();
    // While set, the system has no connection to give.
    let mut paused: Option<Instant> = None;
    let mut warned: Option<Instant> = None;
    let mut number = 0u64;
    loop {
        let alarm = hub.arm();
        tokio::select! {
            accepted = accept(&listener, paused) => match accepted {
                Ok((socket, from)) => {
                    paused = None;
                    number += 1;
                    let span = info_span!("connection", number, %from);
                    links.spawn(link::serve(Arc::clone(&hub), number, socket, from).instrument(span));
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
                Err(error) => {
                    let now = Instant::now();
                    if warned.is_none_or(|before| now - before > WARN_AGAIN) {
                        warn!(%error, "no connection can be accepted for now");
                        warned = Some(now);
                    }
                    paused = Some(now + PAUSE);
                }
            },
            Some(ended) = links.join_next() => {
                if let Err(error) = ended {
                    error!(%error, "a connection's task broke");
                }
            }
            () = until(alarm) => hub.handle(Input::Tick),
            () = hub.armed_sooner() => {}
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    hub.handle(Input::Stop);
    let all = async { while links.join_next().await.is_some() {} };
    if timeout(STOP, all).await.is_err() {
        warn!(left = links.len(), "connections are cut");
    }
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    paused: Option<Instant>,
) -> io::Result<(TcpStream, std::net::SocketAddr)> {
    until_if(paused).await;
    listener.accept().await
}

/// Whether the connection was over before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | WouldBlock)
}

/// Waits until then; for ever if there is no then.
async fn until(then: Option<Instant>) {
    match then {
        Some(then) => sleep_until(then).await,
        None => std::future::pending().await,
    }
}

/// Waits until then, if there is a then.
async fn until_if(then: Option<Instant>) {
    if let Some(then) = then {
        sleep_until(then).await;
    }
}
