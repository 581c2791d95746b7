//! A peer for Rust programs: share, list, fetch and send files.
//!
//! [`Peer`] runs a host on a task of the current tokio runtime; all other types are handles to it.

mod actor;
mod call;
mod code_send;
mod command;
mod download;
mod downloaded;
mod error;
mod event;
mod handle;
mod listing;
mod listing_writer;
mod offer;
mod options;
mod session;
mod session_state;
mod share;
mod target;

use std::path::{Path, PathBuf};

use tokio::sync::{broadcast, oneshot, watch};
use xcher_core::code::{Code, MAX_NICK_ATTEMPTS};
use xcher_core::secure::Entropy;

use crate::files::{Rules, Shares};
use crate::host::Host;
use actor::Actor;
use code_send::CodeSend;
use command::{Command, RequestId};
use handle::{Handle, Owner, SessionHandle};
use target::Target;

pub use call::Call;
pub use code_send::{Sending, Sent};
pub use download::{Download, Reader, Wanted};
pub use downloaded::Downloaded;
pub use error::{Error, ErrorCode};
pub use event::{Event, Events};
pub use listing::{Listing, RemoteFile};
pub use offer::Offer;
pub use options::{Encryption, Options};
pub use session::Session;
pub use share::Share;

/// A host that is online at a relay. Cheap to clone; dropping the last clone, and every session it opened, goes
/// offline and ends all sessions.
///
/// Every method is cancel-safe.
#[derive(Clone, Debug)]
pub struct Peer {
    owner: Owner,
    events: broadcast::Sender<Event>,
    online: watch::Receiver<Option<Result<String, Error>>>,
}

impl Peer {
    /// Goes online at a relay: `HOST:PORT`, with port 9247 unless one is named, or the URL of its bridge
    /// (`https://HOST/`, `wss://HOST/xcher`) to connect from behind NAT. A lost connection is restored
    /// automatically. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Unreachable`](ErrorCode::Unreachable) and [`TimedOut`](ErrorCode::TimedOut) for the relay,
    /// [`NickTaken`](ErrorCode::NickTaken), [`Policy`](ErrorCode::Policy) if the relay refuses,
    /// [`Misuse`](ErrorCode::Misuse) for an invalid address or nick, [`Local`](ErrorCode::Local) for keys or a
    /// folder that cannot be used.
    pub async fn connect(relay: &str, options: Options) -> Result<Self, Error> {
        Self::start(relay, options, None, Shares::nothing(), None).await
    }

