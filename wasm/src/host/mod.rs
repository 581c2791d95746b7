//! A peer over one tunnel: the driver of [`xcher_core::Peer`] where there are no sockets.
//!
//! Nothing is decided in this module, and nothing waits: whatever is called from outside puts
//! something in and ends with [`Host::turn`].

mod actions;
mod awaiting;
mod batch;
mod deliveries;
mod file;
mod resume;
mod shares;
mod stream;
mod stream_events;
mod tunnel;
mod websocket_queue;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use xcher_core::code::Code;
use xcher_core::delivery::{Outcome, Status};
use xcher_core::peer::{
    Action, Config, ConnId, Encryption, Event, Input, Path, PathPolicy, SessionId, TransferId,
};
use xcher_core::secure::PublicKey;
use xcher_core::session::Want;
use xcher_core::{FileName, MisuseError, Nick, Peer, SharedFile, Size, Stat};

use awaiting::Awaiting;
use deliveries::Deliveries;
pub use deliveries::OfferState;
use file::WANTED;
use resume::Beginning;
use shares::Shares;
use stream::{Control, ENTRIES, Link, Role};
use tunnel::{MAX_STREAMS, Tunnel, Woken};

/// The longest message that is sent.
const MESSAGE: usize = 64 << 10;
/// How often it is told how far files are.
const LOOK: Duration = Duration::from_millis(100);
/// This end of every connection, which a page cannot know.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// What a host cannot do by itself. None of it may call the host again before it returns.
pub trait Outside {
    /// The time since any fixed moment.
    fn now(&self) -> Duration;
    /// Open the WebSocket: [`Host::opened`] or [`Host::lost`] follows.
    fn connect(&self);
    /// Close it; nothing more is to come of it.
    fn disconnect(&self);
    /// Send a message. False if it has to wait: [`Host::turn`] is called when there is room.
    fn send(&self, message: &[u8]) -> bool;
    /// Read so many bytes, the next, of the file that this transfer sends: [`Host::supply`] or
    /// [`Host::unread`] follows. With a name, all of that file; of many, answers follow in the same
    /// order.
    fn read(&self, transfer: TransferId, length: usize, name: Option<&FileName>);
    /// Read the beginning of a file, in pieces: so many bytes of one that is shared with a session, or
    /// all that an earlier try left of one that is to come. [`Host::supply`] with each piece and
    /// [`Host::looked`] follow.
    fn look(&self, transfer: TransferId, name: &FileName, shared: Option<(SessionId, u64)>);
    /// Take bytes of a file that comes.
    fn take(&self, transfer: TransferId, bytes: &[u8]);
    /// Keep that a nick at this relay holds a key.
    fn pin(&self, nick: &Nick, key: PublicKey);
    /// A file came whole, all its bytes were given to [`take`](Self::take): [`Host::stored`] or
    /// [`Host::unstored`] follows. `verified` says that it came with its digest, which is right.
    fn whole(&self, transfer: TransferId, verified: bool);
    /// Tell how it stands with an offer, by its number; `last` if nothing more follows of it.
    fn offering(&self, offer: u64, state: OfferState, last: bool, outcome: &Outcome);
    /// Tell how it stands with what is served by a code: never [`Status::Pending`].
    fn served(&self, verdict: &Status);
    /// Tell the user. `lost` says that it came about because the tunnel is gone.
    fn tell(&self, event: Event, lost: bool);
}

/// A peer that lives at a bridge.
pub struct Host<O> {
    outside: O,
    peer: Peer,
    tunnel: Option<Tunnel>,
    /// The relay's connection waits for the WebSocket.
    dialling: Option<ConnId>,
    /// The relay's connection.
    relay: Option<ConnId>,
    /// The relay has stopped answering.
    silent: bool,
    /// What actions led to at once, and the state machine is still to take.
    results: VecDeque<Input<'static>>,
    /// What was offered and this host cannot keep: it is declined after them.
    unwanted: VecDeque<(SessionId, FileName)>,
    /// The host stops: the tunnel is closed when all is sent.
    leaving: bool,
    /// The tunnel is gone, and what it carried is being told.
    losing: bool,
    links: Vec<Link>,
    /// What the state machine is told of came over this one of them.
    reading: usize,
    /// A file that came, and whether with its digest, while the state machine is told so.
    storing: Option<(FileName, bool)>,
    awaiting: Awaiting,
    deliveries: Deliveries,
    /// What is there of files that are to go on.
    beginnings: Vec<Beginning>,
    shares: Shares,
    told: Duration,
    woken: Arc<Woken>,
    waker: Waker,
}

