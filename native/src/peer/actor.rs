//! The task that owns a host. It carries out the commands of the handles and passes each event to the handle it
//! belongs to.

mod commands;
mod session_events;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use tokio::sync::{broadcast, mpsc, watch};
use xcher_core::peer::{Direction, SessionId, TransferId};
use xcher_core::{SharedFile, peer};

use super::call::Call;
use super::code_send::CodeSend;
use super::command::{Command, Opened, Reply, RequestId};
use super::downloaded::Downloaded;
use super::error::{Error, ErrorCode};
use super::event::Event;
use super::handle::{Handle, SessionHandle};
use super::listing_writer::ListingWriter;
use super::session_state::SessionState;
use crate::host::{Host, HostEvent};

pub(super) struct Actor {
    host: Host,
    stopping: bool,
    /// Answered once the host has stopped.
    stopped: Vec<Reply<()>>,
    code: Option<CodeSend>,
    handle: Handle,
    events: broadcast::Sender<Event>,
    online: watch::Sender<Option<Result<String, Error>>>,
    folder: Option<PathBuf>,
    opening: HashMap<SessionId, Opening>,
    sessions: HashMap<SessionId, Entry>,
    downloads: HashMap<TransferId, Running>,
    who: VecDeque<Reply<Vec<String>>>,
    nicks: Vec<String>,
}

/// A session that this host is opening.
struct Opening {
    request: RequestId,
    reply: Reply<Opened>,
}

/// A file that this host is fetching.
struct Running {
    request: RequestId,
    is_stream: bool,
    reply: Reply<Downloaded>,
}

/// An open session.
struct Entry {
    /// Set if this host opened it.
    request: Option<RequestId>,
    state: watch::Sender<SessionState>,
    listings: VecDeque<ListingWriter>,
    checks: HashMap<Box<str>, Reply<bool>>,
    offered: Vec<SharedFile>,
}

impl Actor {
    /// Starts the task of a host, which stores files in `folder`.
    pub(super) fn start(
        host: Host,
        folder: Option<PathBuf>,
        events: broadcast::Sender<Event>,
        online: watch::Sender<Option<Result<String, Error>>>,
        code: Option<CodeSend>,
    ) -> Handle {
        let (handle, commands) = Handle::new();
        let actor = Self {
            host,
            stopping: false,
            stopped: Vec::new(),
            code,
            handle: handle.clone(),
            events,
            online,
            folder,
            opening: HashMap::new(),
            sessions: HashMap::new(),
            downloads: HashMap::new(),
            who: VecDeque::new(),
            nicks: Vec::new(),
        };
        tokio::spawn(actor.run(commands));
        handle
    }

    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        while !self.stopping {
            tokio::select! {
                Some(command) = commands.recv() => self.command(command),
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
            let _ = reply.send(Ok(()));
        }
    }

    fn report(&self, event: Event) {
        // Without a reader the event is dropped.
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
                let session = SessionHandle::incoming(session, self.handle.clone());
                self.report(Event::Call(Call { from, nick, session }));
            }
            peer::Event::CallRefused { from, error } => {
                self.report(Event::CallRefused { from, error: error.into() });
            }
            event => self.session_event(event),
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
                if let Some(running) = self.downloads.remove(&transfer) {
                    let folder = self.folder.as_deref().filter(|_| !running.is_stream);
                    let path = folder.map(|folder| folder.join(name.as_str())).unwrap_or_default();
                    let _ = running.reply.send(Ok(Downloaded { path, bytes }));
                }
            }
            peer::Event::Failed { transfer, error, .. } => {
                if let Some(running) = self.downloads.remove(&transfer) {
                    let _ = running.reply.send(Err(error.into()));
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
