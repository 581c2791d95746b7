//! The run loop: moves bytes until nothing moves, and passes deadlines.

use std::task::Context;
use std::time::Duration;

use xcher_core::peer::Input;

use super::stream::{Control, Role, TunnelStream};
use super::tunnel::Tunnel;
use super::websocket_queue::WebSocketQueue;
use super::{Environment, Host};

/// The longest WebSocket message that is sent.
const MAX_MESSAGE_LEN: usize = 64 << 10;
/// Time between two progress reports.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

impl<E: Environment> Host<E> {
    /// Returns the time at which to call [`turn`](Self::turn) if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Duration> {
        let closing = self.streams.iter().filter_map(|stream| stream.role.deadline());
        let has_progress = self.deliveries.has_changes()
            || self.streams.iter().any(|stream| stream.has_progress());
        let report = has_progress.then(|| self.progress_reported + PROGRESS_INTERVAL);
        let links = self.link_deadline();
        closing.chain(report).chain(links).chain(self.peer.next_deadline()).min()
    }

    /// Passes the deadlines that are due, then moves bytes until nothing moves.
    pub fn turn(&mut self) {
        self.pass_deadlines();
        let waker = self.waker.clone();
        let cx = &mut Context::from_waker(&waker);
        loop {
            let mut moved = self.turn_tunnels(cx);
            let mut at = 0;
            while let Some(stream) = self.streams.get_mut(at) {
                match stream.poll(cx) {
                    Some(event) => {
                        self.stream_event(at, event);
                        moved = true;
                    }
                    None => at += 1,
                }
            }
            self.streams.retain(|stream| !matches!(stream.role, Role::Over));
            // Full messages as long as more bytes follow, the rest once none do.
            moved |= self.send(MAX_MESSAGE_LEN);
            // Dropping a stream sets the flag, too.
            if !(self.wake_flag.take() || moved || self.send(1)) {
                break;
            }
        }
        self.close_left();
        self.deliveries.report_settled(self.peer.is_busy(), &self.environment);
        self.leave();
    }

    /// Closes the tunnels, and all that they carry.
    pub(super) fn hang_up(&mut self) {
        self.stopping = false;
        for stream in &mut self.streams {
            stream.role = Role::Over;
        }
        let tunnels = std::mem::take(&mut self.tunnels);
        // The environment learns in any case that it is over.
        let none = tunnels.is_empty().then_some(0);
        for number in tunnels.iter().map(|tunnel| tunnel.number).chain(none) {
            self.environment.disconnect(number);
        }
    }

    /// Closes tunnels through which the relay is not reached any more, once they carry nothing.
    fn close_left(&mut self) {
        let Self { tunnels, streams, environment, .. } = self;
        tunnels.retain(|tunnel| {
            let is_used = streams.iter().any(|stream| stream.tunnel == tunnel.number);
            let is_drained = tunnel.queue().is_none_or(WebSocketQueue::is_drained);
            let is_over = tunnel.is_left && !is_used && is_drained;
            if is_over {
                environment.disconnect(tunnel.number);
            }
            !is_over
        });
    }

    fn turn_tunnels(&mut self, cx: &mut Context<'_>) -> bool {
        let (mut at, mut moved) = (0, false);
        while let Some(tunnel) = self.tunnels.get_mut(at) {
            let number = tunnel.number;
            match tunnel.turn(cx) {
                Ok(None) => {
                    at += 1;
                    continue;
                }
                Ok(Some(stream)) => {
                    self.streams.push(TunnelStream::new(stream, number, Role::New));
                }
                Err(why) => self.lose(number, why),
            }
            moved = true;
        }
        moved
    }

    fn send(&self, least: usize) -> bool {
        let mut moved = false;
        for tunnel in &self.tunnels {
            let send = |message: &[u8]| self.environment.send(tunnel.number, message);
            if let Some(queue) = tunnel.queue() {
                moved |= queue.drain(least, MAX_MESSAGE_LEN, send);
            }
        }
        moved
    }

    /// Closes the tunnels of a stopping host once its last bytes are sent: the bridge resets whatever a closed
    /// tunnel still carries.
    fn leave(&mut self) {
        if self.stopping
            && self.streams.is_empty()
            && self.tunnels.iter().filter_map(Tunnel::queue).all(WebSocketQueue::is_drained)
        {
            self.hang_up();
        }
    }

    fn pass_deadlines(&mut self) {
        let now = self.environment.now();
        for at in 0..self.streams.len() {
            if self.streams[at].role.deadline().is_some_and(|until| until <= now) {
                self.stream_ended(at, Some("the peer closed the connection".into()));
            }
        }
        self.close_idle_links();
        if now >= self.progress_reported + PROGRESS_INTERVAL {
            self.progress_reported = now;
            self.deliveries.report_changed(&self.environment);
            for at in 0..self.streams.len() {
                if let Some((transfer, bytes)) = self.streams[at].take_progress() {
                    self.input(Input::Progress { transfer, bytes });
                }
            }
        }
        if self.peer.next_deadline().is_some_and(|at| at <= now) {
            self.report_backpressure();
            self.input(Input::Tick);
        }
    }

    /// Reports transfers and listings that wait for a reader at this host, so that the peer does not count as
    /// late.
    fn report_backpressure(&mut self) {
        for at in 0..self.streams.len() {
            match &self.streams[at].role {
                Role::Receive(file) if file.is_held_up_by_reader() => {
                    self.input(Input::Backpressure { transfer: file.transfer });
                }
                &Role::Control(Control { session: Some(session), credit: 0, .. }) => {
                    self.input(Input::ListBackpressure { session });
                }
                _ => {}
            }
        }
        for transfer in self.pending.batches() {
            self.input(Input::Backpressure { transfer });
        }
    }
}
