//! What the state machine wants done. What has a result at once puts it into the queue: nothing here
//! calls the state machine.

use std::task::Context;
use std::time::Duration;

use xcher_core::Kind;
use xcher_core::peer::{Action, ConnId, Event, Input, ListenerId, ReceiveEnd, TransferId};
use xcher_core::secure::SecureError;
use xcher_core::tunnel::FirstLine;

use super::batch::ReceiveBatch;
use super::file::{Receive, Send};
use super::stream::{Control, ENTRIES, Link, Role};
use super::{Host, MAX_STREAMS, NOWHERE, Outside};

/// How long a closed connection may take to send what was written, and then to be read out.
const LINGER: Duration = Duration::from_secs(1);

impl<O: Outside> Host<O> {
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::DialRelay { conn } => {
                if self.tunnel.is_some() {
                    self.dial_relay(conn);
                } else {
                    self.dialling = Some(conn);
                    self.outside.connect();
                }
            }
            Action::Dial { conn, to, purpose, .. } => {
                let role = Role::Dial { conn, to, purpose };
                if let Err(why) = self.open_stream(role, &FirstLine::Dial(to)) {
                    self.later(Input::ConnectFailed { conn, why: why.into() });
                }
            }
            Action::Listen { listener, purpose, .. } => {
                let role = Role::Listen { listener, purpose, at: None };
                if let Err(why) = self.open_stream(role, &FirstLine::Listen) {
                    self.later(Input::ListenFailed { listener, why: why.into() });
                }
            }
            Action::StopListening { listener } => self.stop_listening(listener),
            Action::Write { conn, bytes } => {
                if let Some(link) = self.links.iter_mut().find(|link| link.is_control(conn)) {
                    link.write(&bytes);
                }
            }
            Action::Pause { conn } => self.pause(conn, true),
            Action::Resume { conn } => self.pause(conn, false),
            Action::Close { conn } => self.close(conn),
            Action::List { session } => {
                let (entries, done) = self.shares.next(session);
                self.later(Input::Entries { session, entries, done });
            }
            Action::Find { session, name } => {
                let size = self.shares.size(session, name.as_str());
                self.later(Input::Found { session, size, kind: Kind::File });
            }
            Action::SendBatch { transfer, conn, files, seal } => {
                self.begin_sending(conn, transfer, Send::batch(conn, transfer, files, seal));
            }
            Action::ReceiveBatch { transfer, conn, files, seal } => {
                let batch = ReceiveBatch::new(conn, transfer, files, seal);
                self.begin_receiving(conn, transfer, batch.map(Role::ReceiveBatch));
            }
            Action::FindPartial { transfer, name, .. } => self.look(transfer, &name, None),
            Action::Open { transfer, session, name, size, length } => {
                // Of a file that is read to no end it shows that it can be read.
                let length = length.max(size.min(1));
                self.look(transfer, &name, Some((session, length)));
            }
            Action::Send { transfer, conn, size, from, seal, .. } => {
                let begun = self.begun(transfer, from);
                let file = Send::new(conn, transfer, size.bytes(), begun, seal);
                self.begin_sending(conn, transfer, file);
            }
            Action::Receive { transfer, conn, name, size, from, seal } => {
                let begun = self.begun(transfer, from);
                let file = Receive::new(conn, transfer, name, size, begun, seal);
                self.begin_receiving(conn, transfer, file.map(Role::Receive));
            }
            Action::Store { transfer, .. } => {
                if let Some((name, verified)) = self.storing.take() {
                    self.whole(transfer, name, None, verified);
                }
            }
            Action::Pin { nick, key } => self.outside.pin(&nick, key),
            // The keys of others are kept by the address of the bridge, which is one here.
            Action::RelayVerified { .. } => {}
            // What came was given away.
            Action::Abandon { transfer } => self.stop_looking(transfer),
            Action::Notify(event) => self.tell(event),
        }
    }

    /// A stream to the relay, which answers nothing.
    pub(super) fn dial_relay(&mut self, conn: ConnId) {
        let control = Control { conn, paused: false, session: None, entries: ENTRIES };
        match self.open_stream(Role::Control(control), &FirstLine::Relay) {
            Ok(()) => {
                self.relay = Some(conn);
                self.later(Input::Connected { conn, local: NOWHERE, remote: NOWHERE });
            }
            Err(why) => self.later(Input::ConnectFailed { conn, why: why.into() }),
        }
    }

    fn open_stream(&mut self, role: Role, line: &FirstLine<'_>) -> Result<(), &'static str> {
        let tunnel = self.tunnel.as_mut().ok_or("the tunnel is gone")?;
        // Yamux ends a tunnel that is asked for one too many.
        if self.links.len() >= MAX_STREAMS - 16 {
            return Err("the tunnel has as many connections as it may");
        }
        let stream =
            tunnel.open(&mut Context::from_waker(&self.waker)).ok_or("the tunnel is gone")?;
        let mut link = Link::new(stream, role);
        link.write(&line.to_line());
        self.links.push(link);
        Ok(())
    }

    fn pause(&mut self, conn: ConnId, pause: bool) {
        for link in &mut self.links {
            if let Role::Control(control) = &mut link.role
                && control.conn == conn
            {
                control.paused = pause;
            }
        }
    }

    fn stop_listening(&mut self, stopped: ListenerId) {
        for link in &mut self.links {
            if matches!(link.role, Role::Listen { listener, .. } if listener == stopped) {
                link.role = Role::Over;
            }
        }
    }

    fn close(&mut self, conn: ConnId) {
        let until = self.outside.now() + LINGER;
        for link in &mut self.links {
            if link.role.conn() == Some(conn) {
                link.role = match link.role {
                    Role::Control(_) => Role::Closing { until, shut: false },
                    _ => Role::Over,
                };
            }
        }
        if self.dialling.take_if(|dialling| *dialling == conn).is_some() {
            self.hang_up();
        } else if self.relay.take_if(|relay| *relay == conn).is_some() && !self.leaving {
            // What has stopped answering is the bridge: they are one.
            self.silent = true;
        }
    }

    fn begin_sending(
        &mut self,
        conn: ConnId,
        transfer: TransferId,
        file: Result<Send, SecureError>,
    ) {
        match file {
            Ok(file) => self.begin(conn, Role::Send(file)),
            Err(error) => {
                let why = Some(error.to_string().into());
                self.later(Input::SendEnded { transfer, bytes: 0, unsent: Vec::new(), why });
            }
        }
    }

    fn begin_receiving(
        &mut self,
        conn: ConnId,
        transfer: TransferId,
        role: Result<Role, SecureError>,
    ) {
        match role {
            Ok(role) => self.begin(conn, role),
            Err(error) => {
                let end = ReceiveEnd::Broken(error.to_string().into());
                self.later(Input::ReceiveEnded { transfer, bytes: 0, digests: None, end });
            }
        }
    }

    /// A data connection is for this file.
    fn begin(&mut self, conn: ConnId, role: Role) {
        for link in &mut self.links {
            if matches!(link.role, Role::Data(idle) if idle == conn) {
                link.role = role;
                return;
            }
        }
    }

    fn tell(&mut self, event: Event) {
        match &event {
            Event::Ended { session, .. } | Event::OpenFailed { session, .. } => {
                self.shares.forget(*session);
            }
            Event::Failed { transfer, .. } => {
                self.stop_looking(*transfer);
                self.no_longer_awaited(*transfer);
            }
            // This host keeps files alone.
            Event::Entry { session, name, stat, .. } if stat.kind != Kind::File => {
                let text = format!("{name} does not come: expected a file, got a folder or a link");
                let (session, text) = (Some(*session), text.into());
                return self.tell(Event::Notice { session, text });
            }
            Event::Offered { session, name, stat, .. } if stat.kind != Kind::File => {
                self.unwanted.push_back((*session, name.clone()));
                return;
            }
            Event::Entry { session, .. } => {
                if let Some(Link { role: Role::Control(control), .. }) =
                    self.links.get_mut(self.reading)
                {
                    control.session = Some(*session);
                    control.entries = control.entries.saturating_sub(1);
                }
            }
            _ => {}
        }
        self.deliveries.event(&event);
        self.outside.tell(event, self.losing);
    }
}
