//! Translates events of streams into inputs of the core.

use std::net::SocketAddr;
use std::time::Duration;

use xcher_core::Quoted;
use xcher_core::peer::{BatchFileEnd, Input, LinkReport, Purpose, ReceiveEnd};
use xcher_core::tunnel::FirstLine;

use super::receive_batch::ReceiveBatch;
use super::stream::{Bytes, Control, Role, StreamEvent};
use super::{ConnId, Environment, Host, UNKNOWN_ADDRESS};

/// Time in which a requester that has closed its side must take some bytes of a file. If it closed the whole
/// connection while the tunnel was idle, the bridge passed that on as the end of one direction, and cannot
/// pass on the reset that follows: yamux has none for a stream that has ended.
const CLOSED_PEER_TIMEOUT: Duration = Duration::from_secs(5);

impl<E: Environment> Host<E> {
    pub(super) fn stream_event(&mut self, at: usize, event: StreamEvent) {
        match event {
            StreamEvent::FirstLine(line) => self.first_line(at, &line),
            StreamEvent::Received(bytes) => self.bytes_received(at, &bytes),
            StreamEvent::Written(length) => self.bytes_written(at, length),
            StreamEvent::ReadNeeded(request) => {
                if let Role::Send(file) = &self.streams[at].role {
                    self.environment.read(file.transfer, request.length, request.name.as_ref());
                }
            }
            StreamEvent::PeerClosed => {
                if let Role::Send(file) = &mut self.streams[at].role {
                    file.peer_closed = true;
                    file.give_up_at = Some(self.environment.now() + CLOSED_PEER_TIMEOUT);
                }
            }
            StreamEvent::Ended(why) => self.stream_ended(at, why),
        }
    }

    /// Ends a stream: in order, or for a reason.
    pub(super) fn stream_ended(&mut self, at: usize, why: Option<Box<str>>) {
        let reason = |why: Option<Box<str>>| {
            why.unwrap_or_else(|| "the bridge closed the connection".into())
        };
        match std::mem::replace(&mut self.streams[at].role, Role::Over) {
            Role::Listen { listener, .. } => {
                self.input(Input::ListenFailed { listener, why: reason(why) });
            }
            Role::Dial { conn, .. } => self.input(Input::ConnectFailed { conn, why: reason(why) }),
            Role::Control(Control { conn, .. }) => {
                for tunnel in &mut self.tunnels {
                    tunnel.relay.take_if(|relay| *relay == conn);
                }
                self.input(Input::Closed { conn, why });
            }
            Role::Receive(mut file) => {
                let (digests, end) = match (why, file.finish()) {
                    (Some(why), _) => (None, ReceiveEnd::Broken(why)),
                    (None, Ok(digests)) => (digests, ReceiveEnd::Eof),
                    (None, Err(end)) => (None, end),
                };
                self.storing = Some((file.name, digests.is_some()));
                let (transfer, bytes) = (file.transfer, file.received);
                self.input(Input::ReceiveEnded { transfer, bytes, digests, end });
                self.storing = None;
            }
            Role::ReceiveBatch(mut batch) => {
                let end = match (why, batch.finish()) {
                    (Some(why), _) => ReceiveEnd::Broken(why),
                    (None, Ok(())) => ReceiveEnd::Eof,
                    (None, Err(end)) => end,
                };
                self.batch_ended(batch, end);
            }
            Role::Send(file) => {
                let (transfer, bytes) = (file.transfer, file.sent);
                self.input(Input::SendEnded { transfer, bytes, unsent: file.unsent, why });
            }
            Role::New | Role::Data(_) | Role::Closing { .. } | Role::Over => {}
        }
    }

    /// Ends a tunnel, and all streams in it.
    pub(super) fn lose(&mut self, number: u32, why: &str) {
        let Some(at) = self.tunnels.iter().position(|tunnel| tunnel.number == number) else {
            return;
        };
        if self.tunnels[at].link.is_some() {
            // Before its streams end: what is requested then takes the bridge.
            self.report_link(number, LinkReport::Down(why.into()));
        }
        let Some(at) = self.tunnels.iter().position(|tunnel| tunnel.number == number) else {
            return;
        };
        let tunnel = self.tunnels.remove(at);
        self.environment.disconnect(number);
        self.losing_tunnel = tunnel.link.is_none();
        if let Some(conn) = tunnel.relay.filter(|_| !tunnel.is_open()) {
            self.input(Input::ConnectFailed { conn, why: why.into() });
        }
        let mut at = 0;
        while at < self.streams.len() {
            if self.streams[at].tunnel == number {
                self.stream_ended(at, Some(why.into()));
            }
            at += 1;
        }
        self.losing_tunnel = false;
    }

