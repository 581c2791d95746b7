//! A peer on real sockets and files: the driver of [`xcher_core::Peer`].
//!
//! One task owns the state machine and carries out its actions. Every connection has tasks of its
//! own that report here; file bytes move on blocking threads. Nothing is decided in this module.

mod batch;
mod dial;
mod known;
mod listen;
mod open;
mod packet_connection;
mod passing_on;
mod privacy;
mod resume;
mod stdio;
mod task_report;
mod tls_roots;
mod transfer;
mod tunnel;
mod web_socket;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use xcher_core::Peer;
use xcher_core::code::Code;
use xcher_core::peer::{
    Action, Config, ConnId, Direction, Event, Input, ListenerId, SessionId, TransferId,
};
use xcher_core::secure::PublicKey;
use xcher_core::session::Want;
use xcher_core::{FileName, Kind, LeftOut, MisuseError, Nick, NotStored, SharedFile, Size, Stat};

use crate::RelayAddress;
use crate::data::{BufferBudget, Rate};
use crate::files::{Escaped, Inbox, Kept, Partial, Shares, Skipped, Walk};
use crate::keys::KeysError;
use known::Known;
use listen::Port;
use open::Opened;
use packet_connection::Link;
use passing_on::PassedOn;
use resume::Found;
use stdio::Stream;
use task_report::Happened;
use transfer::Moving;
use tunnel::Tunnel;

pub use privacy::Privacy;
pub use stdio::Sink;
pub use tls_roots::Trust;

/// How often running transfers are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How many files of a list are fetched from the disk at a time.
const LIST_STEP: usize = 512;
/// Reports of tasks that may wait for the host.
const REPORTS: usize = 256;

/// What a host has to tell.
#[derive(Debug)]
pub enum Told {
    /// What the protocol has to tell.
    Peer(Event),
    /// A file in a shared folder that is not shared.
    Skipped(Skipped),
    /// A file that is shared under another name than it has.
    Escaped(Escaped),
    /// The relay proved another key than the one that it had first at this address, or none.
    OtherRelay {
        /// The key that it had.
        before: PublicKey,
        /// The key that it has.
        now: Option<PublicKey>,
    },
    /// A key that was seen for the first time and could not be kept.
    NotPinned {
        /// Whose; the relay's own where it is nobody's.
        nick: Option<Nick>,
        /// Why.
        why: KeysError,
    },
    /// An unfinished file that stays.
    Kept {
        /// Of which transfer.
        transfer: TransferId,
        /// Of which session.
        session: SessionId,
        /// Where.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
}

/// What a host works with.
pub struct Setup {
    /// How it behaves.
    pub config: Config,
    /// Where the relay is.
    pub relay: RelayAddress,
    /// What the bridge wants to hear, where it wants something.
    pub token: Option<String>,
    /// Who vouches for the bridge, where it speaks TLS.
    pub trust: Trust,
    /// With what it speaks in private; without it every session is in the clear.
    pub privacy: Option<Privacy>,
    /// What it shares.
    pub shares: Shares,
    /// Where what it receives goes.
    pub sink: Sink,
    /// How fast.
    pub rates: Rates,
}

/// How fast files go, all together.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// From this host.
    pub send: Rate,
    /// To it.
    pub receive: Rate,
}

