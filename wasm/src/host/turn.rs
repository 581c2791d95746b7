//! The run loop: moves bytes until nothing moves, and passes deadlines.

use std::task::Context;
use std::time::Duration;

use xcher_core::peer::Input;

use super::stream::{Control, Role, TunnelStream};
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
        closing.chain(report).chain(self.peer.next_deadline()).min()
    }

    /// Passes the deadlines that are due, then moves bytes until nothing moves.
    pub fn turn(&mut self) {
        self.pass_deadlines();
        let waker = self.waker.clone();
        let cx = &mut Context::from_waker(&waker);
        loop {
            let mut moved = self.turn_tunnel(cx);
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
        self.deliveries.report_settled(self.peer.is_busy(), &self.environment);
        self.leave();
    }

    /// Closes the tunnel, and all that it carries.
    pub(super) fn hang_up(&mut self) {
        self.tunnel = None;
        self.relay = None;
        self.stopping = false;
        for stream in &mut self.streams {
            stream.role = Role::Over;
        }
        self.environment.disconnect();
    }

    fn turn_tunnel(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(tunnel) = &mut self.tunnel else { return false };
        match tunnel.turn(cx) {
            Ok(None) => return false,
            Ok(Some(stream)) => self.streams.push(TunnelStream::new(stream, Role::New)),
            Err(why) => self.lose(why),
        }
        true
    }

    fn send(&self, least: usize) -> bool {
        let environment = &self.environment;
        let send = |message: &[u8]| environment.send(message);
        self.tunnel.as_ref().is_some_and(|tunnel| tunnel.queue.drain(least, MAX_MESSAGE_LEN, send))
    }

    /// Closes the tunnel of a stopping host once its last bytes are sent: the bridge resets whatever a closed
    /// tunnel still carries.
    fn leave(&mut self) {
        if self.stopping
            && self.streams.is_empty()
            && self.tunnel.as_ref().is_none_or(|tunnel| tunnel.queue.is_drained())
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