    /// Sends files and folders to anyone with a new code, from a peer of its own. The receiver runs
    /// `xcher get CODE`, opens the link, or calls [`Peer::open`] with the code.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and [`Local`](ErrorCode::Local) for a path that cannot be shared.
    pub async fn send<P: Into<PathBuf>>(
        relay: &str,
        paths: impl IntoIterator<Item = P>,
        options: Options,
    ) -> Result<Sending, Error> {
        let paths: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
        let opened = blocking(move || Shares::open_by(&paths, &Rules::default())).await?;
        let shares = opened.map_err(Error::local)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(Error::local)?;
        let mut entropy = Entropy::new(seed);
        let mut tries = 0;
        loop {
            tries += 1;
            let code = Code::random(&mut entropy);
            let (sender, result) = watch::channel(None);
            let send = CodeSend::new(sender);
            let started =
                Self::start(relay, options.clone(), Some(&code), shares.clone(), Some(send)).await;
            match started {
                Ok(peer) => return Ok(Sending { code: code.to_string(), peer, result }),
                Err(error) if error.code() == ErrorCode::NickTaken && tries < MAX_NICK_ATTEMPTS => {
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn start(
        relay: &str,
        options: Options,
        code: Option<&Code>,
        shares: Shares,
        send: Option<CodeSend>,
    ) -> Result<Self, Error> {
        let (relay, code) = (relay.to_owned(), code.cloned());
        let folder = options.folder().map(Path::to_owned);
        let setup = blocking(move || options.setup(&relay, code.as_ref(), shares)).await??;
        let events = Events::channel();
        let (sender, mut online) = watch::channel(None);
        let host = Host::start(setup);
        let handle = Actor::start(host, folder, events.clone(), sender, send);
        let peer = Self { owner: Owner::new(handle), events, online: online.clone() };
        let first = online.wait_for(Option::is_some).await.map_err(|_| Error::closed())?;
        match &*first {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(peer),
        }
    }

    /// Returns this host's nick, as the relay spells it.
    pub fn nick(&self) -> String {
        match &*self.online.borrow() {
            Some(Ok(nick)) => nick.clone(),
            _ => String::new(),
        }
    }

    /// Returns a stream of the events from now on.
    pub fn events(&self) -> Events {
        Events::new(self.events.subscribe())
    }

    /// Lists the nicks that are online, this host's included.
    ///
    /// # Errors
    ///
    /// [`Unreachable`](ErrorCode::Unreachable) if the relay is lost meanwhile.
    pub async fn who(&self) -> Result<Vec<String>, Error> {
        let (reply, answer) = oneshot::channel();
        self.handle().send(Command::Who(reply));
        answer.await.map_err(|_| Error::closed())?
    }

    /// Calls a nick, or the host behind a code, and waits for the session.
    ///
    /// # Errors
    ///
    /// [`Unreachable`](ErrorCode::Unreachable), [`TimedOut`](ErrorCode::TimedOut),
    /// [`OtherKey`](ErrorCode::OtherKey), [`NotEncrypted`](ErrorCode::NotEncrypted),
    /// [`WrongCode`](ErrorCode::WrongCode), [`Misuse`](ErrorCode::Misuse) for text that is neither nick nor code.
    pub async fn open(&self, nick_or_code: &str) -> Result<Session, Error> {
        let target = Target::parse(nick_or_code)?;
        let (reply, answer) = oneshot::channel();
        let request = RequestId::new();
        let mut withdraw = Withdraw { handle: self.handle().clone(), request: Some(request) };
        self.handle().send(Command::Open(request, target, reply));
        let opened = answer.await.map_err(|_| Error::closed())?;
        // From here on the session's handle ends it.
        withdraw.request = None;
        let (session, state) = opened?;
        Ok(Session::new(SessionHandle::opened(session, self.owner.clone()), state))
    }

    /// Shares a file or folder under its own name, as `xcher share` does: hidden files and links are left out.
    ///
    /// # Errors
    ///
    /// [`Local`](ErrorCode::Local) if it cannot be read, or its name is taken.
    pub async fn share(&self, path: impl AsRef<Path>) -> Result<Share, Error> {
        let paths = [path.as_ref().to_owned()];
        let rules = Rules { hidden: false, ..Rules::default() };
        let opened = blocking(move || Shares::open_by(&paths, &rules)).await?;
        let shares = opened.map_err(Error::local)?;
        let name = shares.names().next().unwrap_or_default().into();
        let (reply, answer) = oneshot::channel();
        self.handle().send(Command::Share(shares, reply));
        answer.await.map_err(|_| Error::closed())??;
        Ok(Share { name, handle: self.handle().clone() })
    }

    /// Ends every session in order and goes offline, within about a second. Incomplete downloads are kept.
    pub async fn close(&self) {
        let (reply, stopped) = oneshot::channel();
        self.handle().send(Command::Stop(Some(reply)));
        // Without an answer it was closed before.
        let _ = stopped.await;
    }

    fn handle(&self) -> &Handle {
        self.owner.handle()
    }
}

/// Withdraws a call whose future is dropped before it is answered.
struct Withdraw {
    handle: Handle,
    request: Option<RequestId>,
}

impl Drop for Withdraw {
    fn drop(&mut self) {
        if let Some(request) = self.request {
            self.handle.send(Command::WithdrawOpen(request));
        }
    }
}

/// Runs what waits for the disk on a thread for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::local)
}
