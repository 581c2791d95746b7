//! Files on their way to this host.

use std::fs::File;
use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::TryStreamExt as _;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::oneshot;

use super::command::{Command, RequestId};
use super::downloaded::Downloaded;
use super::error::{Error, ErrorCode};
use super::handle::SessionHandle;
use super::listing::{Listing, RemoteFile};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A file to request: listed, or by name.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// As the peer listed it.
    Listed(RemoteFile),
    /// By the name under which the peer shares it.
    Name(String),
}

impl From<RemoteFile> for Wanted {
    fn from(file: RemoteFile) -> Self {
        Self::Listed(file)
    }
}

impl From<&RemoteFile> for Wanted {
    fn from(file: &RemoteFile) -> Self {
        Self::Listed(file.clone())
    }
}

impl From<&str> for Wanted {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for Wanted {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

/// A file to fetch, which nothing is done for until it is awaited or read.
///
/// Awaiting it requests the file and stores it, resuming an incomplete download of an earlier attempt; it resolves
/// once the file is complete, verified where the peer supports that, and has its name. Dropping the future cancels
/// the transfer and keeps the bytes for the next attempt.
#[derive(Debug)]
#[must_use = "a download starts when it is awaited or read"]
pub struct Download {
    session: SessionHandle,
    wanted: Wanted,
}

impl Download {
    pub(super) fn new(session: SessionHandle, wanted: Wanted) -> Self {
        Self { session, wanted }
    }

    /// Returns the bytes as they arrive instead of storing them. They arrive no faster than they are read.
    pub fn reader(self) -> Reader {
        Reader { state: State::Starting(Box::pin(self.start_reading())) }
    }

    async fn store(self) -> Result<Downloaded, Error> {
        let (session, file) = self.resolve().await?;
        let mut running = Running::start(session, file, None);
        running.result().await
    }

    async fn start_reading(self) -> Result<(tokio::fs::File, Running), Error> {
        let (session, file) = self.resolve().await?;
        let (reader, writer) = io::pipe().map_err(Error::local)?;
        let reader = tokio::fs::File::from_std(into_file(reader));
        Ok((reader, Running::start(session, file, Some(into_file(writer)))))
    }

    /// Looks a name up in the listing.
    async fn resolve(self) -> Result<(SessionHandle, RemoteFile), Error> {
        let name = match self.wanted {
            Wanted::Listed(file) => return Ok((self.session, file)),
            Wanted::Name(name) => name,
        };
        let mut listing = Listing::new(self.session.clone());
        while let Some(file) = listing.try_next().await? {
            if file.name() == name {
                return Ok((self.session, file));
            }
        }
        Err(Error::new(ErrorCode::Refused, format!("the peer does not share {name:?}")))
    }
}

impl IntoFuture for Download {
    type Output = Result<Downloaded, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.store())
    }
}

/// A requested file. Dropping it cancels the transfer.
#[derive(Debug)]
struct Running {
    result: oneshot::Receiver<Result<Downloaded, Error>>,
    request: RequestId,
    session: SessionHandle,
}

impl Running {
    fn start(session: SessionHandle, file: RemoteFile, into: Option<File>) -> Self {
        let (reply, result) = oneshot::channel();
        let request = RequestId::new();
        session.send(Command::Get(request, session.id, file.listed, into, reply));
        Self { result, request, session }
    }

    async fn result(&mut self) -> Result<Downloaded, Error> {
        (&mut self.result).await.map_err(|_| Error::closed())?
    }

    fn poll_result(&mut self, context: &mut Context<'_>) -> Poll<Result<Downloaded, Error>> {
        let result = ready!(Pin::new(&mut self.result).poll(context));
        Poll::Ready(result.map_err(|_| Error::closed()).flatten())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.session.send(Command::CancelGet(self.request));
    }
}

/// The bytes of a file as they arrive. It ends only if the file is complete, and verified where the peer supports
/// that; otherwise reading fails with an [`Error`]. Dropping it cancels the transfer.
pub struct Reader {
    state: State,
}

enum State {
    Starting(BoxFuture<Result<(tokio::fs::File, Running), Error>>),
    Reading(tokio::fs::File, Running),
    /// All bytes were read; the transfer is not confirmed yet.
    Finishing(Running),
    Ended,
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match &mut self.state {
                State::Starting(start) => {
                    let (file, running) = match ready!(start.as_mut().poll(context)) {
                        Ok(started) => started,
                        Err(error) => {
                            self.state = State::Ended;
                            return Poll::Ready(Err(error.into()));
                        }
                    };
                    self.state = State::Reading(file, running);
                }
                State::Reading(file, _) => {
                    let before = buffer.filled().len();
                    ready!(Pin::new(file).poll_read(context, buffer))?;
                    if buffer.filled().len() > before || buffer.remaining() == 0 {
                        return Poll::Ready(Ok(()));
                    }
                    if let State::Reading(_, running) =
                        std::mem::replace(&mut self.state, State::Ended)
                    {
                        self.state = State::Finishing(running);
                    }
                }
                State::Finishing(running) => {
                    let result = ready!(running.poll_result(context));
                    self.state = State::Ended;
                    return Poll::Ready(result.map(drop).map_err(Into::into));
                }
                State::Ended => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

#[cfg(unix)]
fn into_file(end: impl Into<std::os::fd::OwnedFd>) -> File {
    end.into().into()
}

#[cfg(windows)]
fn into_file(end: impl Into<std::os::windows::io::OwnedHandle>) -> File {
    end.into().into()
}
