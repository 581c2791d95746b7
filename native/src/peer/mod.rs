//! A peer for Rust programs: share, list, fetch and send files.
//!
//! [`Peer`] runs a host on a task of the current tokio runtime; all other types are handles to it.

mod actor;
mod call;
mod code_send;
mod download;
mod error;
mod event;
mod listing;
mod offer;
mod options;
mod session;
mod share;

use std::path::{Path, PathBuf};

use tokio::sync::{broadcast, oneshot, watch};
use xcher_core::Nick;
use xcher_core::code::{Code, MAX_NICK_ATTEMPTS};
use xcher_core::secure::Entropy;

use crate::files::{Rules, Shares};
use crate::host::Host;
use actor::{Actor, Handle, Owner};
use code_send::CodeSend;

pub use call::Call;
pub use code_send::{Sending, Sent};
pub use download::{Download, Downloaded, Reader, Wanted};
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
    /// Goes online at a relay: `HOST:PORT`, or the URL of its bridge (`https://HOST/`, `wss://HOST/xcher`) to
    /// connect from behind NAT. A lost connection is restored automatically. Must be called within a tokio
    /// runtime.
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
        let setup = blocking(move || options.setup(&relay, code.as_ref())).await??;
        let events = Events::channel();
        let (sender, mut online) = watch::channel(None);
        let host = Host::start(setup);
        let handle = Actor::start(host, folder, events.clone(), sender, send);
        let peer = Self { owner: Owner::new(handle), events, online: online.clone() };
        peer.handle().tell(move |actor| actor.replace_shares(shares));
        let first = online.wait_for(Option::is_some).await.map_err(|_| Error::closed())?;
        match &*first {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(peer.clone()),
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
        self.handle().tell(move |actor| actor.who(reply));
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
        let (cell, opening) = (Opening::default(), self.owner.clone());
        let guard = Withdraw { handle: self.handle().clone(), session: cell.clone() };
        self.handle().tell(move |actor| {
            let opened = match target {
                Target::Nick(nick) => actor.host.open(nick),
                Target::Code(code) => actor.host.open_code(code),
            };
            cell.set(actor.open(opened, opening, reply));
        });
        let session = answer.await.map_err(|_| Error::closed())?;
        drop(guard);
        session
    }

    /// Shares a file or folder under its own name, as `xcher share` does: hidden files and links are left out.
    ///
    /// # Errors
    ///
    /// [`Local`](ErrorCode::Local) if it cannot be read, or its name is taken.
    pub async fn share(&self, path: impl AsRef<Path>) -> Result<Share, Error> {
        let (reply, answer) = oneshot::channel();
        let path = path.as_ref().to_owned();
        self.handle().tell(move |actor| _ = reply.send(actor.share(&path)));
        let name = answer.await.map_err(|_| Error::closed())??;
        Ok(Share { name, handle: self.handle().clone() })
    }

    /// Ends every session in order and goes offline, within about a second. Incomplete downloads are kept.
    pub async fn close(&self) {
        let (reply, stopped) = oneshot::channel();
        self.handle().tell(move |actor| {
            actor.stopping = true;
            actor.stopped.push(reply);
        });
        // Without an answer it was closed before.
        let _ = stopped.await;
    }

    fn handle(&self) -> &Handle {
        self.owner.handle()
    }
}

/// A host to call.
enum Target {
    Nick(Nick),
    Code(Code),
}

impl Target {
    fn parse(text: &str) -> Result<Self, Error> {
        let misuse = |error: &dyn std::fmt::Display| Error::misuse(&error.to_string());
        match Code::looks_like(text) {
            true => Code::parse(text).map(Self::Code).map_err(|error| misuse(&error)),
            false => Nick::parse(text).map(Self::Nick).map_err(|error| misuse(&error)),
        }
    }
}

/// The session that a call opens, once the actor knows it.
#[derive(Clone, Debug, Default)]
struct Opening(std::sync::Arc<std::sync::OnceLock<xcher_core::peer::SessionId>>);

impl Opening {
    fn set(&self, session: Option<xcher_core::peer::SessionId>) {
        if let Some(session) = session {
            let _ = self.0.set(session);
        }
    }
}

/// Withdraws a call whose future is dropped before it is answered.
struct Withdraw {
    handle: Handle,
    session: Opening,
}

impl Drop for Withdraw {
    fn drop(&mut self) {
        let session = self.session.0.clone();
        self.handle.tell(move |actor| {
            if let Some(session) = session.get() {
                actor.give_up(*session);
            }
        });
    }
}

/// Runs what waits for the disk on a thread for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::local)
}
