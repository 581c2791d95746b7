//! Carries out the state machine's actions.

use xcher_core::peer::{Action, ConnId, Direction, Event};

use super::Host;
use super::event::HostEvent;

impl Host {
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::DialRelay { conn } => self.dial_relay(conn),
            Action::DialRendezvous { conn, listener, port } => {
                self.dial_rendezvous(conn, listener, port);
            }
            Action::Punch { listener, to, is_caller } => self.punch(listener, to, is_caller),
            Action::Dial { conn, to, path, purpose, link } => {
                self.dial_host(conn, to, path, purpose, link);
            }
            Action::Listen { listener, ip, path, purpose, link } => {
                self.listen(listener, ip, path, purpose, link);
            }
            Action::StopListening { listener } => {
                self.punch_ports.remove(&listener);
                self.listeners.remove(&listener);
            }
            Action::Write { conn, bytes } => {
                if let Some(connection) = self.packet_connections.get(&conn) {
                    connection.write(bytes);
                }
            }
            Action::Pause { conn } => self.pause(conn, true),
            Action::Resume { conn } => self.pause(conn, false),
            Action::Close { conn } => self.close(conn),
            // Only a browser makes links.
            Action::Link { .. } => {}
            Action::List { session } => self.list_next(session),
            Action::Find { session, name } => self.find(session, name),
            Action::FindPartial { transfer, name, size, from } => {
                self.find_partial(transfer, name, size, from);
            }
            Action::Open { transfer, name, size, length, .. } => {
                self.open_shared(transfer, name, size, length);
            }
            Action::Send { transfer, conn, name, size, from, seal } => {
                self.send(transfer, conn, name, size, from, seal);
            }
            Action::Receive { transfer, conn, name, size, from, seal } => {
                self.receive(transfer, conn, name, size, from, seal);
            }
            Action::SendBatch { transfer, conn, files, seal } => {
                self.send_batch(transfer, conn, files, seal);
            }
            Action::ReceiveBatch { transfer, conn, files, seal } => {
                self.receive_batch(transfer, conn, files, seal);
            }
            Action::Store { transfer, stat } => self.store(transfer, stat),
            Action::Abandon { transfer } => self.abandon(transfer),
            Action::Pin { nick, key } => self.pin(nick, key),
            Action::RelayVerified { key } => self.relay_verified(key),
            Action::Notify(event) => self.notify(event),
        }
    }

    /// Passes an event to the user, and forgets the state of what it ends.
    fn notify(&mut self, event: Event) {
        match &event {
            Event::Online { .. } => self.mapped_ports.is_online_as(self.peer.named_address()),
            Event::Ended { session, .. } | Event::OpenFailed { session, .. } => {
                self.walks.remove(session);
                self.held.remove(session);
            }
            Event::Started { transfer, session, direction: Direction::Receive, .. } => {
                self.session_of.insert(*transfer, *session);
            }
            Event::Finished { transfer, .. } => {
                self.streamed.remove(transfer);
                self.session_of.remove(transfer);
            }
            Event::Failed { transfer, .. } => {
                self.stop_disk_read(*transfer);
                self.streamed.remove(transfer);
                // A transfer that still runs may leave a partial file, which is reported with its session.
                if !self.transfers.contains_key(transfer) {
                    self.session_of.remove(transfer);
                }
            }
            _ => {}
        }
        self.events.push_back(HostEvent::Peer(event));
    }

    pub(super) fn close(&mut self, conn: ConnId) {
        if let Some(dial) = self.dials.remove(&conn) {
            dial.abort();
        }
        self.data_connections.remove(&conn);
        self.tunnels.remove(conn);
        if let Some(connection) = self.packet_connections.remove(&conn) {
            let link = self.links.remove(&conn);
            self.closing.spawn(async move {
                connection.close().await;
                if let Some(link) = link {
                    link.close().await;
                }
            });
        }
        self.stop_transfer(conn);
    }
}
