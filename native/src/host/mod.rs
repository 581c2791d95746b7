//! A host on real sockets and files: the driver of [`xcher_core::Peer`].
//!
//! One task owns the state machine and carries out its actions. Each connection has tasks of its own
//! that report to it; blocking threads transfer the bytes of files. This module decides nothing.

mod actions;
mod batch;
mod connection;
mod dial;
mod disk_reads;
mod encryption;
mod event;
mod file_transfer;
mod irc;
mod known_keys;
mod link;
mod listen;
mod loopback;
mod mapped_ports;
mod opened_file;
mod packet_connection;
mod partial_prefix;
mod punch;
mod relay_tls;
mod setup;
mod shared_port;
mod stdio;
mod stream_ports;
mod streaming;
mod task_report;
mod tls_roots;
mod transfer;
mod tunnel;
mod tunnels;
pub(crate) mod web_socket;

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use xcher_core::code::Code;
use xcher_core::irc::call_policy;
use xcher_core::peer::{
    Action, ConnId, Input, ListenerId, RelayToken, SessionCommand, SessionId, TransferId,
};
#[cfg(feature = "map-ports")]
use xcher_core::peer::{Path, PathPolicy};
use xcher_core::{FileName, Kind, MisuseError, Nick, Peer, Size, Stat};

use crate::RelayAddress;
use crate::data::BufferBudget;
use crate::files::{Inbox, KeptPartial, Partial, Shares, Walk};
use connection::WhyClosed;
use known_keys::KnownKeys;
use link::Link;
use listen::Listener;
use mapped_ports::MappedPorts;
use opened_file::OpenedFile;
use packet_connection::PacketConnection;
use partial_prefix::PartialPrefix;
use stdio::OutputStream;
use streaming::StreamedFile;
use task_report::TaskReport;
use transfer::{POLL_INTERVAL, Transfer};
use tunnels::Tunnels;

pub use crate::data::Rate;
pub use encryption::EncryptionSetup;
pub use event::HostEvent;
#[cfg(feature = "cli")]
pub(crate) use irc::NOT_ENCRYPTED;
pub use setup::{IrcOptions, Rates, Setup};
pub(crate) use shared_port::connect_from;
pub use stdio::Sink;
pub(crate) use tls_roots::Service;
pub use tls_roots::TlsRoots;

/// Reports of tasks that wait for the host before their senders do.
const REPORT_QUEUE_LEN: usize = 256;
/// Time for a stopped host to close its connections and keep partial files.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);
/// Time for the router to delete the mappings of a stopped host. It may have to answer requests first.
const UNMAP_TIMEOUT: Duration = Duration::from_secs(3);

/// A running host. It makes progress while [`next`](Self::next) is awaited.
pub struct Host {
    peer: Peer,
    started: Instant,
    relay: RelayAddress,
    token: Option<String>,
    irc: IrcOptions,
    allow_private: bool,
    /// Why an IRC server or its channel does not want this host, once it has said so.
    barred: WhyClosed,
    tls_roots: TlsRoots,
    /// The keys it knows; `None` if its sessions are unencrypted.
    known_keys: Option<KnownKeys>,
    /// The tunnels to the bridge, if the relay is reached through one.
    tunnels: Tunnels,
    /// The connection to the relay, and the address that it was last connected to.
    relay_conn: Option<ConnId>,
    relay_at: Option<SocketAddr>,
    shares: Arc<Shares>,
    inbox: Option<Arc<Inbox>>,
    /// The stream that takes the place of a folder.
    output: Option<OutputStream>,
    /// Files whose bytes are streamed to a writer of the user's.
    streamed: HashMap<TransferId, StreamedFile>,
    /// Sessions whose listing is not read as fast as it arrives.
    held: HashSet<SessionId>,
    events: VecDeque<HostEvent>,
    /// Immediate results of actions, which the state machine has not handled yet.
    results: VecDeque<Input<'static>>,
    reports: mpsc::Receiver<TaskReport>,
    reporter: mpsc::Sender<TaskReport>,
    packet_connections: HashMap<ConnId, PacketConnection>,
    /// Data connections whose transfer has not started.
    data_connections: HashMap<ConnId, TcpStream>,
    dials: HashMap<ConnId, AbortHandle>,
    listeners: HashMap<ListenerId, Listener>,
    /// Ports from which another host is going to be dialled (section 5.8).
    punch_ports: HashMap<ListenerId, TcpListener>,
    /// For each control connection that is a stream of a link, that link.
    links: HashMap<ConnId, Link>,
    mapped_ports: MappedPorts,
    walks: HashMap<SessionId, Walk>,
    transfers: HashMap<TransferId, Transfer>,
    /// Disk reads that prepare transfers. Setting the flag cancels them.
    disk_reads: HashMap<TransferId, Arc<AtomicBool>>,
    /// Partial files of earlier attempts, until their transfer starts.
    prefixes: HashMap<TransferId, PartialPrefix>,
    /// Files to be sent, until their transfer starts.
    opened: HashMap<TransferId, OpenedFile>,
    /// Files received and not stored yet.
    partials: HashMap<TransferId, Partial>,
    /// The sessions of files being received.
    session_of: HashMap<TransferId, SessionId>,
    closing: JoinSet<()>,
    buffers: Arc<BufferBudget>,
    rates: Rates,
    /// The time at which the progress of transfers was last read.
    polled_at: Instant,
}

