//! Answers X_WHO in chunks, so that no client makes the relay hold a complete list.

use alloc::vec::Vec;

use super::connections::append_to;
use super::{Action, CloseReason, ConnId, Registry};
use crate::RelayPacket;

/// Bytes of a list that may wait for one client.
const LIST_CHUNK_LEN: usize = 16 << 10;

impl Registry {
    /// Writes the next chunk of the lists that `conn` asked for, unless enough bytes are unsent.
    ///
    /// A list is not a snapshot: a nick that comes or goes meanwhile may be listed or not.
    pub(super) fn list_nicks(&mut self, conn: ConnId, actions: &mut Vec<Action>) {
        let chunk_len = LIST_CHUNK_LEN.min(self.limits.unsent / 2);
        let Some(client) = self.clients.get_mut(&conn) else { return };
        while client.lists > 0 && client.unsent <= chunk_len / 2 {
            let room = (chunk_len - client.unsent).max(1);
            let listed = client.listed.take();
            let mut nicks = self.nicks.after(listed.as_ref());
            let mut last = None;
            let mut ended = false;
            client.unsent += append_to(client, conn, actions, |out| {
                let full = out.len() + room;
                while out.len() < full && !ended {
                    if let Some(nick) = nicks.next() {
                        last = Some(nick);
                        if nick.is_one_time() {
                            continue;
                        }
                        RelayPacket::WhoNick(nick.as_str()).encode(out);
                    } else {
                        RelayPacket::WhoEnd.encode(out);
                        ended = true;
                    }
                }
            });
            if ended {
                client.lists -= 1;
            } else {
                client.listed = last.cloned();
            }
        }
        if client.unsent > self.limits.unsent {
            self.close(conn, CloseReason::NotReading, actions);
        }
    }
}
