//! A session with one peer.

use std::net::SocketAddr;

use tokio::sync::{oneshot, watch};
use xcher_core::peer::{KeyStatus, Path, Security, SessionCommand};
use xcher_core::session::Want;
use xcher_core::{Device, FileName};

use super::command::Command;
use super::download::{Download, Wanted};
use super::error::{Error, ErrorCode};
use super::handle::SessionHandle;
use super::listing::{Listing, RemoteFile};
use super::session_state::SessionState;

/// An exchange with one other host. Both sides can list and fetch. Cheap to clone.
///
/// A session that this host opened ends when its last clone is dropped; transfers in progress continue.
/// Every method is cancel-safe: dropping a future withdraws its question or transfer.
#[derive(Clone, Debug)]
pub struct Session {
    pub(super) handle: SessionHandle,
    state: watch::Receiver<SessionState>,
}

impl Session {
    pub(super) fn new(handle: SessionHandle, state: watch::Receiver<SessionState>) -> Self {
        Self { handle, state }
    }

    /// Returns the peer's end of the control connection.
    pub fn peer_address(&self) -> SocketAddr {
        self.state.borrow().address
    }

    /// Returns the nick that this host called, or under which the relay announced the caller.
    pub fn nick(&self) -> Option<String> {
        self.state.borrow().nick.clone()
    }

    /// Returns true if the peer called this host.
    pub fn is_incoming(&self) -> bool {
        self.state.borrow().incoming
    }

    /// Returns how the two hosts are connected.
    pub fn path(&self) -> Path {
        self.state.borrow().path
    }

    /// Returns whether the session is encrypted, and the peer's key.
    pub fn security(&self) -> Security {
        self.state.borrow().security
    }

    /// Returns the device that the peer says it is; `None` if it does not say so, or the session is unencrypted.
    /// Nothing proves it.
    pub fn device(&self) -> Option<Device> {
        self.state.borrow().device
    }

    /// Returns true if only the peer can read the session.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.security(), Security::Encrypted { .. })
    }

    /// Returns true if the peer's key is the one pinned for its nick, or it has proved the code.
    pub fn is_authenticated(&self) -> bool {
        let security = self.security();
        matches!(
            security,
            Security::Encrypted { status: KeyStatus::Pinned | KeyStatus::ByCode, .. }
        )
    }

    /// Waits for the three words that both sides see unless an attacker is on the path (PROTOCOL.md, section
    /// 11.5); compare them by voice.
    ///
    /// # Errors
    ///
    /// [`NotEncrypted`](ErrorCode::NotEncrypted) in an unencrypted session, and the cause if the session
    /// ends first.
    pub async fn safety_words(&self) -> Result<String, Error> {
        if !self.is_encrypted() {
            let text = "an unencrypted session has no safety words";
            return Err(Error::new(ErrorCode::NotEncrypted, text));
        }
        let mut state = self.state.clone();
        let settled = |state: &SessionState| state.words.is_some() || state.ended.is_some();
        let state = state.wait_for(settled).await.map_err(|_| Error::closed())?;
        match (&state.words, &state.ended) {
            (Some(words), _) => Ok(words.clone()),
            (None, Some(Err(error))) => Err(error.clone()),
            (None, _) => Err(Error::new(ErrorCode::Unreachable, "the session has ended")),
        }
    }

    /// Lists the files that the peer shares, as a stream. A slow reader slows the peer down. One listing at
    /// a time.
    pub fn list(&self) -> Listing {
        Listing::new(self.handle.clone())
    }

    /// Asks whether the peer shares a file.
    ///
    /// # Errors
    ///
    /// [`Misuse`](ErrorCode::Misuse) for an invalid name, or one that is being asked about; the cause if
    /// the session ends first.
    pub async fn check(&self, name: &str) -> Result<bool, Error> {
        let name = FileName::new(name).map_err(|error| Error::misuse(&error.to_string()))?;
        let (reply, answer) = oneshot::channel();
        self.handle.send(Command::Check(self.handle.id, name, reply));
        answer.await.map_err(|_| Error::closed())?
    }

    /// Requests a file: a [`RemoteFile`] of the listing, or a name, which is looked up in the
    /// listing first. Await the result to store the file in the folder of
    /// [`Options::save_to`](super::Options::save_to), or call [`Download::reader`] to read its bytes.
    pub fn get(&self, file: impl Into<Wanted>) -> Download {
        Download::new(self.handle.clone(), file.into())
    }

    /// Tells a sender by code which files this host is about to fetch, so that it counts the delivery as complete
    /// only when all of them are stored. Call it once, before the first [`get`](Self::get).
    pub fn announce<'a>(&self, files: impl IntoIterator<Item = &'a RemoteFile>) {
        let mut want = Want::default();
        for file in files {
            want.files += 1;
            want.bytes = want.bytes.saturating_add(file.size().unwrap_or(0));
        }
        self.handle.command(SessionCommand::Want(want));
    }

    /// Ends the session in order. Transfers in progress continue.
    pub fn end(&self) {
        self.handle.command(SessionCommand::End);
    }

    /// Waits until the session is over.
    ///
    /// # Errors
    ///
    /// The cause, unless it ended in order.
    pub async fn closed(&self) -> Result<(), Error> {
        let mut state = self.state.clone();
        let state = state.wait_for(|state| state.ended.is_some()).await;
        let state = state.map_err(|_| Error::closed())?;
        state.ended.clone().unwrap_or(Ok(()))
    }
}
