//! The task that owns a host. It runs jobs of the handles and gives each event to the handle it belongs to.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use xcher_core::peer::{Direction, SessionCommand, SessionId, TransferId};
use xcher_core::{FileName, SharedFile, peer};

use super::code_send::CodeSend;
use super::download::stored_at;
use super::listing::ListingWriter;
use super::session::State;
use super::{Call, Downloaded, Error, ErrorCode, Event, Offer, RemoteFile, Session};
use crate::files::{Rules, Shares};
use crate::host::{Host, HostEvent};

/// Files in one offer; those beyond are declined.
const MAX_OFFERED: usize = 100_000;

type Job = Box<dyn FnOnce(&mut Actor) + Send>;

/// Sends jobs to the actor. Does not keep it alive.
#[derive(Clone, Debug)]
pub(super) struct Handle(mpsc::UnboundedSender<Job>);

impl Handle {
    /// Runs `job` on the actor, unless the peer was closed: then `job` is dropped, and with it whatever channel
    /// it would answer on.
    pub(super) fn tell(&self, job: impl FnOnce(&mut Actor) + Send + 'static) {
        let _ = self.0.send(Box::new(job));
    }
}

/// Keeps the peer online: the last clone closes it.
#[derive(Clone, Debug)]
pub(super) struct Owner(Arc<Closer>);

#[derive(Debug)]
struct Closer(Handle);

impl Owner {
    pub(super) fn new(handle: Handle) -> Self {
        Self(Arc::new(Closer(handle)))
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.0.0
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.tell(|actor| actor.stopping = true);
    }
}

pub(super) struct Actor {
    pub(super) host: Host,
    pub(super) stopping: bool,
    /// Answered once the host has stopped.
    pub(super) stopped: Vec<oneshot::Sender<()>>,
    pub(super) code: Option<CodeSend>,
    handle: Handle,
    events: broadcast::Sender<Event>,
    online: watch::Sender<Option<Result<String, Error>>>,
    folder: Option<PathBuf>,
    shares: Shares,
    opening: HashMap<SessionId, Opening>,
    sessions: HashMap<SessionId, Entry>,
    downloads: HashMap<TransferId, oneshot::Sender<Result<Downloaded, Error>>>,
    who: VecDeque<oneshot::Sender<Result<Vec<String>, Error>>>,
    nicks: Vec<String>,
}

/// A session that this host is opening.
struct Opening {
    reply: oneshot::Sender<Result<Session, Error>>,
    owner: Owner,
}

/// An open session.
struct Entry {
    state: watch::Sender<State>,
    listings: VecDeque<ListingWriter>,
    checks: HashMap<Box<str>, oneshot::Sender<Result<bool, Error>>>,
    offered: Vec<SharedFile>,
}

impl Actor {
    pub(super) fn start(
        host: Host,
        folder: Option<PathBuf>,
        events: broadcast::Sender<Event>,
        online: watch::Sender<Option<Result<String, Error>>>,
        code: Option<CodeSend>,
    ) -> Handle {
        let (sender, jobs) = mpsc::unbounded_channel();
        let handle = Handle(sender);
        let actor = Self {
            host,
            stopping: false,
            stopped: Vec::new(),
            code,
            handle: handle.clone(),
            events,
            online,
            folder,
            shares: Shares::nothing(),
            opening: HashMap::new(),
            sessions: HashMap::new(),
            downloads: HashMap::new(),
            who: VecDeque::new(),
            nicks: Vec::new(),
        };
        tokio::spawn(actor.run(jobs));
        handle
    }

