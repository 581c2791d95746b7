//! Events of a peer, as a stream.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver};
use tokio_util::sync::ReusableBoxFuture;
use xcher_core::peer::{Delivery, Direction, TransferId};

use super::{Call, Error, Offer, Session};

/// Reports what happens at a peer. New events may be added.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The relay accepted this host under its nick: again, after [`Offline`](Self::Offline), or on another connection
    /// before it stops.
    Online {
        /// As the relay spells it.
        nick: String,
    },
    /// The connection to the relay or the bridge was lost.
    Offline {
        /// The cause.
        error: Error,
        /// Time until the next attempt; `None` if there is none.
        retry_in: Option<Duration>,
    },
    /// A host calls, and [`Options::calls`](super::Options::calls) says to ask.
    Call(Call),
    /// A call was refused: by the address policy, because the caller could not be reached, or because it
    /// failed to authenticate.
    CallRefused {
        /// Address at which the caller listens.
        from: SocketAddr,
        /// The cause.
        error: Error,
    },
    /// A host connected to this one.
    Session(Session),
    /// The peer offers files. An offer whose last handle is dropped undecided is declined.
    Offer(Offer),
    /// A transfer started.
    Started {
        /// The transfer; small files that travel together share one.
        transfer: TransferId,
        /// Receiving or sending.
        direction: Direction,
        /// The file, or the first of several.
        name: String,
        /// Size in bytes of everything in the transfer; `None` if unknown.
        size: Option<u64>,
        /// Number of further small files in the transfer.
        more: u64,
    },
    /// A transfer progressed.
    Progress {
        /// The transfer.
        transfer: TransferId,
        /// Receiving or sending.
        direction: Direction,
        /// Bytes so far, including those of an earlier attempt.
        bytes: u64,
    },
    /// The result of a file that the peer requested, as far as this host can know.
    Delivered {
        /// The file.
        name: String,
        /// Its size in bytes.
        bytes: u64,
        /// The result.
        delivery: Delivery,
    },
    /// The reader of the stream was too slow, and this many events were dropped.
    Missed(u64),
}

/// A stream of [`Event`]s from the moment it was created. It ends when the peer is closed. It holds at most
/// [`Events::CAPACITY`] events; beyond that the oldest are dropped and counted in [`Event::Missed`].
pub struct Events {
    next: ReusableBoxFuture<'static, (Result<Event, RecvError>, Receiver<Event>)>,
}

impl Events {
    /// Events that wait for a reader.
    pub const CAPACITY: usize = 1024;

    pub(super) fn new(receiver: Receiver<Event>) -> Self {
        Self { next: ReusableBoxFuture::new(receive(receiver)) }
    }

    pub(super) fn channel() -> broadcast::Sender<Event> {
        broadcast::Sender::new(Self::CAPACITY)
    }
}

async fn receive(mut receiver: Receiver<Event>) -> (Result<Event, RecvError>, Receiver<Event>) {
    (receiver.recv().await, receiver)
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let (event, receiver) = std::task::ready!(self.next.poll(context));
        self.next.set(receive(receiver));
        Poll::Ready(match event {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(missed)) => Some(Event::Missed(missed)),
            Err(RecvError::Closed) => None,
        })
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
