//! The registry, and the connections that its actions are for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use xcher_core::RelayLimits;
use xcher_core::registry::{Action, CloseReason, ConnId, Input, Registry, Report};

/// Closed connections whose other side may still read the last words.
const LINGERING: usize = 256;

/// Where what is for a connection is put, by whoever has it.
pub(super) trait Outlet: Send + Sync {
    fn conn(&self) -> ConnId;
    fn push(&self, bytes: Vec<u8>);
    fn close(&self, reason: CloseReason);
    /// Takes what the relay vouches for, where the connection is a bridge's client.
    fn report(&self, _report: Report) {}
    /// Sends what waits, as far as that goes at once. Returns how many bytes went.
    fn flush(&self) -> usize;
}

pub(super) struct Hub {
    state: Mutex<State>,
    start: Instant,
    /// The next tick is due sooner than [`Hub::arm`] said.
    sooner: Notify,
    pub(super) lingering: Semaphore,
}

/// Frees what a connection holds when its task ends, also by a panic: nobody else is to notice.
pub(super) struct Gone {
    pub(super) hub: Arc<Hub>,
    pub(super) conn: ConnId,
}

impl Drop for Gone {
    fn drop(&mut self) {
        // Of a connection that the registry has forgotten, this does nothing.
        self.hub.handle(Input::Closed { conn: self.conn });
    }
}

struct State {
    registry: Registry,
    links: HashMap<ConnId, Arc<dyn Outlet>>,
    /// For when the next tick is set.
    armed: Option<Duration>,
    /// Empty between calls; kept for its room.
    actions: Vec<Action>,
}

impl Hub {
    pub(super) fn new(registry: Registry) -> Self {
        let state = State { registry, links: HashMap::new(), armed: None, actions: Vec::new() };
        Self {
            state: Mutex::new(state),
            start: Instant::now(),
            sooner: Notify::new(),
            lingering: Semaphore::new(LINGERING),
        }
    }

    /// When the next tick is due, for the caller to wait until then or [`Hub::armed_sooner`].
    pub(super) fn arm(&self) -> Option<Instant> {
        let mut state = self.lock();
        state.armed = state.registry.next_deadline();
        state.armed.and_then(|at| self.start.checked_add(at))
    }

    pub(super) async fn armed_sooner(&self) {
        self.sooner.notified().await;
    }

    /// Has whoever waits for [`Hub::armed_sooner`] look around.
    pub(super) fn look(&self) {
        self.sooner.notify_one();
    }

    pub(super) fn set_limits(&self, limits: RelayLimits) {
        self.lock().registry.set_limits(limits);
        // The next tick may be due sooner.
        self.look();
    }

    pub(super) fn connect(&self, link: Arc<dyn Outlet>, from: SocketAddr) {
        let conn = link.conn();
        self.lock().links.insert(conn, link);
        self.handle(Input::Connected { conn, from });
    }

    /// Stops without a word: nobody is there from now on, and nobody comes.
    pub(super) fn cut(&self) {
        let now = self.start.elapsed();
        let mut state = self.lock();
        state.registry.handle(Input::Stop, now, &mut Vec::new());
        state.links.clear();
    }

    /// Takes an input and does what it leads to, as far as the sockets take it.
    pub(super) fn handle(&self, input: Input<'_>) {
        let mut touched = Vec::new();
        self.step(input, &mut touched);
        // What was sent can lead to more: the next piece of a list.
        while let Some(link) = touched.pop() {
            self.flush_into(&link, &mut touched);
        }
    }

    /// Sends what waits for `link`, as far as its socket takes it.
    pub(super) fn flush(&self, link: Arc<dyn Outlet>) {
        let mut touched = vec![link];
        while let Some(link) = touched.pop() {
            self.flush_into(&link, &mut touched);
        }
    }

    fn flush_into(&self, link: &Arc<dyn Outlet>, touched: &mut Vec<Arc<dyn Outlet>>) {
        let bytes = link.flush();
        if bytes > 0 {
            self.step(Input::Sent { conn: link.conn(), bytes }, touched);
        }
    }

    fn step(&self, input: Input<'_>, touched: &mut Vec<Arc<dyn Outlet>>) {
        let now = self.start.elapsed();
        let mut state = self.lock();
        let State { registry, links, armed, actions } = &mut *state;
        registry.handle(input, now, actions);
        if let Input::Closed { conn } = input {
            links.remove(&conn);
        }
        for action in actions.drain(..) {
            match action {
                Action::Write { conn, bytes } => {
                    if let Some(link) = links.get(&conn) {
                        // Under the lock, so that bytes wait in the order of their actions.
                        link.push(bytes);
                        touched.push(Arc::clone(link));
                    }
                }
                Action::Report { conn, report } => {
                    if let Some(link) = links.get(&conn) {
                        link.report(report);
                    }
                }
                Action::Close { conn, reason } => {
                    if let Some(link) = links.remove(&conn) {
                        link.close(reason);
                    }
                }
            }
        }
        let next = registry.next_deadline();
        if next.is_some_and(|next| armed.is_none_or(|armed| next < armed)) {
            *armed = next;
            self.sooner.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
