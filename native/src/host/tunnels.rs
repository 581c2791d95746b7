//! The tunnels of a host, by the connections that are streams of them. Usually it is one: another is opened with
//! another connection to the relay (section 5.9).

use std::collections::HashMap;

use tokio::task::AbortHandle;
use xcher_core::peer::ConnId;

use super::tunnel::Tunnel;

/// All tunnels of a host. Dropping it ends them.
#[derive(Default)]
pub(super) struct Tunnels {
    by_conn: HashMap<ConnId, Tunnel>,
    tasks: Vec<AbortHandle>,
}

impl Tunnels {
    /// A connection is a stream of this tunnel.
    pub(super) fn insert(&mut self, conn: ConnId, tunnel: Tunnel) {
        self.tasks.retain(|task| !task.is_finished());
        if let Some(task) = tunnel.abort_handle()
            && !self.tasks.iter().any(|known| known.id() == task.id())
        {
            self.tasks.push(task);
        }
        self.by_conn.insert(conn, tunnel);
    }

    /// Returns the tunnel that a connection is a stream of.
    pub(super) fn of(&self, conn: ConnId) -> Option<&Tunnel> {
        self.by_conn.get(&conn)
    }

    /// A connection is closed. Its tunnel ends with its last stream.
    pub(super) fn remove(&mut self, conn: ConnId) {
        self.by_conn.remove(&conn);
    }
}

impl Drop for Tunnels {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
