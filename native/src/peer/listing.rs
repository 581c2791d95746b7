//! The listing of a peer's files, as a stream.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use futures_util::Stream;
use tokio::sync::mpsc;
use xcher_core::peer::SessionId;
use xcher_core::{Kind, SharedFile};

use super::actor::Handle;
use super::{Error, Session};

/// Entries that wait for a reader before the peer is slowed down.
const MAX_WAITING: usize = 1024;
/// Entries that may wait when the peer is read again.
const FEW_WAITING: usize = 256;

/// A file, folder or link that the peer shares.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteFile {
    pub(super) listed: SharedFile,
}

impl RemoteFile {
    /// Returns its name, `/` between folders.
    pub fn name(&self) -> &str {
        self.listed.name.as_str()
    }

    /// Returns its size in bytes; `None` if the peer does not know it.
    pub fn size(&self) -> Option<u64> {
        (!self.listed.size.is_unknown()).then(|| self.listed.size.bytes())
    }

    /// Returns true if the peer rounds its sizes.
    pub fn is_size_approximate(&self) -> bool {
        self.listed.size.exact().is_none()
    }

    /// Returns what it is. Folders are listed only if they are empty or private.
    pub fn kind(&self) -> Kind {
        self.listed.stat.kind
    }

    /// Returns when it was last modified, to the second, if the peer says so.
    pub fn modified(&self) -> Option<SystemTime> {
        let seconds = self.listed.stat.modified?;
        let since = Duration::from_secs(seconds.unsigned_abs());
        match seconds < 0 {
            true => SystemTime::UNIX_EPOCH.checked_sub(since),
            false => SystemTime::UNIX_EPOCH.checked_add(since),
        }
    }

    /// Returns true if the peer says that it is a program.
    pub fn is_executable(&self) -> bool {
        self.listed.stat.executable
    }
}

/// What the actor hands over: `None` ends a complete listing.
type Item = Option<Result<RemoteFile, Error>>;

/// A stream of the files that a peer shares. Dropping it early lets the rest of the listing pass unread.
#[derive(Debug)]
pub struct Listing {
    items: mpsc::UnboundedReceiver<Item>,
    waiting: Arc<AtomicUsize>,
    session: SessionId,
    handle: Handle,
    ended: bool,
    /// Keeps the session open.
    _session: Session,
}

/// The actor's end of a [`Listing`].
#[derive(Debug)]
pub(super) struct ListingWriter {
    items: mpsc::UnboundedSender<Item>,
    waiting: Arc<AtomicUsize>,
}

impl ListingWriter {
    /// Hands an item to the reader. Returns true if the reader lags behind.
    pub(super) fn push(&self, item: Result<RemoteFile, Error>) -> bool {
        // Counted first, since the reader may be faster than this thread.
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        self.items.send(Some(item)).is_ok() && waiting >= MAX_WAITING
    }

    /// The listing is complete.
    pub(super) fn finish(self) {
        let _ = self.items.send(None);
    }

    /// The listing ends with an error.
    pub(super) fn fail(self, error: Error) {
        self.push(Err(error));
        self.finish();
    }
}

impl Listing {
    pub(super) fn new(session: &Session) -> Self {
        let (sender, items) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let writer = ListingWriter { items: sender, waiting: waiting.clone() };
        let (id, handle) = (session.id, session.handle.clone());
        handle.tell(move |actor| actor.list(id, writer));
        Self { items, waiting, session: id, handle, ended: false, _session: session.clone() }
    }
}

impl Stream for Listing {
    type Item = Result<RemoteFile, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let Some(item) = ready!(self.items.poll_recv(context)) else {
            // Without its end the listing is not complete.
            self.ended = true;
            return Poll::Ready(Some(Err(Error::closed())));
        };
        self.ended = item.is_none();
        if item.is_some() && self.waiting.fetch_sub(1, Ordering::Relaxed) == FEW_WAITING {
            let session = self.session;
            self.handle.tell(move |actor| actor.host.hold(session, false));
        }
        Poll::Ready(item)
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        let session = self.session;
        self.handle.tell(move |actor| actor.host.hold(session, false));
    }
}