    fn first_line(&mut self, at: usize, line: &str) {
        let parsed = FirstLine::parse(line);
        match (&mut self.streams[at].role, parsed) {
            (Role::New, Ok(FirstLine::Accept { port, from })) => self.accept(at, port, from),
            (Role::New, Ok(FirstLine::Data { side, number })) => {
                self.link_stream(at, side, number);
            }
            (Role::Listen { listener, at: address, .. }, Ok(FirstLine::Listening(allocated))) => {
                *address = Some(allocated);
                let (listener, port) = (*listener, allocated.port());
                let allocated_at = Some(allocated.ip());
                self.input(Input::Listening { listener, allocated_at, port });
            }
            (Role::Dial { conn, to, purpose }, Ok(FirstLine::Yes)) => {
                let (conn, remote, purpose) = (*conn, *to, *purpose);
                self.streams[at].role = connected(conn, purpose);
                self.input(Input::Connected { conn, local: UNKNOWN_ADDRESS, remote });
            }
            (_, Ok(FirstLine::No { reason })) => {
                let why = format!("the bridge refused: {}", Quoted(reason));
                self.stream_ended(at, Some(why.into()));
            }
            (_, Ok(_)) => {
                let why = format!("expected an answer, got {}", Quoted(line));
                self.stream_ended(at, Some(why.into()));
            }
            (_, Err(error)) => self.stream_ended(at, Some(error.to_string().into())),
        }
    }

    /// Accepts a connection to an allocated port, unless its listener is closed by now.
    fn accept(&mut self, at: usize, port: u16, remote: SocketAddr) {
        let tunnel = self.streams[at].tunnel;
        let listener = self.streams.iter().find_map(|stream| match stream.role {
            Role::Listen { listener, purpose, at: Some(local) }
                if local.port() == port && stream.tunnel == tunnel =>
            {
                Some((listener, purpose, local))
            }
            _ => None,
        });
        let Some((listener, purpose, local)) = listener else {
            self.streams[at].role = Role::Over;
            return;
        };
        let conn = self.peer.new_conn();
        self.streams[at].role = connected(conn, purpose);
        self.input(Input::Accepted { listener, conn, local, remote });
    }

    fn bytes_received(&mut self, at: usize, bytes: &Bytes) {
        let bytes = bytes.as_ref();
        match &mut self.streams[at].role {
            Role::Control(Control { conn, .. }) => {
                let conn = *conn;
                self.current_stream = at;
                self.input(Input::Received { conn, bytes });
                self.current_stream = usize::MAX;
            }
            Role::Receive(file) => {
                let (transfer, environment) = (file.transfer, &self.environment);
                if let Err(end) = file.receive(bytes, &|bytes| environment.receive(transfer, bytes))
                {
                    let bytes = file.received;
                    self.streams[at].role = Role::Over;
                    self.input(Input::ReceiveEnded { transfer, bytes, digests: None, end });
                }
            }
            Role::ReceiveBatch(batch) => {
                let (transfer, environment) = (batch.transfer, &self.environment);
                let (ended, end) =
                    batch.receive(bytes, &|transfer, bytes| environment.receive(transfer, bytes));
                let (verified, mut files) = (batch.verifies, Vec::new());
                for (file, end) in ended {
                    match end {
                        BatchFileEnd::Stored(name) => {
                            self.file_complete(file, name, Some(transfer), verified);
                        }
                        end => files.push((file, end)),
                    }
                }
                self.input(Input::BatchProgress { transfer, files });
                if let (Some(end), Some(stream)) = (end, self.streams.get_mut(at))
                    && let Role::ReceiveBatch(batch) =
                        std::mem::replace(&mut stream.role, Role::Over)
                {
                    self.batch_ended(batch, end);
                }
            }
            // Nothing else is expected to arrive, and it is ignored.
            _ => {}
        }
    }

    fn batch_ended(&mut self, batch: ReceiveBatch, end: ReceiveEnd) {
        let (transfer, bytes) = (batch.transfer, batch.received);
        let why = match &end {
            ReceiveEnd::Broken(why) => Some(why.clone()),
            _ => None,
        };
        // The files that did not arrive fail now, whenever the others are stored.
        let files = batch.outstanding().map(|file| (file, BatchFileEnd::Incomplete(why.clone())));
        let files = files.collect();
        self.input(Input::BatchProgress { transfer, files });
        self.end_batch(transfer, bytes, end);
    }

    fn bytes_written(&mut self, at: usize, bytes: usize) {
        match &mut self.streams[at].role {
            Role::Control(Control { conn, .. }) => {
                let conn = *conn;
                self.current_stream = at;
                self.input(Input::Sent { conn, bytes });
                self.current_stream = usize::MAX;
            }
            Role::Send(file) if file.peer_closed => {
                file.give_up_at = Some(self.environment.now() + CLOSED_PEER_TIMEOUT);
            }
            _ => {}
        }
    }
}

fn connected(conn: ConnId, purpose: Purpose) -> Role {
    match purpose {
        Purpose::Control => Role::Control(Control::new(conn)),
        Purpose::Data => Role::Data(conn),
    }
}