impl Host {
    /// Starts to go online. Must be called within a tokio runtime.
    pub fn start(setup: Setup) -> Self {
        let (reporter, reports) = mpsc::channel(REPORT_QUEUE_LEN);
        #[cfg(feature = "map-ports")]
        let is_direct = setup.config.via != PathPolicy::Only(Path::Bridge);
        let mut config = setup.config;
        if setup.relay.irc_channel().is_some() {
            let awaits_code = setup.encryption.as_ref().is_some_and(EncryptionSetup::has_code);
            config.calls = call_policy(config.calls, awaits_code);
        }
        let allow_private = config.allow_private;
        config.token = setup.token.as_deref().and_then(RelayToken::parse);
        config.is_relay_confidential = setup.relay.is_confidential();
        let peer = Peer::new(config);
        let (peer, known_keys) = match setup.encryption {
            Some(EncryptionSetup { encryption, known_keys, .. }) => {
                (peer.with_encryption(encryption), Some(known_keys))
            }
            None => (peer, None),
        };
        let (inbox, output) = setup.sink.parts();
        #[cfg(feature = "map-ports")]
        let mapped_ports = match is_direct && setup.map_ports {
            true => MappedPorts::start(),
            false => MappedPorts::default(),
        };
        #[cfg(not(feature = "map-ports"))]
        let mapped_ports = MappedPorts::default();
        let mut host = Self {
            peer,
            started: Instant::now(),
            relay: setup.relay,
            token: setup.token,
            irc: setup.irc,
            allow_private,
            barred: WhyClosed::default(),
            tls_roots: setup.tls_roots,
            known_keys,
            tunnels: Tunnels::default(),
            relay_conn: None,
            relay_at: None,
            shares: Arc::new(setup.shares),
            inbox,
            output,
            streamed: HashMap::new(),
            held: HashSet::new(),
            events: VecDeque::new(),
            results: VecDeque::new(),
            reports,
            reporter,
            packet_connections: HashMap::new(),
            data_connections: HashMap::new(),
            dials: HashMap::new(),
            listeners: HashMap::new(),
            punch_ports: HashMap::new(),
            links: HashMap::new(),
            mapped_ports,
            walks: HashMap::new(),
            transfers: HashMap::new(),
            disk_reads: HashMap::new(),
            prefixes: HashMap::new(),
            opened: HashMap::new(),
            partials: HashMap::new(),
            session_of: HashMap::new(),
            closing: JoinSet::new(),
            buffers: Arc::default(),
            rates: setup.rates,
            polled_at: Instant::now(),
        };
        host.with(|peer, now, actions| peer.start(now, actions));
        host
    }