impl<O: Outside> Host<O> {
    /// A host that is not online yet. Without trust, it speaks in the clear.
    pub fn new(config: Config, trust: Option<Encryption>, outside: O) -> Self {
        let (woken, waker) = Woken::waker();
        // It is the bridge that dials, and by the rules of its own place (section 10.3).
        let peer = Peer::new(Config {
            allow_private: true,
            via: PathPolicy::Only(Path::Bridge),
            ..config
        });
        let peer = match trust {
            Some(trust) => peer.with_encryption(trust),
            None => peer,
        };
        Self {
            outside,
            peer,
            tunnel: None,
            dialling: None,
            relay: None,
            silent: false,
            results: VecDeque::new(),
            unwanted: VecDeque::new(),
            leaving: false,
            losing: false,
            links: Vec::new(),
            reading: usize::MAX,
            storing: None,
            awaiting: Awaiting::default(),
            deliveries: Deliveries::default(),
            beginnings: Vec::new(),
            shares: Shares::default(),
            told: Duration::ZERO,
            woken,
            waker,
        }
    }

    /// Goes online, as [`Peer::start`].
    pub fn start(&mut self) {
        self.with(Peer::start);
        self.turn();
    }

    /// Stops in order, as [`Peer::stop`]; then [`Outside::disconnect`].
    pub fn stop(&mut self) {
        self.leaving = true;
        self.deliveries.stop();
        self.with(Peer::stop);
        self.turn();
    }

    /// The WebSocket is open.
    pub fn opened(&mut self) {
        self.tunnel = Some(Tunnel::new());
        if let Some(conn) = self.dialling.take() {
            self.dial_relay(conn);
            self.act_on(Vec::new());
        }
        self.turn();
    }

    /// A message came over the WebSocket.
    pub fn received(&mut self, message: Vec<u8>) {
        if let Some(tunnel) = &self.tunnel
            && !tunnel.pipe.came(message)
        {
            self.lose("the bridge sent more than it may");
        }
        self.turn();
    }

    /// The WebSocket is closed, or could not be had.
    pub fn lost(&mut self, why: &str) {
        self.lose(why);
        self.turn();
    }

