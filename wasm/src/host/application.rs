//! The application's files: those it shares and offers, and the pace at which it reads and supplies bytes.

use xcher_core::peer::{SessionId, TransferId};
use xcher_core::{FileName, MisuseError, SharedFile, Stat};

use super::receive_file::READ_CREDIT;
use super::stream::{MAX_UNREAD_ENTRIES, Role};
use super::{Environment, Host};

impl<E: Environment> Host<E> {
    /// Shares a file. Returns false if the name is taken.
    pub fn share(&mut self, name: FileName, size: u64, stat: Stat) -> bool {
        self.shares.add(name, size, stat)
    }

    /// Stops sharing a file.
    pub fn unshare(&mut self, name: &str) {
        self.shares.remove(name);
    }

    /// Offers files in a session, as [`Peer::offer`](xcher_core::Peer::offer), and shares them with it until
    /// it ends. Returns the number by which [`Environment::offer_changed`] reports their outcome.
    ///
    /// # Errors
    ///
    /// Those of [`Peer::offer`](xcher_core::Peer::offer).
    pub fn offer(
        &mut self,
        session: SessionId,
        files: Vec<SharedFile>,
    ) -> Result<u64, MisuseError> {
        let id = self.deliveries.offer(session, files.iter().map(|file| file.name.clone()));
        let offered =
            self.with(|peer, now, actions| peer.offer(session, files.clone(), now, actions));
        match offered {
            Ok(()) => self.shares.offer(session, files),
            Err(_) => self.deliveries.withdraw(id),
        }
        self.turn();
        offered.map(|()| id)
    }

    /// Starts reports on the shared files as files served by a code: [`Environment::code_status`].
    pub fn serve_by_code(&mut self) {
        self.deliveries.serve_by_code();
    }

    /// Takes the report that the application has read so many entries of a listing. The peer sends some
    /// hundreds ahead, and then waits.
    pub fn entries_read(&mut self, session: SessionId, entries: usize) {
        for stream in &mut self.streams {
            if let Role::Control(control) = &mut stream.role
                && control.session == Some(session)
            {
                control.credit = (control.credit + entries).min(MAX_UNREAD_ENTRIES);
            }
        }
        self.turn();
    }

    /// Takes the report that the reader of a received file has room again.
    pub fn read_more(&mut self, transfer: TransferId) {
        for stream in &mut self.streams {
            if let Role::Receive(file) = &mut stream.role
                && file.transfer == transfer
            {
                file.credit = READ_CREDIT;
            }
        }
        self.turn();
    }

    /// Takes the bytes that [`Environment::read`] asked for, or a piece of a prefix. Returns true if more of
    /// the prefix is needed.
    pub fn supply(&mut self, transfer: TransferId, piece: Vec<u8>) -> bool {
        if self.add_to_prefix(transfer, &piece) {
            return true;
        }
        let file = self.streams.iter_mut().find_map(|stream| match &mut stream.role {
            Role::Send(file) if file.transfer == transfer => Some(file),
            _ => None,
        });
        if file.is_some_and(|file| !file.supply(piece)) {
            self.read_failed(transfer, "the size of the file changed");
        } else {
            self.turn();
        }
        false
    }

    /// Takes the reason why the bytes that [`Environment::read`] asked for cannot be read.
    pub fn read_failed(&mut self, transfer: TransferId, why: &str) {
        for at in 0..self.streams.len() {
            if let Role::Send(file) = &mut self.streams[at].role
                && file.transfer == transfer
            {
                if !file.read_failed(why) {
                    self.stream_ended(at, Some(why.into()));
                }
                break;
            }
        }
        self.turn();
    }
}
