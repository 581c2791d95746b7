//! The registry, shared by all connections, and where its actions are carried out.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use xcher_core::RelayLimits;
#[cfg(feature = "cluster")]
use xcher_core::registry::ClusterState;
use xcher_core::registry::{Action, CloseReason, ConnId, Input, Registry, Report};

use super::bus::Bus;

/// The most closed connections that wait for the client to read the last bytes.
const MAX_LINGERING: usize = 256;

/// The sending side of a connection, used by every task that has something for it.
pub(super) trait Outbound: Send + Sync {
    fn conn(&self) -> ConnId;
    /// Queues bytes.
    fn push(&self, bytes: Vec<u8>);
    /// Closes the connection once the queue is sent.
    fn close(&self, reason: CloseReason);
    /// Passes on what the relay vouches for, if the connection is a bridge's client.
    fn report(&self, _report: Report) {}
    /// Sends queued bytes without waiting, and returns how many.
    fn flush(&self) -> usize;
}

pub(super) struct Hub {
    state: Mutex<State>,
    start: Instant,
    /// Notified when the next tick is due sooner than [`Hub::arm`] returned, or a task was added.
    wake: Notify,
    pub(super) lingering: Semaphore,
}

/// Reports a connection as closed when its task ends, even by a panic: no other code would notice.
pub(super) struct CloseGuard {
    pub(super) hub: Arc<Hub>,
    pub(super) conn: ConnId,
}

impl Drop for CloseGuard {
    fn drop(&mut self) {
        // Does nothing if the registry has already forgotten the connection.
        self.hub.handle(Input::Closed { conn: self.conn });
    }
}

struct State {
    registry: Registry,
    connections: HashMap<ConnId, Arc<dyn Outbound>>,
    /// The time of the next tick that the timer is set to.
    armed: Option<Duration>,
    /// Connects the relay to its cluster.
    bus: Option<Arc<dyn Bus>>,
    /// Empty between calls; kept for its capacity.
    actions: Vec<Action>,
}

impl Hub {
    pub(super) fn new(registry: Registry, bus: Option<Arc<dyn Bus>>) -> Self {
        let (connections, actions) = (HashMap::new(), Vec::new());
        let state = State { registry, connections, armed: None, bus, actions };
        Self {
            state: Mutex::new(state),
            start: Instant::now(),
            wake: Notify::new(),
            lingering: Semaphore::new(MAX_LINGERING),
        }
    }

    /// Returns when the next tick is due. The caller waits until then or for [`Hub::woken`].
    pub(super) fn arm(&self) -> Option<Instant> {
        let mut state = self.lock();
        state.armed = state.registry.next_deadline();
        state.armed.and_then(|at| self.start.checked_add(at))
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Ends a wait for [`Hub::woken`].
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) fn set_limits(&self, limits: RelayLimits) {
        self.lock().registry.set_limits(limits);
        // The next tick may be due sooner.
        self.wake();
    }

    /// Returns what the registry knows of its cluster.
    #[cfg(feature = "cluster")]
    pub(super) fn cluster_state(&self) -> Option<ClusterState> {
        let now = self.start.elapsed();
        self.lock().registry.cluster_state(now)
    }

    pub(super) fn connect(&self, connection: Arc<dyn Outbound>, from: SocketAddr) {
        let conn = connection.conn();
        self.lock().connections.insert(conn, connection);
        self.handle(Input::Connected { conn, from });
    }

    /// Stops without sending anything: from now on the relay has no clients and accepts none.
    pub(super) fn disconnect_all(&self) {
        let now = self.start.elapsed();
        let mut state = self.lock();
        state.registry.handle(Input::Stop, now, &mut Vec::new());
        state.connections.clear();
    }

    /// Handles an input and carries out its actions, without waiting for a full socket.
    pub(super) fn handle(&self, input: Input<'_>) {
        let mut touched = Vec::new();
        self.step(input, &mut touched);
        // Sending can cause more: the next part of a list.
        while let Some(connection) = touched.pop() {
            self.flush_into(&connection, &mut touched);
        }
    }

    /// Sends the bytes queued for `connection`, without waiting for a full socket.
    pub(super) fn flush(&self, connection: Arc<dyn Outbound>) {
        let mut touched = vec![connection];
        while let Some(connection) = touched.pop() {
            self.flush_into(&connection, &mut touched);
        }
    }

    fn flush_into(&self, connection: &Arc<dyn Outbound>, touched: &mut Vec<Arc<dyn Outbound>>) {
        let bytes = connection.flush();
        if bytes > 0 {
            self.step(Input::Sent { conn: connection.conn(), bytes }, touched);
        }
    }

    fn step(&self, input: Input<'_>, touched: &mut Vec<Arc<dyn Outbound>>) {
        let now = self.start.elapsed();
        let mut state = self.lock();
        let State { registry, connections, armed, bus, actions } = &mut *state;
        registry.handle(input, now, actions);
        if let Input::Closed { conn } = input {
            connections.remove(&conn);
        }
        for action in actions.drain(..) {
            match action {
                Action::Write { conn, bytes } => {
                    if let Some(connection) = connections.get(&conn) {
                        // Under the lock, so that bytes are queued in the order of their actions.
                        connection.push(bytes);
                        touched.push(Arc::clone(connection));
                    }
                }
                Action::Report { conn, report } => {
                    if let Some(connection) = connections.get(&conn) {
                        connection.report(report);
                    }
                }
                Action::Close { conn, reason } => {
                    if let Some(connection) = connections.remove(&conn) {
                        connection.close(reason);
                    }
                }
                action @ (Action::Subscribe(_)
                | Action::Unsubscribe(_)
                | Action::Request { .. }
                | Action::Reply { .. }
                | Action::Publish { .. }) => {
                    if let Some(bus) = bus {
                        bus.carry_out(action);
                    }
                }
            }
        }
        let next = registry.next_deadline();
        if next.is_some_and(|next| armed.is_none_or(|armed| next < armed)) {
            *armed = next;
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