/// A running host. It moves while [`next`](Self::next) is awaited.
pub struct Host {
    peer: Peer,
    started: Instant,
    relay: RelayAddress,
    token: Option<String>,
    trust: Trust,
    /// Whom it knows, where it speaks in private.
    known: Option<Known>,
    /// Where there is one, it lends sockets.
    tunnel: Option<Tunnel>,
    shares: Arc<Shares>,
    inbox: Option<Arc<Inbox>>,
    /// What takes the place of a folder.
    stream: Option<Stream>,
    /// Where files go whose bytes are passed on as they arrive.
    passing_on: HashMap<TransferId, PassedOn>,
    /// Sessions whose listing is not read as fast as it comes.
    held: HashSet<SessionId>,
    told: VecDeque<Told>,
    /// What actions led to at once, and the state machine is still to take.
    results: VecDeque<Input<'static>>,
    reports: mpsc::Receiver<Happened>,
    reporter: mpsc::Sender<Happened>,
    links: HashMap<ConnId, Link>,
    /// Data connections whose transfer has not begun.
    idle: HashMap<ConnId, TcpStream>,
    dials: HashMap<ConnId, tokio::task::AbortHandle>,
    ports: HashMap<ListenerId, Port>,
    walks: HashMap<SessionId, Walk>,
    moving: HashMap<TransferId, Moving>,
    /// What is being read for which transfer; each ends soon when told so.
    looking: HashMap<TransferId, Arc<AtomicBool>>,
    /// What an earlier try left, until it is gone on with.
    found: HashMap<TransferId, Found>,
    /// Files that are to be sent.
    opened: HashMap<TransferId, Opened>,
    /// Files received and not stored yet.
    partials: HashMap<TransferId, Partial>,
    /// The sessions of files that come.
    sessions: HashMap<TransferId, SessionId>,
    closing: tokio::task::JoinSet<()>,
    buffers: Arc<BufferBudget>,
    rates: Rates,
    looked: Instant,
}

impl Host {
    /// Starts going online. Must be called within a tokio runtime.
    pub fn start(setup: Setup) -> Self {
        let (reporter, reports) = mpsc::channel(REPORTS);
        let peer = Peer::new(setup.config);
        let (peer, known) = match setup.privacy {
            Some(Privacy { encryption, known }) => (peer.with_encryption(encryption), Some(known)),
            None => (peer, None),
        };
        let (inbox, stream) = setup.sink.parts();
        let mut host = Self {
            peer,
            started: Instant::now(),
            relay: setup.relay,
            token: setup.token,
            trust: setup.trust,
            known,
            tunnel: None,
            shares: Arc::new(setup.shares),
            inbox,
            stream,
            passing_on: HashMap::new(),
            held: HashSet::new(),
            told: VecDeque::new(),
            results: VecDeque::new(),
            reports,
            reporter,
            links: HashMap::new(),
            idle: HashMap::new(),
            dials: HashMap::new(),
            ports: HashMap::new(),
            walks: HashMap::new(),
            moving: HashMap::new(),
            looking: HashMap::new(),
            found: HashMap::new(),
            opened: HashMap::new(),
            partials: HashMap::new(),
            sessions: HashMap::new(),
            closing: tokio::task::JoinSet::new(),
            buffers: Arc::default(),
            rates: setup.rates,
            looked: Instant::now(),
        };
        host.with(|peer, now, actions| peer.start(now, actions));
        host
    }