    /// Waits for the next event. Cancel safe.
    pub async fn next(&mut self) -> HostEvent {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            let deadline = self.peer.next_deadline().map(|at| self.started + at);
            let poll = (!self.transfers.is_empty()).then(|| self.polled_at + POLL_INTERVAL);
            let wake = deadline.into_iter().chain(poll).min();
            tokio::select! {
                Some(report) = self.reports.recv() => {
                    self.handle_report(report);
                    // Handles what was reported meanwhile before any event, to save wake-ups.
                    while self.events.is_empty() && let Ok(report) = self.reports.try_recv() {
                        self.handle_report(report);
                    }
                }
                () = sleep_until(wake) => {
                    self.report_held();
                    self.input(Input::Tick);
                }
                event = self.mapped_ports.next() => return event,
            }
            self.poll_transfers();
        }
    }

    /// Returns the folder it receives into.
    pub fn inbox(&self) -> Option<&Inbox> {
        self.inbox.as_deref()
    }

    /// As [`Peer::nick`].
    pub fn nick(&self) -> Option<&Nick> {
        self.peer.nick()
    }

    /// As [`Peer::named_address`].
    pub fn named_address(&self) -> Option<IpAddr> {
        self.peer.named_address()
    }

    /// Returns true once the operators of an IRC server or channel have removed this host: it does not come back.
    pub fn is_barred(&self) -> bool {
        self.barred.get().is_some()
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

    /// As [`Peer::run_command`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn command(
        &mut self,
        session: SessionId,
        command: SessionCommand,
    ) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.run_command(session, command, now, actions))
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

    /// As [`Peer::cancel`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn cancel(&mut self, transfer: TransferId) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.cancel(transfer, now, actions))
    }

    /// As [`Peer::who`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn who(&mut self) -> Result<(), MisuseError> {
        self.with(|peer, now, actions| peer.who(now, actions))
    }

    /// Stops within about a second, or three if the router is slow to delete mapped ports: sends X_END in every
    /// session and keeps partial files. Returns the events that were not yet taken.
    pub async fn stop(mut self) -> Vec<HostEvent> {
        self.with(|peer, now, actions| peer.stop(now, actions));
        let open: Vec<_> = self.packet_connections.keys().copied().collect();
        for conn in open {
            self.close(conn);
        }
        let mapped_ports = std::mem::take(&mut self.mapped_ports);
        let finish = async {
            // The threads of transfers end with their sockets, and return their partial files.
            while !(self.closing.is_empty() && self.transfers.is_empty()) {
                tokio::select! {
                    Some(_) = self.closing.join_next() => {}
                    Some(report) = self.reports.recv() => self.handle_report(report),
                }
            }
            for (transfer, partial) in std::mem::take(&mut self.partials) {
                self.keep(transfer, partial);
            }
            while let Ok(report) = self.reports.try_recv() {
                self.handle_report(report);
            }
        };
        let finish = timeout(STOP_TIMEOUT, finish);
        let unmap = timeout(UNMAP_TIMEOUT, mapped_ports.stop());
        let _ = tokio::join!(finish, unmap);
        self.events.drain(..).collect()
    }

    /// Creates a private folder before a file can be stored in it (section 16).
    fn make_private(&self, name: &FileName, stat: Stat) {
        if let (Kind::Folder, true, Some(inbox)) = (stat.kind, stat.private, &self.inbox) {
            inbox.make_private(name);
        }
    }

    /// Keeps the partial file of a transfer that ended early.
    fn keep(&mut self, transfer: TransferId, partial: Partial) {
        let (kept, session) = (partial.keep(), self.session_of.remove(&transfer));
        if let (Some(KeptPartial { path, bytes }), Some(session)) = (kept, session) {
            self.events.push_back(HostEvent::PartialKept { transfer, session, path, bytes });
        }
    }

    fn input(&mut self, input: Input<'_>) {
        self.with(|peer, now, actions| peer.handle(input, now, actions));
    }

    /// Queues the immediate result of an action. The state machine handles it after all other actions.
    fn later(&mut self, input: Input<'static>) {
        self.results.push_back(input);
    }

    /// Lets the state machine decide, then carries out its actions. No action calls this, so that the
    /// stack does not grow with the number of actions that follow from one another.
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
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
