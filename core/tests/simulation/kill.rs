//! Hosts that are killed at any moment and start again with the contents of their disk.

use xcher_core::peer::TransferId;

use crate::host::Due;
use crate::net::Life;
use crate::user::User;
use crate::world::World;

impl World {
    /// Kills a host, keeps its disk only, and starts it again.
    pub(crate) fn kill(&mut self, index: usize) {
        for wire in &mut self.wires {
            for side in 0..2 {
                if wire.ends[side].host == Some(index) {
                    wire.cut();
                    wire.life[side] = Life::Closed;
                    wire.flows[side].closed = true;
                }
            }
        }
        self.unanswered.retain(|(host, ..)| *host != index);
        self.punching.close_all(index);
        self.end_links();
        let host = &self.hosts[index];
        let open: Vec<TransferId> =
            host.received.keys().chain(host.found.keys()).copied().collect();
        for transfer in open {
            if let Some(receiving) = self.hosts[index].received.get_mut(&transfer) {
                // The last bytes written may not have reached the disk.
                let written = receiving.bytes.len();
                receiving.bytes.truncate(written - self.rng.usize(0..=written.min(100)));
            }
            self.abandon(index, transfer);
        }
        let host = &mut self.hosts[index];
        host.listeners.clear();
        host.allocated.clear();
        host.due.clear();
        host.sending.clear();
        host.walks.clear();
        host.resumable.clear();
        host.online = false;
        host.user.killed();
        // Ids of the previous process must not be used again.
        let last = host.peer.new_conn();
        host.peer = host.new_peer(&mut self.rng);
        while host.peer.new_conn() < last {}
        host.due.push(Due::Start);
        self.totals.kills += 1;
    }
}

impl User {
    fn killed(&mut self) {
        self.asked.clear();
        self.visitors.clear();
        self.offers.clear();
        self.serving.clear();
        self.unreported.clear();
        for book in self.sessions.values_mut() {
            let over = book.failed || book.ended;
            book.ended |= book.open && !over;
            book.failed |= !book.open && !over;
        }
        for wanted in self.transfers.values_mut() {
            wanted.end.get_or_insert_with(|| Err("killed".to_owned()));
        }
    }
}