    /// The next thing there is to tell. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Told {
        loop {
            if let Some(told) = self.told.pop_front() {
                return told;
            }
            let until = self.peer.next_deadline().map(|at| self.started + at);
            let look = (!self.moving.is_empty()).then(|| self.looked + LOOK);
            let wake = until.into_iter().chain(look).min();
            tokio::select! {
                Some(report) = self.reports.recv() => {
                    self.happened(report);
                    // What came meanwhile is taken before anything is told, to save wake-ups.
                    while self.told.is_empty() && let Ok(report) = self.reports.try_recv() {
                        self.happened(report);
                    }
                }
                () = sleep_until(wake) => {
                    self.report_held();
                    self.input(Input::Tick);
                }
            }
            self.look_at_transfers();
        }
    }

    /// The folder it receives into.
    pub fn inbox(&self) -> Option<&Inbox> {
        self.inbox.as_deref()
    }

    /// As [`Peer::nick`].
    pub fn nick(&self) -> Option<&Nick> {
        self.peer.nick()
    }

    /// As [`Peer::is_busy`].
    pub fn is_busy(&self) -> bool {
        self.peer.is_busy()
    }

    /// As [`Peer::open`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open(&mut self, nick: Nick) -> Result<SessionId, MisuseError> {
        self.with(|peer, now, actions| peer.open(nick, now, actions))
    }

    /// As [`Peer::open_code`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_code(&mut self, code: Code) -> Result<SessionId, MisuseError> {
        self.with(|peer, now, actions| peer.open_code(code, now, actions))
    }

    /// As [`Peer::offer`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn offer(&mut self, session: SessionId, files: Vec<SharedFile>) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.offer(session, files, now, actions))
    }

    /// As [`Peer::leave_out`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn leave_out(&mut self, session: SessionId, left: Vec<LeftOut>) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.leave_out(session, left, now, actions))
    }

    /// As [`Peer::decline`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn decline(&mut self, session: SessionId, name: &FileName) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.decline(session, name, now, actions))
    }

    /// As [`Peer::accept`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn accept(&mut self, session: SessionId) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.accept(session, now, actions))
    }

    /// As [`Peer::reject`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn reject(&mut self, session: SessionId) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.reject(session, now, actions))
    }

    /// As [`Peer::list`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn list(&mut self, session: SessionId) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.list(session, now, actions))
    }

    /// As [`Peer::check`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn check(&mut self, session: SessionId, name: FileName) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.check(session, name, now, actions))
    }

    /// As [`Peer::get`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn get(
        &mut self,
        session: SessionId,
        name: FileName,
        size: Size,
        stat: Stat,
    ) -> Result<TransferId, MisuseError> {
        self.make_private(&name, stat);
        self.with(|peer, now, actions| peer.get(session, name, size, stat, now, actions))
    }

    /// As [`Peer::get_all`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn get_all(
        &mut self,
        session: SessionId,
        files: Vec<(FileName, Size, Stat)>,
    ) -> Result<Vec<TransferId>, MisuseError> {
        for (name, _, stat) in &files {
            self.make_private(name, *stat);
        }
        self.with(|peer, now, actions| peer.get_all(session, files, now, actions))
    }

    /// A folder that is its owner's alone is so before a file lands in it (section 16).
    fn make_private(&self, name: &FileName, stat: Stat) {
        if let (Kind::Folder, true, Some(inbox)) = (stat.kind, stat.private, &self.inbox) {
            inbox.make_private(name);
        }
    }

    /// As [`Peer::want`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn want(&mut self, session: SessionId, want: Want) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.want(session, want, now, actions))
    }

    /// As [`Peer::skip`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn forgo(
        &mut self,
        session: SessionId,
        name: &FileName,
        why: NotStored,
    ) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.skip(session, name, why, now, actions))
    }

    /// As [`Peer::who`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn who(&mut self) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.who(now, actions))
    }

    /// As [`Peer::cancel`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn cancel(&mut self, transfer: TransferId) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.cancel(transfer, now, actions))
    }

    /// As [`Peer::end`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn end(&mut self, session: SessionId) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.end(session, now, actions))
    }

    /// Stops in order, within about a second: X_END to everyone, unfinished files stay. What there
    /// was still to tell is returned.
    pub async fn stop(mut self) -> Vec<Told> {
        self.with(|peer, now, actions| peer.stop(now, actions));
        let links: Vec<_> = self.links.keys().copied().collect();
        for conn in links {
            self.close(conn);
        }
        let last = async {
            // The threads that moved files end with their sockets, and hand back what they had.
            while !(self.closing.is_empty() && self.moving.is_empty()) {
                tokio::select! {
                    Some(_) = self.closing.join_next() => {}
                    Some(report) = self.reports.recv() => self.happened(report),
                }
            }
            self.keep_partials();
            while let Ok(report) = self.reports.try_recv() {
                self.happened(report);
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), last).await;
        self.told.drain(..).collect()
    }

    fn keep_partials(&mut self) {
        for (transfer, partial) in std::mem::take(&mut self.partials) {
            self.keep(transfer, partial);
        }
    }

    fn keep(&mut self, transfer: TransferId, partial: Partial) {
        let (kept, session) = (partial.keep(), self.sessions.remove(&transfer));
        if let (Some(Kept { path, bytes }), Some(session)) = (kept, session) {
            self.told.push_back(Told::Kept { transfer, session, path, bytes });
        }
    }

    fn input(&mut self, input: Input<'_>) {
        self.with(|peer, now, actions| peer.handle(input, now, actions));
    }

    /// What an action led to at once: the state machine takes it when all actions are done.
    fn later(&mut self, input: Input<'static>) {
        self.results.push_back(input);
    }

    /// Lets the state machine decide, then does as it says. No action calls this, however many follow
    /// from one another.
    fn with<R>(&mut self, decide: impl FnOnce(&mut Peer, Duration, &mut Vec<Action>) -> R) -> R {
        let mut actions = Vec::new();
        let result = decide(&mut self.peer, self.started.elapsed(), &mut actions);
        self.carry_out(actions);
        result
    }

    fn carry_out(&mut self, mut actions: Vec<Action>) {
        loop {
            for action in actions.drain(..) {
                self.act(action);
            }
            let Some(result) = self.results.pop_front() else { break };
            self.peer.handle(result, self.started.elapsed(), &mut actions);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::DialRelay { conn } => self.dial_relay(conn),
            Action::Dial { conn, to, path, purpose } => self.dial_host(conn, to, path, purpose),
            Action::Listen { listener, ip, path, purpose } => {
                self.listen(listener, ip, path, purpose);
            }
            Action::StopListening { listener } => {
                self.ports.remove(&listener);
            }
            Action::Write { conn, bytes } => {
                if let Some(link) = self.links.get(&conn) {
                    link.write(bytes);
                }
            }
            Action::Pause { conn } => self.pause(conn, true),
            Action::Resume { conn } => self.pause(conn, false),
            Action::Close { conn } => self.close(conn),
            Action::List { session } => self.list_next(session),
            Action::Find { session, name } => self.find(session, name),
            Action::FindPartial { transfer, name, size, from } => {
                self.find_partial(transfer, name, size, from);
            }
            Action::Open { transfer, name, size, length, .. } => {
                self.open_shared(transfer, name, size, length);
            }
            Action::Send { transfer, conn, name, size, from, seal } => {
                self.send(transfer, conn, name, size, from, seal);
            }
            Action::Receive { transfer, conn, name, size, from, seal } => {
                self.receive(transfer, conn, name, size, from, seal);
            }
            Action::SendBatch { transfer, conn, files, seal } => {
                self.send_batch(transfer, conn, files, seal);
            }
            Action::ReceiveBatch { transfer, conn, files, seal } => {
                self.receive_batch(transfer, conn, files, seal);
            }
            Action::Store { transfer, stat } => self.store(transfer, stat),
            Action::Abandon { transfer } => self.abandon(transfer),
            Action::Pin { nick, key } => self.pin(nick, key),
            Action::RelayVerified { key } => self.relay_proved(key),
            Action::Notify(event) => {
                match &event {
                    Event::Ended { session, .. } | Event::OpenFailed { session, .. } => {
                        self.walks.remove(session);
                        self.held.remove(session);
                    }
                    Event::Started { transfer, session, direction: Direction::Receive, .. } => {
                        self.sessions.insert(*transfer, *session);
                    }
                    Event::Finished { transfer, .. } => {
                        self.passing_on.remove(transfer);
                        self.sessions.remove(transfer);
                    }
                    Event::Failed { transfer, .. } => {
                        self.stop_looking(*transfer);
                        self.passing_on.remove(transfer);
                        // What is still being written may be kept.
                        if !self.moving.contains_key(transfer) {
                            self.sessions.remove(transfer);
                        }
                    }
                    _ => {}
                }
                self.told.push_back(Told::Peer(event));
            }
        }
    }

    fn close(&mut self, conn: ConnId) {
        if let Some(dial) = self.dials.remove(&conn) {
            dial.abort();
        }
        self.idle.remove(&conn);
        if let Some(link) = self.links.remove(&conn) {
            self.closing.spawn(link.close());
        }
        self.stop_moving(conn);
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
