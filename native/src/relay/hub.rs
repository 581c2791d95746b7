//! The registry, shared by all connections, and where its actions are carried out.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tracing::{Level, enabled};
use xcher_core::RelayLimits;
#[cfg(feature = "cluster")]
use xcher_core::registry::ClusterState;
use xcher_core::registry::{
    Account, Action, CloseReason, ConnId, Input, Outcome, Question, Registry, Report,
};

use super::bus::Bus;
use super::counts::Counts;
use super::log::{CallLine, ShownNames, call_line};
use crate::hook::{Asked, Hook};
use crate::net::log_line::{self, LineLimit, shown};

/// The most closed connections that wait for the client to read the last bytes.
const MAX_LINGERING: usize = 256;

/// The sending side of a connection, used by every task that has something for it.
pub(super) trait Outbound: Send + Sync {
    fn conn(&self) -> ConnId;
    /// Queues bytes, which [`Self::flush`] sends.
    fn push(&self, bytes: Vec<u8>);
    /// Closes the connection once the queue is sent, after [`Self::flush`].
    fn close(&self, reason: CloseReason);
    /// Passes on what the relay vouches for, if the connection is a bridge's client.
    fn report(&self, _report: Report) {}
    /// Sends queued bytes without waiting, and returns how many. Called without the hub's lock, because it makes
    /// system calls: to send, or to wake another thread.
    fn flush(&self) -> usize;
    /// The names that the connection's line in the log shows.
    fn names(&self) -> &ShownNames;
}

pub(super) struct Hub {
    state: Mutex<State>,
    /// Itself, for the answers of the hook.
    own: Weak<Hub>,
    hook: Option<Hook>,
    start: Instant,
    /// Notified when the next tick is due sooner than [`Hub::arm`] returned, or a task was added.
    wake: Notify,
    pub(super) lingering: Semaphore,
    /// Limits the lines of calls in the log.
    call_lines: LineLimit,
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
    counts: Counts,
}

