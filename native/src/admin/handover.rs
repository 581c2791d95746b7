//! Gives the address of the listener for operators up to the next process, while this one still serves its clients.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use super::{AdminClient, AdminListener, AskError};
use crate::net::socket_address::SocketAddress;

/// `POST /handover`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HandoverRequest {
    /// True if the process that asks shares its ports with others.
    pub(super) reuse_port: bool,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HandedOver {}

/// The way to the listener's task, which closes it.
#[derive(Clone, Debug)]
pub(super) struct Handover(mpsc::Sender<oneshot::Sender<()>>);

/// Requests to close the listener.
pub(super) type Handovers = mpsc::Receiver<oneshot::Sender<()>>;

impl Handover {
    pub(super) fn new() -> (Self, Handovers) {
        let (sender, requests) = mpsc::channel(1);
        (Self(sender), requests)
    }

    /// Returns once the address is free.
    pub(super) async fn release(&self) {
        let (released, is_released) = oneshot::channel();
        if self.0.send(released).await.is_ok() {
            // Fails if the listener's task has ended, which closes it as well.
            let _ = is_released.await;
        }
    }
}

/// Time between two attempts to bind an address that the other process gave up.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);
/// How many there are.
const RETRIES: usize = 100;

/// Listens. An address that another process has is asked for: it gives it up if it drains, or if both share their
/// ports.
///
/// # Errors
///
/// Those of [`AdminListener::bind`], with the reason of the other process.
pub(crate) async fn take_over(
    at: &SocketAddress,
    token: Option<&str>,
    reuse_port: bool,
) -> io::Result<AdminListener> {
    let error = match AdminListener::bind(at).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => error,
        bound => return bound,
    };
    let client = AdminClient { at: at.clone(), token: token.map(str::to_owned) };
    match client.post("/handover", &HandoverRequest { reuse_port }).await {
        Ok(HandedOver {}) => {}
        Err(AskError::Refused(why)) => {
            let why = xcher_core::Quoted(&why).to_string();
            return Err(io::Error::new(error.kind(), format!("{error} ({why})")));
        }
        // Another program, or an earlier version of this one.
        Err(AskError::Unreachable(_)) => return Err(error),
    }
    let mut bound = AdminListener::bind(at).await;
    for _ in 0..RETRIES {
        if !bound.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse) {
            break;
        }
        sleep(RETRY_INTERVAL).await;
        bound = AdminListener::bind(at).await;
    }
    bound
}
