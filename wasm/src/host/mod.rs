//! A host behind one tunnel: the driver of [`xcher_core::Peer`] where there are no sockets.
//!
//! Nothing here decides or blocks: each call from outside passes something on and ends with
//! [`Host::turn`].

mod actions;
mod application;
mod batch_files;
mod deliveries;
mod environment;
mod links;
mod pending_files;
mod receive_batch;
mod receive_file;
mod resume;
mod send_file;
mod shares;
mod stream;
mod stream_events;
mod tunnel;
mod turn;
mod websocket_queue;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use xcher_core::peer::{
    Action, Config, ConnId, Encryption, Input, LinkReport, Path, PathPolicy, SessionId,
};
use xcher_core::{FileName, Peer};

use deliveries::Deliveries;
pub use deliveries::OfferState;
pub use environment::Environment;
use pending_files::PendingFiles;
use resume::PrefixRead;
use shares::Shares;
use stream::TunnelStream;
use tunnel::{Tunnel, WakeFlag};

/// This host's end of every connection, which a page cannot know.
const UNKNOWN_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A host that is connected through bridges: one, or two while it connects anew.
pub struct Host<E> {
    environment: E,
    peer: Peer,
    /// Oldest first.
    tunnels: Vec<Tunnel>,
    /// The number of the newest tunnel.
    last_tunnel: u32,
    /// The tunnel whose relay has stopped answering.
    silent_tunnel: Option<u32>,
    /// Immediate results of actions, which the core takes next.
    results: VecDeque<Input<'static>>,
    /// Offered folders and links, which this host cannot keep and declines.
    unsupported: VecDeque<(SessionId, FileName)>,
    /// Set while the host stops: the tunnel is closed once all bytes are sent.
    stopping: bool,
    /// Set while the loss of the tunnel is reported.
    losing_tunnel: bool,
    streams: Vec<TunnelStream>,
    /// Index of the stream whose bytes the core is processing.
    current_stream: usize,
    /// A file that has arrived, and whether with its digest, while the core checks it.
    storing: Option<(FileName, bool)>,
    pending: PendingFiles,
    deliveries: Deliveries,
    prefixes: Vec<PrefixRead>,
    shares: Shares,
    /// Time of the last progress report.
    progress_reported: Duration,
    wake_flag: Arc<WakeFlag>,
    waker: Waker,
}

impl<E: Environment> Host<E> {
    /// Creates a host that is offline. Without `encryption`, its sessions are unencrypted.
    pub fn new(config: Config, encryption: Option<Encryption>, environment: E) -> Self {
        let (wake_flag, waker) = WakeFlag::waker();
        // The bridge dials, and applies its own rules to private addresses (section 10.3).
        let path_policy = PathPolicy::Only(Path::Bridge);
        let peer = Peer::new(Config { allow_private: true, via: path_policy, ..config });
        let peer = match encryption {
            Some(encryption) => peer.with_encryption(encryption),
            None => peer,
        };
        Self {
            environment,
            peer,
            tunnels: Vec::new(),
            last_tunnel: 0,
            silent_tunnel: None,
            results: VecDeque::new(),
            unsupported: VecDeque::new(),
            stopping: false,
            losing_tunnel: false,
            streams: Vec::new(),
            current_stream: usize::MAX,
            storing: None,
            pending: PendingFiles::default(),
            deliveries: Deliveries::default(),
            prefixes: Vec::new(),
            shares: Shares::default(),
            progress_reported: Duration::ZERO,
            wake_flag,
            waker,
        }
    }

    /// Returns the environment that this host was created with.
    pub fn environment(&self) -> &E {
        &self.environment
    }

    /// Returns the state machine, to look at.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Calls a method of the state machine, does what it asks for, and turns.
    pub fn command<R>(
        &mut self,
        decide: impl FnOnce(&mut Peer, Duration, &mut Vec<Action>) -> R,
    ) -> R {
        let result = self.with(decide);
        self.turn();
        result
    }

    /// Disconnects in order, as [`Peer::stop`]; [`Environment::disconnect`] follows.
    pub fn stop(&mut self) {
        self.stopping = true;
        self.deliveries.stop();
        self.command(Peer::stop);
    }

    /// Takes the report that the WebSocket of a tunnel, or the channel of a link, is open.
    pub fn opened(&mut self, tunnel: u32) {
        if let Some(opened) = self.tunnels.iter_mut().find(|known| known.number == tunnel) {
            opened.opened();
            if let Some(conn) = opened.relay {
                self.dial_relay(tunnel, conn);
                self.act_on(Vec::new());
            }
            self.report_link(tunnel, LinkReport::Up);
        }
        self.turn();
    }

    /// Takes a message that arrived over the WebSocket of a tunnel, or a link.
    pub fn received(&mut self, tunnel: u32, message: Vec<u8>) {
        let queue =
            self.tunnels.iter().find(|known| known.number == tunnel).and_then(Tunnel::queue);
        if let Some(queue) = queue
            && !queue.receive(message)
        {
            self.lose(tunnel, "the other end sent more bytes than its credit allows");
        }
        self.turn();
    }

    /// Takes the report that the WebSocket of a tunnel, or a link, was closed, or could not be opened.
    pub fn lost(&mut self, tunnel: u32, why: &str) {
        self.lose(tunnel, why);
        self.turn();
    }

    fn input(&mut self, input: Input<'_>) {
        self.with(|peer, now, actions| peer.handle(input, now, actions));
    }

    /// Queues an action's immediate result, which the core takes once all actions are done.
    fn queue_input(&mut self, input: Input<'static>) {
        self.results.push_back(input);
    }

    /// Calls a method of the state machine and does what it asks for. No action calls this, however many
    /// follow from one another.
    fn with<R>(&mut self, decide: impl FnOnce(&mut Peer, Duration, &mut Vec<Action>) -> R) -> R {
        let mut actions = Vec::new();
        let result = decide(&mut self.peer, self.environment.now(), &mut actions);
        self.act_on(actions);
        result
    }

    /// Apart from [`with`](Self::with), which the compiler generates once for each caller.
    fn act_on(&mut self, mut actions: Vec<Action>) {
        loop {
            for action in actions.drain(..) {
                self.act(action);
            }
            let now = self.environment.now();
            if let Some(result) = self.results.pop_front() {
                self.peer.handle(result, now, &mut actions);
            } else if let Some((session, name)) = self.unsupported.pop_front() {
                // A session that has ended needs no answer.
                let _ = self.peer.decline(session, &name, now, &mut actions);
            } else {
                break;
            }
        }
        if let Some(tunnel) = self.silent_tunnel.take() {
            self.lose(tunnel, "the relay does not answer");
        }
    }
}