impl Hub {
    pub(super) fn new(
        registry: Registry,
        bus: Option<Arc<dyn Bus>>,
        hook: Option<Hook>,
    ) -> Arc<Self> {
        let (connections, actions) = (HashMap::new(), Vec::new());
        let counts = Counts::default();
        let state = State { registry, connections, armed: None, bus, actions, counts };
        Arc::new_cyclic(|own| Self {
            state: Mutex::new(state),
            own: Weak::clone(own),
            hook,
            start: Instant::now(),
            wake: Notify::new(),
            lingering: Semaphore::new(MAX_LINGERING),
            call_lines: LineLimit::default(),
        })
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

    pub(super) fn is_drained(&self) -> bool {
        self.lock().registry.is_drained(self.start.elapsed())
    }

    pub(super) fn connections(&self) -> usize {
        self.lock().registry.connections()
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
        let mut state = self.lock();
        let now = self.start.elapsed();
        state.registry.handle(Input::Stop, now, &mut Vec::new());
        state.connections.clear();
    }

    /// Handles an input and carries out its actions, without waiting for a full socket.
    pub(super) fn handle(&self, input: Input<'_>) {
        let mut touched = Vec::new();
        self.step(input, &mut touched);
        self.flush_all(touched);
    }

    /// Carries out what the operator does to the registry, as [`Hub::handle`] does with an input.
    pub(super) fn operate<T>(
        &self,
        operation: impl FnOnce(&mut Registry, Duration, &mut Vec<Action>) -> T,
    ) -> T {
        let mut touched = Vec::new();
        let done = self.act(&mut touched, |state, now| {
            let State { registry, actions, .. } = state;
            operation(registry, now, actions)
        });
        self.flush_all(touched);
        done
    }

    /// Reads the registry and the counts.
    #[cfg(feature = "cli")]
    pub(super) fn read<T>(&self, read: impl FnOnce(&Registry, &Counts, Duration) -> T) -> T {
        let now = self.start.elapsed();
        let state = self.lock();
        read(&state.registry, &state.counts, now)
    }

    fn flush_all(&self, mut touched: Vec<Arc<dyn Outbound>>) {
        // Sending can cause more: the next part of a list.
        while let Some(connection) = touched.pop() {
            self.flush_into(&connection, &mut touched);
        }
    }

    /// Sends the bytes queued for `connection`, without waiting for a full socket.
    pub(super) fn flush(&self, connection: Arc<dyn Outbound>) {
        self.flush_all(vec![connection]);
    }

    fn flush_into(&self, connection: &Arc<dyn Outbound>, touched: &mut Vec<Arc<dyn Outbound>>) {
        let bytes = connection.flush();
        if bytes > 0 {
            self.step(Input::Sent { conn: connection.conn(), bytes }, touched);
        }
    }

    fn step(&self, input: Input<'_>, touched: &mut Vec<Arc<dyn Outbound>>) {
        self.act(touched, |state, now| {
            state.registry.handle(input, now, &mut state.actions);
            match input {
                Input::Connected { .. } => state.counts.opened += 1,
                Input::Received { bytes, .. } => state.counts.received += bytes.len() as u64,
                Input::Sent { bytes, .. } => state.counts.sent += bytes as u64,
                Input::Closed { conn } => {
                    let was_open = state.connections.remove(&conn).is_some();
                    state.counts.closed_by_client += u64::from(was_open);
                }
                _ => {}
            }
        });
    }

    /// Lets `change` act on the state, and carries out the actions that follow. Adds the connections that have
    /// something to send to `touched`.
    fn act<T>(
        &self,
        touched: &mut Vec<Arc<dyn Outbound>>,
        change: impl FnOnce(&mut State, Duration) -> T,
    ) -> T {
        let mut state = self.lock();
        // Under the lock, so that no thread brings an input of an earlier time than the last.
        let now = self.start.elapsed();
        let changed = change(&mut state, now);
        let State { registry, connections, armed, bus, actions, counts } = &mut *state;
        let (mut lines, mut questions) = (Vec::new(), Vec::new());
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
                Action::Record { conn, outcome } => {
                    counts.record(outcome);
                    lines.extend(call_line(registry, conn, outcome, &self.call_lines));
                    if let (Outcome::Registered | Outcome::Identified, Some(connection)) =
                        (outcome, connections.get(&conn))
                    {
                        name(connection, registry);
                    }
                }
                Action::Close { conn, reason } => {
                    counts.close(reason);
                    if let Some(connection) = connections.remove(&conn) {
                        connection.close(reason);
                        touched.push(connection);
                    }
                }
                Action::Ask(question) => questions.push(question),
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
        let is_sooner = next.is_some_and(|next| armed.is_none_or(|armed| next < armed));
        if is_sooner {
            *armed = next;
        }
        drop(state);
        if is_sooner {
            self.wake.notify_one();
        }
        questions.into_iter().for_each(|question| self.ask_hook(question));
        // Without the lock: a log may be slow.
        lines.into_iter().for_each(CallLine::write);
        changed
    }

    /// Asks the hook in a task of its own, so that nobody waits but the client that the question is about.
    fn ask_hook(&self, question: Question) {
        let (Some(hook), Ok(runtime)) = (self.hook.clone(), Handle::try_current()) else { return };
        let (hub, Question { id, address, nick, key, user, .. }) =
            (Weak::clone(&self.own), question);
        runtime.spawn(async move {
            let answer =
                hook.ask(&Asked::at_relay(address, nick.as_ref(), key, user.as_ref())).await;
            if let Some(hub) = hub.upgrade() {
                hub.handle(Input::Decided { question: id, decision: answer.decision() });
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes a connection's nick and user for the line that it gets when it ends, if such lines are wanted.
fn name(connection: &Arc<dyn Outbound>, registry: &Registry) {
    if !enabled!(target: log_line::CONNECTION, Level::INFO) {
        return;
    }
    let (conn, names) = (connection.conn(), connection.names());
    if let Some(nick) = registry.nick(conn) {
        names.nick.get_or_init(|| shown(nick).into());
    }
    if let Some(user) = registry.account(conn).and_then(Account::user) {
        names.user.get_or_init(|| user.clone());
    }
}
