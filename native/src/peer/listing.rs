//! The listing of a peer's files, as a stream.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use futures_util::Stream;
use xcher_core::{Kind, SharedFile};

use super::command::Command;
use super::error::Error;
use super::handle::SessionHandle;
use super::listing_writer::{ListingItems, listing};

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

    /// Returns true if the peer sent it as a text, to be shown to the user instead of being stored: at most 64 KiB.
    /// [`xcher_core::text`] checks and shows it.
    pub fn is_text(&self) -> bool {
        self.listed.stat.text
    }
}

/// A stream of the files that a peer shares. Dropping it early lets the rest of the listing pass unread.
#[derive(Debug)]
pub struct Listing {
    items: ListingItems,
    session: SessionHandle,
    ended: bool,
}

impl Listing {
    pub(super) fn new(session: SessionHandle) -> Self {
        let (writer, items) = listing();
        session.send(Command::List(session.id, writer));
        Self { items, session, ended: false }
    }
}

impl Stream for Listing {
    type Item = Result<RemoteFile, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let Some(item) = ready!(self.items.items.poll_recv(context)) else {
            // Without its end the listing is not complete.
            self.ended = true;
            return Poll::Ready(Some(Err(Error::closed())));
        };
        self.ended = item.is_none();
        if item.is_some() && self.items.take_one() {
            self.session.send(Command::Release(self.session.id));
        }
        Poll::Ready(item.map(|item| item.map(|listed| RemoteFile { listed })))
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.session.send(Command::Release(self.session.id));
    }
}
