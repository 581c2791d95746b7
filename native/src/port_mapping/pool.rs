//! Mapped ports that wait for a listener.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Time for which a listener waits for the first port to be mapped. The bridge is tried 1 s after a call
/// began, and so no later than without mapping.
const MAP_PATIENCE: Duration = Duration::from_millis(700);
/// Time for which a listener waits until another has done with its port.
const BUSY_PATIENCE: Duration = Duration::from_secs(10);
/// Time for which a port rests that nobody connected to: the one who was expected may be late, and must not be
/// taken for the one who is expected next. It is twice the time that a host waits for a connection.
const REST: Duration = Duration::from_secs(60);

/// Mapped ports. Each is bound all the time, so that no other program gets what the router forwards, but
/// listens only while somebody is expected.
pub(crate) struct Pool {
    state: Mutex<State>,
    changed: Notify,
    lost: Notify,
}

struct State {
    stage: Stage,
    /// Every mapped port, free or not.
    mapped: HashSet<u16>,
    /// Free ports, and when each may be used. The one that was used last is the last.
    free: VecDeque<(Instant, ReservedPort)>,
    /// Mapped ports that could not be bound again.
    lost: Vec<u16>,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// No port is mapped.
    Off,
    /// The router was asked; nobody waits for its answer after this time.
    Asked(Instant),
    /// Ports of this host's address are mapped.
    On(Ipv4Addr),
}

/// A port that is bound, and not listened on.
pub(super) struct ReservedPort {
    own: Ipv4Addr,
    pub(super) port: u16,
    socket: TcpSocket,
}

/// A mapped port in use. Drop it after its listener: it then goes back to the pool.
pub(crate) struct PoolPort {
    pool: Arc<Pool>,
    own: Ipv4Addr,
    pub(crate) port: u16,
    /// Set once somebody has connected.
    pub(crate) is_used: bool,
}

enum Taken {
    Port(ReservedPort),
    /// Wait for a change, at most until then.
    Wait(Option<Instant>),
    None,
}

impl Pool {
    pub(super) fn new() -> Self {
        let (mapped, free, lost) = (HashSet::new(), VecDeque::new(), Vec::new());
        let state = Mutex::new(State { stage: Stage::Off, mapped, free, lost });
        Self { state, changed: Notify::new(), lost: Notify::new() }
    }

    /// The router is asked for ports.
    pub(super) fn open(&self) {
        self.clear(Stage::Asked(Instant::now() + MAP_PATIENCE));
    }

    /// No port is mapped any more.
    pub(super) fn close(&self) {
        self.clear(Stage::Off);
    }

    fn clear(&self, stage: Stage) {
        let mut state = self.state();
        (state.stage, state.mapped) = (stage, HashSet::new());
        state.free.clear();
        state.lost.clear();
        drop(state);
        self.changed.notify_waiters();
    }

    /// Adds a port that is now mapped.
    pub(super) fn add(&self, port: ReservedPort) {
        let mut state = self.state();
        state.stage = Stage::On(port.own);
        state.mapped.insert(port.port);
        state.free.push_back((Instant::now(), port));
        drop(state);
        self.changed.notify_waiters();
    }

    /// Removes a port that is not mapped any more.
    pub(super) fn remove(&self, port: u16) {
        let mut state = self.state();
        state.mapped.remove(&port);
        state.free.retain(|(_, free)| free.port != port);
    }

    /// Returns true if there will be no port.
    pub(crate) fn is_off(&self) -> bool {
        self.state().stage == Stage::Off
    }

    /// Returns true if a listener at this address can have a mapped port.
    pub(crate) fn serves(&self, ip: IpAddr) -> bool {
        match self.state().stage {
            Stage::Off => false,
            Stage::Asked(_) => ip == IpAddr::from(Ipv4Addr::UNSPECIFIED),
            Stage::On(own) => ip == IpAddr::from(Ipv4Addr::UNSPECIFIED) || ip == IpAddr::from(own),
        }
    }

