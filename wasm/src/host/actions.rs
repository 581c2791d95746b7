//! Does what the core asks for. An immediate result is queued: nothing here calls the state machine.

use std::task::Context;
use std::time::Duration;

use xcher_core::peer::{Action, ConnId, Event, Input, ListenerId, Notice, ReceiveEnd, TransferId};
use xcher_core::secure::SecureError;
use xcher_core::tunnel::{FirstLine, MAX_STREAMS};
use xcher_core::{Kind, Stat};

use super::receive_batch::ReceiveBatch;
use super::receive_file::ReceiveFile;
use super::send_file::SendFile;
use super::stream::{Control, Role, TunnelStream};
use super::tunnel::Tunnel;
use super::{Environment, Host, UNKNOWN_ADDRESS};

/// Time in which a closed connection may send what was written, and the peer read it.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
/// Streams of the tunnel that are left to connections from peers.
const RESERVED_STREAMS: usize = 16;

impl<E: Environment> Host<E> {
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::DialRelay { conn } => self.reach_relay(conn),
            // Only a host with ports of its own gets these.
            Action::DialRendezvous { .. } | Action::Punch { .. } => {}
            Action::Dial { conn, to, purpose, link, .. } => {
                let (tunnel, role) = (self.tunnel_of(link), Role::Dial { conn, to, purpose });
                if let Err(why) = self.open_stream(tunnel, role, &FirstLine::Dial(to)) {
                    self.queue_input(Input::ConnectFailed { conn, why: why.into() });
                }
            }
            Action::Listen { listener, purpose, link, .. } => {
                let tunnel = self.tunnel_of(link);
                let role = Role::Listen { listener, purpose, at: None };
                if let Err(why) = self.open_stream(tunnel, role, &FirstLine::Listen) {
                    self.queue_input(Input::ListenFailed { listener, why: why.into() });
                }
            }
            Action::StopListening { listener } => self.stop_listening(listener),
            Action::Write { conn, bytes } => {
                let mut streams = self.streams.iter_mut();
                if let Some(stream) = streams.find(|stream| stream.is_control(conn)) {
                    stream.write(&bytes);
                }
            }
            Action::Pause { conn } => self.pause(conn, true),
            Action::Resume { conn } => self.pause(conn, false),
            Action::Close { conn } => self.close(conn),
            Action::Link { session, step } => self.link_step(session, step),
            Action::List { session } => {
                let (entries, done) = self.shares.next(session);
                self.queue_input(Input::Entries { session, entries, done });
            }
            Action::Find { session, name } => {
                let (size, kind) = self.shares.find(session, name.as_str()).unzip();
                let kind = kind.unwrap_or_default();
                self.queue_input(Input::Found { session, size, kind });
            }
            Action::SendBatch { transfer, conn, files, seal } => {
                self.start_sending(conn, transfer, SendFile::batch(conn, transfer, files, seal));
            }
            Action::ReceiveBatch { transfer, conn, files, seal } => {
                let batch = ReceiveBatch::new(conn, transfer, files, seal);
                self.start_receiving(conn, transfer, batch.map(Role::ReceiveBatch));
            }
            Action::FindPartial { transfer, .. } => self.read_partial(transfer),
            Action::Open { transfer, session, name, size, length } => {
                // One byte shows whether a file can be read where no prefix is needed.
                let length = length.max(size.min(1));
                self.read_prefix(transfer, session, &name, length);
            }
            Action::Send { transfer, conn, size, from, seal, .. } => {
                let prefix = self.take_prefix(transfer, from);
                let file = SendFile::new(conn, transfer, size.bytes(), prefix, seal);
                self.start_sending(conn, transfer, file);
            }
            Action::Receive { transfer, conn, name, size, from, seal } => {
                let prefix = self.take_prefix(transfer, from);
                let file = ReceiveFile::new(conn, transfer, name, size, prefix, seal);
                self.start_receiving(conn, transfer, file.map(Role::Receive));
            }
            Action::Store { transfer, .. } => {
                if let Some((name, verified)) = self.storing.take() {
                    self.file_complete(transfer, name, None, verified);
                }
            }
            Action::Pin { nick, key } => self.environment.pin(&nick, key),
            // The application keeps pins by the address of the bridge.
            Action::RelayVerified { .. } => {}
            // The application has the bytes that arrived.
            Action::Abandon { transfer } => self.forget_prefix(transfer),
            Action::Notify(event) => self.notify(event),
        }
    }

    /// Opens a stream to the relay in a tunnel that has none, or another tunnel first.
    fn reach_relay(&mut self, conn: ConnId) {
        let idle = |tunnel: &&mut Tunnel| {
            tunnel.relay.is_none() && !tunnel.is_left && tunnel.link.is_none()
        };
        if let Some(tunnel) = self.tunnels.iter_mut().find(idle) {
            tunnel.relay = Some(conn);
            let number = tunnel.number;
            return self.dial_relay(number, conn);
        }
        self.last_tunnel += 1;
        self.tunnels.push(Tunnel::new(self.last_tunnel, conn));
        self.environment.connect(self.last_tunnel);
    }

    /// Returns the tunnel that a connection is a stream of.
    fn tunnel_of(&self, conn: Option<ConnId>) -> u32 {
        let stream =
            self.streams.iter().find(|stream| conn.is_some() && stream.role.conn() == conn);
        stream.map(|stream| stream.tunnel).unwrap_or_default()
    }

    /// Opens a stream to the relay, which sends no first line.
    pub(super) fn dial_relay(&mut self, tunnel: u32, conn: ConnId) {
        match self.open_stream(tunnel, Role::Control(Control::new(conn)), &FirstLine::Relay) {
            Ok(()) => {
                let (local, remote) = (UNKNOWN_ADDRESS, UNKNOWN_ADDRESS);
                self.queue_input(Input::Connected { conn, local, remote });
            }
            Err(why) => self.queue_input(Input::ConnectFailed { conn, why: why.into() }),
        }
    }

    pub(super) fn open_stream(
        &mut self,
        number: u32,
        role: Role,
        line: &FirstLine<'_>,
    ) -> Result<(), &'static str> {
        let mut tunnels = self.tunnels.iter_mut();
        let tunnel = tunnels.find(|known| known.number == number).ok_or("the tunnel is closed")?;
        // Yamux closes the whole tunnel at one stream too many.
        let streams = self.streams.iter().filter(|stream| stream.tunnel == number).count();
        if streams >= MAX_STREAMS - RESERVED_STREAMS {
            return Err("the tunnel has reached its limit of connections");
        }
        let stream =
            tunnel.open(&mut Context::from_waker(&self.waker)).ok_or("the tunnel is closed")?;
        let mut stream = TunnelStream::new(stream, number, role);
        stream.write(&line.to_line());
        self.streams.push(stream);
        Ok(())
    }

    fn pause(&mut self, conn: ConnId, pause: bool) {
        for stream in &mut self.streams {
            if let Role::Control(control) = &mut stream.role
                && control.conn == conn
            {
                control.paused = pause;
            }
        }
    }

    fn stop_listening(&mut self, stopped: ListenerId) {
        for stream in &mut self.streams {
            if matches!(stream.role, Role::Listen { listener, .. } if listener == stopped) {
                stream.role = Role::Over;
            }
        }
    }

    fn close(&mut self, conn: ConnId) {
        let until = self.environment.now() + LINGER_TIMEOUT;
        for stream in &mut self.streams {
            if stream.role.conn() == Some(conn) {
                stream.role = match stream.role {
                    Role::Control(_) => Role::Closing { until, shut: false },
                    _ => Role::Over,
                };
            }
        }
        self.leave_relay(conn);
    }

    /// A connection to the relay is closed, if it is one.
    fn leave_relay(&mut self, conn: ConnId) {
        let is_only = self.tunnels.iter().filter(|tunnel| tunnel.link.is_none()).count() == 1;
        let mut tunnels = self.tunnels.iter_mut();
        let Some(tunnel) = tunnels.find(|tunnel| tunnel.relay == Some(conn)) else { return };
        tunnel.relay = None;
        if !is_only {
            // The relay is reached through another.
            tunnel.is_left = true;
        } else if !tunnel.is_open() {
            let number = tunnel.number;
            if self.stopping {
                return self.hang_up();
            }
            // Files may still move on links.
            self.tunnels.retain(|tunnel| tunnel.number != number);
            self.environment.disconnect(number);
        } else if !self.stopping {
            // The bridge has stopped answering: the relay is reached through it alone.
            self.silent_tunnel = Some(tunnel.number);
        }
    }

    fn start_sending(
        &mut self,
        conn: ConnId,
        transfer: TransferId,
        file: Result<SendFile, SecureError>,
    ) {
        match file {
            Ok(file) => self.start_transfer(conn, Role::Send(file)),
            Err(error) => {
                let why = Some(error.to_string().into());
                self.queue_input(Input::SendEnded { transfer, bytes: 0, unsent: Vec::new(), why });
            }
        }
    }

    fn start_receiving(
        &mut self,
        conn: ConnId,
        transfer: TransferId,
        role: Result<Role, SecureError>,
    ) {
        match role {
            Ok(role) => self.start_transfer(conn, role),
            Err(error) => {
                let end = ReceiveEnd::Broken(error.to_string().into());
                self.queue_input(Input::ReceiveEnded { transfer, bytes: 0, digests: None, end });
            }
        }
    }

    /// Gives a data connection to a transfer.
    fn start_transfer(&mut self, conn: ConnId, role: Role) {
        for stream in &mut self.streams {
            if matches!(stream.role, Role::Data(idle) if idle == conn) {
                stream.role = role;
                return;
            }
        }
    }

    fn notify(&mut self, event: Event) {
        match &event {
            Event::Ended { session, .. } | Event::OpenFailed { session, .. } => {
                self.shares.forget(*session);
            }
            Event::Failed { transfer, .. } => {
                self.forget_prefix(*transfer);
                self.forget_pending(*transfer);
            }
            Event::Entry { session, name, stat, .. } if !is_storable(stat) => {
                let (session, notice) = (Some(*session), Notice::NotAFile { name: name.clone() });
                return self.notify(Event::Notice { session, notice });
            }
            Event::Offered { session, name, stat, .. } if !is_storable(stat) => {
                self.unsupported.push_back((*session, name.clone()));
                return;
            }
            Event::Entry { session, .. } => {
                if let Some(TunnelStream { role: Role::Control(control), .. }) =
                    self.streams.get_mut(self.current_stream)
                {
                    control.session = Some(*session);
                    control.credit = control.credit.saturating_sub(1);
                }
            }
            _ => {}
        }
        self.deliveries.event(&event);
        self.environment.event(event, self.losing_tunnel);
    }
}

/// Returns true for what this host stores: files and empty folders. It makes no links, and no folder that only its owner
/// may use.
fn is_storable(stat: &Stat) -> bool {
    match stat.kind {
        Kind::File => true,
        Kind::Folder => !stat.private,
        Kind::Link => false,
    }
}