    async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        while !self.stopping {
            tokio::select! {
                Some(job) = jobs.recv() => job(&mut self),
                event = self.host.next() => {
                    if let HostEvent::Peer(event) = event {
                        self.event(event);
                    }
                }
            }
        }
        let Self { host, stopped, sessions, .. } = self;
        for entry in sessions.into_values() {
            entry.end(Err(Error::closed()));
        }
        host.stop().await;
        for reply in stopped {
            let _ = reply.send(());
        }
    }

    pub(super) fn open(
        &mut self,
        opened: Result<SessionId, xcher_core::MisuseError>,
        owner: Owner,
        reply: oneshot::Sender<Result<Session, Error>>,
    ) -> Option<SessionId> {
        match opened {
            Ok(session) => {
                self.opening.insert(session, Opening { reply, owner });
                Some(session)
            }
            Err(error) => {
                let _ = reply.send(Err(error.into()));
                None
            }
        }
    }

    /// Withdraws a session that nobody waits for any more.
    pub(super) fn give_up(&mut self, session: SessionId) {
        if self.opening.remove(&session).is_some() {
            let _ = self.host.command(session, SessionCommand::End);
        }
    }

    pub(super) fn list(&mut self, session: SessionId, writer: ListingWriter) {
        let Some(entry) = self.sessions.get_mut(&session) else {
            return writer.fail(over());
        };
        entry.listings.push_back(writer);
        if entry.listings.len() == 1 {
            self.start_listing(session);
        }
    }

    fn start_listing(&mut self, session: SessionId) {
        if let Err(error) = self.host.command(session, SessionCommand::List)
            && let Some(entry) = self.sessions.get_mut(&session)
            && let Some(writer) = entry.listings.pop_front()
        {
            writer.fail(error.into());
        }
    }

    pub(super) fn check(
        &mut self,
        session: SessionId,
        name: FileName,
        reply: oneshot::Sender<Result<bool, Error>>,
    ) {
        let asked = self.host.command(session, SessionCommand::Check(name.clone()));
        match (asked, self.sessions.get_mut(&session)) {
            (Ok(()), Some(entry)) => _ = entry.checks.insert(name.as_str().into(), reply),
            (Err(error), _) => _ = reply.send(Err(error.into())),
            (Ok(()), None) => _ = reply.send(Err(over())),
        }
    }

    /// Requests a file, to be stored, or written into `into`.
    pub(super) fn get(
        &mut self,
        session: SessionId,
        listed: SharedFile,
        into: Option<File>,
        reply: oneshot::Sender<Result<Downloaded, Error>>,
    ) -> Option<TransferId> {
        let SharedFile { name, size, stat } = listed;
        let started = match into {
            Some(file) => self.host.get_into(session, name, size, file),
            None if self.folder.is_none() => {
                let text = "no folder to store files in: set Options::save_to";
                let _ = reply.send(Err(Error::misuse(text)));
                return None;
            }
            None => self.host.get(session, name, size, stat),
        };
        match started {
            Ok(transfer) => {
                self.downloads.insert(transfer, reply);
                Some(transfer)
            }
            Err(error) => {
                let _ = reply.send(Err(error.into()));
                None
            }
        }
    }

    pub(super) fn cancel(&mut self, transfer: TransferId) {
        if self.downloads.remove(&transfer).is_some() {
            let _ = self.host.cancel(transfer);
        }
    }

    pub(super) fn share(&mut self, path: &std::path::Path) -> Result<Box<str>, Error> {
        let (shares, name) = self
            .shares
            .with(path, &Rules { hidden: false, ..Rules::default() })
            .map_err(Error::local)?;
        self.replace_shares(shares);
        Ok(name)
    }

    pub(super) fn unshare(&mut self, name: &str) {
        self.replace_shares(self.shares.without(name));
    }

    pub(super) fn replace_shares(&mut self, shares: Shares) {
        self.host.set_shares(shares.clone());
        self.shares = shares;
    }

    pub(super) fn who(&mut self, reply: oneshot::Sender<Result<Vec<String>, Error>>) {
        self.who.push_back(reply);
        if self.who.len() == 1 {
            self.ask_who();
        }
    }

    fn ask_who(&mut self) {
        if let Err(error) = self.host.who()
            && let Some(reply) = self.who.pop_front()
        {
            let _ = reply.send(Err(error.into()));
        }
    }

    fn report(&self, event: Event) {
        // Nobody may be listening.
        let _ = self.events.send(event);
    }

    fn event(&mut self, event: peer::Event) {
        if let Some(code) = &mut self.code {
            code.event(&event, self.host.is_busy());
        }
        match event {
            peer::Event::Online { nick } => {
                let nick = nick.as_str().to_owned();
                self.online.send_replace(Some(Ok(nick.clone())));
                self.report(Event::Online { nick });
            }
            peer::Event::Offline { error, retry } => {
                let error = Error::from(error);
                if retry.is_none() {
                    self.online.send_replace(Some(Err(error.clone())));
                }
                for reply in self.who.drain(..) {
                    let _ = reply.send(Err(error.clone()));
                }
                self.report(Event::Offline { error, retry_in: retry });
            }
            peer::Event::Nick { nick } => self.nicks.push(nick.as_str().to_owned()),
            peer::Event::NicksEnd => {
                let nicks = std::mem::take(&mut self.nicks);
                if let Some(reply) = self.who.pop_front() {
                    let _ = reply.send(Ok(nicks));
                }
                if !self.who.is_empty() {
                    self.ask_who();
                }
            }
            peer::Event::Call { session, from, nick } => {
                let nick = nick.map(|nick| nick.as_str().to_owned());
                let handle = self.handle.clone();
                self.report(Event::Call(Call { session, from, nick, handle }));
            }
            peer::Event::CallRefused { from, error } => {
                self.report(Event::CallRefused { from, error: error.into() });
            }
            event => self.session_event(event),
        }
    }

    fn session_event(&mut self, event: peer::Event) {
        match event {
            peer::Event::Opened { session, peer: address, nick, incoming, path, security } => {
                let nick = nick.map(|nick| nick.as_str().to_owned());
                let (words, ended) = (None, None);
                let state = State { address, nick, incoming, path, security, words, ended };
                self.opened(session, state);
            }
            peer::Event::OpenFailed { session, error } => {
                if let Some(opening) = self.opening.remove(&session) {
                    let _ = opening.reply.send(Err(error.into()));
                } else if let Some(entry) = self.sessions.remove(&session) {
                    entry.end(Err(error.into()));
                }
            }
            peer::Event::SafetyWords { session, words } => {
                if let Some(entry) = self.sessions.get(&session) {
                    entry.state.send_modify(|state| state.words = Some(words.into()));
                }
            }
            peer::Event::Entry { session, name, size, stat } => {
                let file = RemoteFile { listed: SharedFile { name, size, stat } };
                let writer = self.sessions.get(&session).and_then(|entry| entry.listings.front());
                if writer.is_some_and(|writer| writer.push(Ok(file))) {
                    self.host.hold(session, true);
                }
            }
            peer::Event::ListEnd { session, .. } => {
                let Some(entry) = self.sessions.get_mut(&session) else { return };
                if let Some(writer) = entry.listings.pop_front() {
                    writer.finish();
                }
                if !entry.listings.is_empty() {
                    self.start_listing(session);
                }
            }
            peer::Event::Checked { session, name, yes } => {
                let entry = self.sessions.get_mut(&session);
                if let Some(reply) = entry.and_then(|entry| entry.checks.remove(&name)) {
                    let _ = reply.send(Ok(yes));
                }
            }
            peer::Event::Offered { session, name, size, stat } => {
                match self.sessions.get_mut(&session) {
                    Some(entry) if entry.offered.len() < MAX_OFFERED => {
                        entry.offered.push(SharedFile { name, size, stat });
                    }
                    _ => _ = self.host.command(session, SessionCommand::Decline(name)),
                }
            }
            peer::Event::OfferEnd { session, .. } => {
                if let Some(entry) = self.sessions.get_mut(&session) {
                    let files = std::mem::take(&mut entry.offered);
                    let receiver = entry.state.subscribe();
                    let session = Session::incoming(session, self.handle.clone(), receiver);
                    // Declined when it is dropped, which is here if nobody listens.
                    self.report(Event::Offer(Offer::new(session, files)));
                }
            }
            peer::Event::Ended { session, error } => {
                if let Some(entry) = self.sessions.remove(&session) {
                    entry.end(error.map_or(Ok(()), |error| Err(error.into())));
                }
            }
            event => self.transfer_event(event),
        }
    }

    fn opened(&mut self, session: SessionId, state: State) {
        if let Some(entry) = self.sessions.get(&session) {
            // The connection that was established first turned out to be a third party's.
            entry.state.send_replace(state);
            return;
        }
        let incoming = state.incoming;
        let (sender, receiver) = watch::channel(state);
        let entry = Entry {
            state: sender,
            listings: VecDeque::new(),
            checks: HashMap::new(),
            offered: Vec::new(),
        };
        self.sessions.insert(session, entry);
        match self.opening.remove(&session) {
            Some(Opening { reply, owner }) => {
                // One that nobody waits for any more ends as it is dropped.
                let _ = reply.send(Ok(Session::opened(session, owner, receiver)));
            }
            None if incoming => {
                let handle = self.handle.clone();
                self.report(Event::Session(Session::incoming(session, handle, receiver)));
            }
            None => {}
        }
    }

    fn transfer_event(&mut self, event: peer::Event) {
        match event {
            peer::Event::Started { transfer, direction, name, size, more, .. } => {
                let size = (!size.is_unknown()).then(|| size.bytes());
                let name = name.as_str().to_owned();
                self.report(Event::Started { transfer, direction, name, size, more });
            }
            peer::Event::Progress { transfer, direction, bytes, .. } => {
                self.report(Event::Progress { transfer, direction, bytes });
            }
            peer::Event::Finished {
                transfer, direction: Direction::Receive, name, bytes, ..
            } => {
                if let Some(reply) = self.downloads.remove(&transfer) {
                    let path = stored_at(self.folder.as_deref(), name.as_str());
                    let _ = reply.send(Ok(Downloaded { path, bytes }));
                }
            }
            peer::Event::Failed { transfer, error, .. } => {
                if let Some(reply) = self.downloads.remove(&transfer) {
                    let _ = reply.send(Err(error.into()));
                }
            }
            peer::Event::Delivered { name, bytes, delivery, .. } => {
                let name = name.as_str().to_owned();
                self.report(Event::Delivered { name, bytes, delivery });
            }
            _ => {}
        }
    }
}

impl Entry {
    /// Answers everything that still waits.
    fn end(self, result: Result<(), Error>) {
        let error = result.as_ref().err().cloned().unwrap_or_else(over);
        for listing in self.listings {
            listing.fail(error.clone());
        }
        for reply in self.checks.into_values() {
            let _ = reply.send(Err(error.clone()));
        }
        self.state.send_modify(|state| state.ended = Some(result));
    }
}

fn over() -> Error {
    Error::new(ErrorCode::Unreachable, "the session has ended")
}