    /// Listens on a mapped port, and waits for one if needed. Returns `None` if there is none in time.
    pub(crate) async fn listen(self: &Arc<Self>, backlog: u32) -> Option<(TcpListener, PoolPort)> {
        let give_up_at = Instant::now() + BUSY_PATIENCE;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // A change between the next line and the wait counts.
            changed.as_mut().enable();
            let until = match self.take() {
                Taken::None => return None,
                Taken::Port(ReservedPort { own, port, socket }) => match socket.listen(backlog) {
                    Ok(listener) => {
                        let pool = Arc::clone(self);
                        return Some((listener, PoolPort { pool, own, port, is_used: false }));
                    }
                    // Another program listens there.
                    Err(_) => {
                        self.lose(&mut self.state(), port);
                        continue;
                    }
                },
                Taken::Wait(until) => until.unwrap_or(give_up_at).min(give_up_at),
            };
            let is_over = timeout_at(until, changed).await.is_err();
            if is_over && (Instant::now() >= give_up_at || self.is_overdue()) {
                return None;
            }
        }
    }

    /// Waits until ports were lost that the router still forwards.
    pub(super) async fn lost(&self) {
        self.lost.notified().await;
    }

    /// Returns the lost ports, which are forgotten.
    pub(super) fn take_lost(&self) -> Vec<u16> {
        std::mem::take(&mut self.state().lost)
    }

    fn take(&self) -> Taken {
        let now = Instant::now();
        let mut state = self.state();
        match state.stage {
            Stage::Off => Taken::None,
            Stage::Asked(until) => Taken::Wait(Some(until)),
            // Each was lost.
            Stage::On(_) if state.mapped.is_empty() => Taken::None,
            Stage::On(_) => match state.free.iter().position(|(from, _)| *from <= now) {
                Some(at) => match state.free.remove(at) {
                    Some((_, port)) => Taken::Port(port),
                    None => Taken::None,
                },
                None => Taken::Wait(state.free.iter().map(|(from, _)| *from).min()),
            },
        }
    }

    /// Returns true if the router did not answer in time.
    fn is_overdue(&self) -> bool {
        matches!(self.state().stage, Stage::Asked(until) if until <= Instant::now())
    }

    /// The listener on a port is closed.
    fn give_back(&self, own: Ipv4Addr, port: u16, is_used: bool) {
        let mut state = self.state();
        if !state.mapped.contains(&port) {
            return;
        }
        let rest = if is_used { Duration::ZERO } else { REST };
        match ReservedPort::bind(own, port) {
            Ok(reserved) => state.free.push_back((Instant::now() + rest, reserved)),
            Err(_) => self.lose(&mut state, port),
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// The port is another program's, and must not be forwarded to it.
    fn lose(&self, state: &mut State, port: u16) {
        state.mapped.remove(&port);
        state.lost.push(port);
        self.lost.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is complete when a panic can occur.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PoolPort {
    fn drop(&mut self) {
        self.pool.give_back(self.own, self.port, self.is_used);
    }
}

impl ReservedPort {
    /// Binds a free port.
    pub(super) fn any(own: Ipv4Addr) -> io::Result<Self> {
        Self::bind(own, 0)
    }

    fn bind(own: Ipv4Addr, port: u16) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // Connections of an earlier listener may still be open. Elsewhere the option would let other programs
        // take the port over.
        #[cfg(unix)]
        socket.set_reuseaddr(port != 0)?;
        socket.bind(SocketAddr::from((own, port)))?;
        // Also for the listener that takes its place.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        let port = socket.local_addr()?.port();
        Ok(Self { own, port, socket })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::net::TcpStream;

    use super::*;

    const OWN: Ipv4Addr = Ipv4Addr::LOCALHOST;

    /// Returns a pool of so many ports, and the ports.
    fn pool(len: usize) -> (Arc<Pool>, Vec<u16>) {
        let pool = Arc::new(Pool::new());
        let reserve = |_| {
            let reserved = ReservedPort::any(OWN).unwrap();
            let port = reserved.port;
            pool.add(reserved);
            port
        };
        let ports = (0..len).map(reserve).collect();
        (pool, ports)
    }

    async fn listen(pool: &Arc<Pool>) -> (TcpListener, PoolPort) {
        pool.listen(1).await.unwrap()
    }

    /// Connects to a listener, and closes it.
    async fn use_up((listener, mut port): (TcpListener, PoolPort)) -> TcpStream {
        let client = TcpStream::connect((OWN, port.port)).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        port.is_used = true;
        drop(listener);
        drop(port);
        drop(client);
        accepted
    }

    #[tokio::test]
    async fn ports_are_used_in_turn_while_connections_stay_open() {
        let (pool, ports) = pool(2);
        let mut open = Vec::new();
        for turn in 0..6 {
            let listening = listen(&pool).await;
            assert_eq!(listening.1.port, ports[turn % 2]);
            open.push(use_up(listening).await);
        }
    }

    #[tokio::test]
    async fn a_free_port_refuses_connections() {
        let (_pool, ports) = pool(1);
        let refused = TcpStream::connect((OWN, ports[0])).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn a_listener_waits_for_the_port_of_another() {
        let (pool, ports) = pool(1);
        let first = listen(&pool).await;
        let waiting = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { listen(&pool).await.1.port }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        use_up(first).await;
        assert_eq!(waiting.await.unwrap(), ports[0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_rests_if_nobody_came() {
        let (pool, ports) = pool(1);
        drop(listen(&pool).await);
        assert!(pool.listen(1).await.is_none());
        tokio::time::advance(REST).await;
        assert_eq!(listen(&pool).await.1.port, ports[0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_router_is_not_waited_for_long() {
        let pool = Arc::new(Pool::new());
        assert!(pool.listen(1).await.is_none());
        pool.open();
        let began = Instant::now();
        assert!(pool.listen(1).await.is_none());
        assert!(began.elapsed() <= MAP_PATIENCE + Duration::from_millis(1));
    }

    #[tokio::test]
    async fn a_closed_pool_takes_no_port_back() {
        let (pool, _) = pool(1);
        let lent = listen(&pool).await;
        pool.close();
        drop(lent);
        assert!(pool.listen(1).await.is_none());
        assert!(!pool.serves(OWN.into()));
    }

    #[tokio::test]
    async fn a_port_taken_by_another_program_is_lost() {
        let (pool, ports) = pool(1);
        let (listener, port) = listen(&pool).await;
        drop(listener);
        // As a program that does not share its port.
        let other = std::net::TcpListener::bind((OWN, ports[0])).unwrap();
        drop(port);
        match pool.listen(1).await {
            Some((_, port)) => panic!("{} is another program's", port.port),
            None => assert_eq!(pool.take_lost(), ports),
        }
        drop(other);
    }
}
