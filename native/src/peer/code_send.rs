//! Sending to anyone with a code.

use tokio::sync::watch;
use xcher_core::delivery::{CodeDelivery, Outcome, Status};
use xcher_core::peer;

use super::{Error, ErrorCode, Peer};

/// Files that anyone with the code can fetch, until one receiver has every file it wants.
#[derive(Debug)]
pub struct Sending {
    pub(super) code: String,
    pub(super) peer: Peer,
    pub(super) result: watch::Receiver<Option<Result<Sent, Error>>>,
}

/// Result of a completed [`Sending`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Files that the receiver confirmed as stored.
    pub stored: u64,
    /// Files sent to a peer that confirms nothing.
    pub handed_over: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Files that the receiver already had.
    pub already_present: u64,
}

impl Sending {
    /// Returns the code to tell the receiver, such as `4821-crossover-clockwork-universe`.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Returns the peer behind the code; its events report receivers and transfers.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Waits until a receiver has every file it wants. Can be called again.
    ///
    /// # Errors
    ///
    /// [`WrongCode`](ErrorCode::WrongCode) once ten wrong codes were tried, [`Refused`](ErrorCode::Refused) if the
    /// receiver took nothing, [`Cancelled`](ErrorCode::Cancelled) if the peer was closed.
    pub async fn done(&self) -> Result<Sent, Error> {
        let mut result = self.result.clone();
        let result = result.wait_for(Option::is_some).await.map_err(|_| Error::closed())?;
        result.clone().unwrap_or_else(|| Err(Error::closed()))
    }

    /// Ends it: the code is no longer valid.
    pub async fn stop(self) {
        self.peer.close().await;
    }
}

/// The actor's part of a [`Sending`].
pub(super) struct CodeSend {
    delivery: CodeDelivery,
    result: watch::Sender<Option<Result<Sent, Error>>>,
}

impl CodeSend {
    pub(super) fn new(result: watch::Sender<Option<Result<Sent, Error>>>) -> Self {
        Self { delivery: CodeDelivery::new(), result }
    }

    /// Takes an event of the host, and settles the result if that decides it.
    pub(super) fn event(&mut self, event: &peer::Event, busy: bool) {
        self.delivery.event(event);
        let result = loop {
            match self.delivery.status(busy) {
                Status::Pending => return,
                Status::Incomplete(_) => {}
                Status::Complete(outcome) if outcome.is_empty() => {
                    break Err(Error::new(ErrorCode::Refused, "the receiver took nothing"));
                }
                Status::Complete(outcome) => break Ok(Sent::from(&outcome)),
                Status::CodeExhausted(_) => {
                    let text = "ten wrong codes were tried, so this one is no longer valid";
                    break Err(Error::new(ErrorCode::WrongCode, text));
                }
                Status::Lost(delivery) => {
                    break Err(Error::new(ErrorCode::Incomplete, delivery.to_string()));
                }
            }
        };
        self.result.send_replace(Some(result));
    }
}

impl From<&Outcome> for Sent {
    fn from(outcome: &Outcome) -> Self {
        Self {
            stored: outcome.stored,
            handed_over: outcome.handed_over,
            bytes: outcome.bytes,
            already_present: outcome.already_present,
        }
    }
}