    /// As [`Peer::who`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn who(&mut self) -> Result<(), MisuseError> {
        self.command(Peer::who)
    }

    /// As [`Peer::open`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open(&mut self, nick: Nick) -> Result<SessionId, MisuseError> {
        self.command(|peer, now, actions| peer.open(nick, now, actions))
    }

    /// As [`Peer::open_code`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_code(&mut self, code: Code) -> Result<SessionId, MisuseError> {
        self.command(|peer, now, actions| peer.open_code(code, now, actions))
    }

    /// As [`Peer::accept`], or [`Peer::reject`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn answer(&mut self, session: SessionId, accept: bool) -> Result<(), MisuseError> {
        let answer = if accept { Peer::accept } else { Peer::reject };
        self.command(|peer, now, actions| answer(peer, session, now, actions))
    }

    /// As [`Peer::know`].
    pub fn know(&mut self, nick: Nick, key: Option<PublicKey>) {
        self.peer.set_pin(nick, key);
    }

    /// As [`Peer::key`].
    pub fn key(&self) -> Option<PublicKey> {
        self.peer.key()
    }

    /// As [`Peer::list`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn list(&mut self, session: SessionId) -> Result<(), MisuseError> {
        self.command(|peer, now, actions| peer.list(session, now, actions))
    }

    /// So many entries of a list were taken by who asked for it. Some hundreds come unasked; then
    /// the other side waits.
    pub fn took(&mut self, session: SessionId, entries: usize) {
        for link in &mut self.links {
            if let Role::Control(control) = &mut link.role
                && control.session == Some(session)
            {
                control.entries = (control.entries + entries).min(ENTRIES);
            }
        }
        self.turn();
    }

    /// As [`Peer::check`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn check(&mut self, session: SessionId, name: FileName) -> Result<(), MisuseError> {
        self.command(|peer, now, actions| peer.check(session, name, now, actions))
    }

    /// As [`Peer::get_all`]. The bytes come as [`want`](Self::want) asks for them, and those of small
    /// files that come together unasked.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn get_all(
        &mut self,
        session: SessionId,
        files: Vec<(FileName, Size, Stat)>,
    ) -> Result<Vec<TransferId>, MisuseError> {
        self.command(|peer, now, actions| peer.get_all(session, files, now, actions))
    }

    /// As [`Peer::want`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn announce(&mut self, session: SessionId, want: Want) -> Result<(), MisuseError> {
        self.command(|peer, now, actions| peer.want(session, want, now, actions))
    }

    /// As [`Peer::offer`]. Until the session is over, these files are shared with it alone. Returns the
    /// number by which [`Outside::offering`] says what became of it.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn offer(
        &mut self,
        session: SessionId,
        files: Vec<SharedFile>,
    ) -> Result<u64, MisuseError> {
        let id = self.deliveries.offer(session, files.iter().map(|file| file.name.clone()));
        let offered =
            self.with(|peer, now, actions| peer.offer(session, files.clone(), now, actions));
        match offered {
            Ok(()) => self.shares.offer(session, files),
            Err(_) => self.deliveries.withdraw(id),
        }
        self.turn();
        offered.map(|()| id)
    }

    /// Says of files that are shared, by a code, what became of them: [`Outside::served`].
    pub fn serve_by_code(&mut self) {
        self.deliveries.serve_by_code();
    }

    /// As [`Peer::decline`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn decline(&mut self, session: SessionId, name: &FileName) -> Result<(), MisuseError> {
        self.command(|peer, now, actions| peer.decline(session, name, now, actions))
    }

    /// Whoever reads the file has room again.
    pub fn want(&mut self, wanting: TransferId) {
        for link in &mut self.links {
            if let Role::Receive(file) = &mut link.role
                && file.transfer == wanting
            {
                file.wanted = WANTED;
            }
        }
        self.turn();
    }

    /// The answer to [`Outside::read`], or a piece of the one to [`Outside::look`]: whether more of that
    /// is wanted.
    pub fn supply(&mut self, transfer: TransferId, piece: Vec<u8>) -> bool {
        if self.add(transfer, &piece) {
            return true;
        }
        let sent = self.links.iter_mut().find_map(|link| match &mut link.role {
            Role::Send(file) if file.transfer == transfer => Some(file),
            _ => None,
        });
        if sent.is_some_and(|file| !file.supply(piece)) {
            self.unread(transfer, "the file has another size by now");
        } else {
            self.turn();
        }
        false
    }

    /// The end of the answer to [`Outside::look`]: all of it was supplied, or it cannot be read.
    pub fn looked(&mut self, transfer: TransferId, read: bool) {
        self.beginning_read(transfer, read);
        self.turn();
    }

    /// The answer to [`Outside::read`] where the file cannot be read.
    pub fn unread(&mut self, transfer: TransferId, why: &str) {
        let sends =
            |link: &Link| matches!(&link.role, Role::Send(file) if file.transfer == transfer);
        if let Some(at) = self.links.iter().position(sends) {
            let goes_on = match &mut self.links[at].role {
                Role::Send(file) => file.unread(why),
                _ => false,
            };
            if !goes_on {
                self.ended(at, Some(why.into()));
            }
        }
        self.turn();
    }

    /// As [`Peer::cancel`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn cancel(&mut self, transfer: TransferId) -> Result<(), MisuseError> {
        self.command(|peer, now, actions| peer.cancel(transfer, now, actions))
    }

    /// As [`Peer::end`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn end(&mut self, session: SessionId) -> Result<(), MisuseError> {
        self.command(|peer, now, actions| peer.end(session, now, actions))
    }

    /// Shares a file. False if the name is taken.
    pub fn share(&mut self, name: FileName, size: u64, stat: Stat) -> bool {
        self.shares.add(name, size, stat)
    }

    /// Shares it no longer.
    pub fn unshare(&mut self, name: &str) {
        self.shares.remove(name);
    }

    /// When to call [`turn`](Self::turn), if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Duration> {
        let closing = self.links.iter().filter_map(|link| link.role.deadline());
        let untold = self.deliveries.is_untold() || self.links.iter().any(|link| link.is_untold());
        let look = untold.then(|| self.told + LOOK);
        closing.chain(look).chain(self.peer.next_deadline()).min()
    }

    /// Turns until nothing moves.
    pub fn turn(&mut self) {
        self.pass_deadlines();
        let waker = self.waker.clone();
        let cx = &mut Context::from_waker(&waker);
        loop {
            let mut moved = self.turn_tunnel(cx);
            let mut at = 0;
            while let Some(link) = self.links.get_mut(at) {
                match link.poll(cx) {
                    Some(happened) => {
                        self.happened(at, happened);
                        moved = true;
                    }
                    None => at += 1,
                }
            }
            self.links.retain(|link| !matches!(link.role, Role::Over));
            // Whole messages while there is more to come, the rest when there is not.
            moved |= self.send(MESSAGE);
            // A stream that was dropped wakes, too.
            if !(self.woken.take() || moved || self.send(1)) {
                break;
            }
        }
        self.deliveries.tell_settled(self.peer.is_busy(), &self.outside);
        self.leave();
    }

    fn turn_tunnel(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(tunnel) = &mut self.tunnel else { return false };
        match tunnel.turn(cx) {
            Ok(None) => return false,
            Ok(Some(stream)) => self.links.push(Link::new(stream, Role::New)),
            Err(why) => self.lose(why),
        }
        true
    }

    fn send(&self, least: usize) -> bool {
        let outside = &self.outside;
        let send = |message: &[u8]| outside.send(message);
        self.tunnel.as_ref().is_some_and(|tunnel| tunnel.pipe.drain(least, MESSAGE, send))
    }

    /// Closes the tunnel once the last words are heard: with it, the bridge resets what it carried.
    fn leave(&mut self) {
        if self.leaving
            && self.links.is_empty()
            && self.tunnel.as_ref().is_none_or(|tunnel| tunnel.pipe.is_drained())
        {
            self.hang_up();
        }
    }

    fn hang_up(&mut self) {
        self.tunnel = None;
        self.relay = None;
        self.leaving = false;
        for link in &mut self.links {
            link.role = Role::Over;
        }
        self.outside.disconnect();
    }

    fn pass_deadlines(&mut self) {
        let now = self.outside.now();
        for at in 0..self.links.len() {
            if self.links[at].role.deadline().is_some_and(|until| until <= now) {
                self.ended(at, Some("the other side closed the connection".into()));
            }
        }
        if now >= self.told + LOOK {
            self.told = now;
            self.deliveries.tell_changed(&self.outside);
            for at in 0..self.links.len() {
                if let Some((transfer, bytes)) = self.links[at].tell() {
                    self.input(Input::Progress { transfer, bytes });
                }
            }
        }
        if self.peer.next_deadline().is_some_and(|at| at <= now) {
            self.excuse();
            self.input(Input::Tick);
        }
    }

    /// Says of what comes to this host whose reader does not read on: the other side is not late.
    fn excuse(&mut self) {
        for at in 0..self.links.len() {
            match &self.links[at].role {
                Role::Receive(file) if file.wanted == 0 && file.got < file.limit => {
                    self.input(Input::Backpressure { transfer: file.transfer });
                }
                &Role::Control(Control { session: Some(session), entries: 0, .. }) => {
                    self.input(Input::ListBackpressure { session });
                }
                _ => {}
            }
        }
        for transfer in self.awaiting.batches() {
            self.input(Input::Backpressure { transfer });
        }
    }

    fn command<R>(&mut self, decide: impl FnOnce(&mut Peer, Duration, &mut Vec<Action>) -> R) -> R {
        let result = self.with(decide);
        self.turn();
        result
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
        let result = decide(&mut self.peer, self.outside.now(), &mut actions);
        self.act_on(actions);
        result
    }

    /// Not part of [`with`](Self::with), which the compiler makes anew for each decision.
    fn act_on(&mut self, mut actions: Vec<Action>) {
        loop {
            for action in actions.drain(..) {
                self.act(action);
            }
            let now = self.outside.now();
            if let Some(result) = self.results.pop_front() {
                self.peer.handle(result, now, &mut actions);
            } else if let Some((session, name)) = self.unwanted.pop_front() {
                // A session that is over needs no answer.
                let _ = self.peer.decline(session, &name, now, &mut actions);
            } else {
                break;
            }
        }
        if std::mem::take(&mut self.silent) {
            self.lose("the relay does not answer");
        }
    }
}
