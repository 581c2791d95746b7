//! The paths of calls, as callers tell them (section 5.12).

use alloc::vec::Vec;

use super::outcome::record;
use super::{Action, CallPath, ConnId, Outcome, Registry};

impl Registry {
    /// Records a forwarded call, and that its caller may tell its path.
    pub(super) fn record_call(
        &mut self,
        conn: ConnId,
        callee: Option<ConnId>,
        actions: &mut Vec<Action>,
    ) {
        if let Some(client) = self.clients.get_mut(&conn) {
            client.untold_calls = client.untold_calls.saturating_add(1);
        }
        record(conn, Outcome::Called { callee }, actions);
    }

    /// Counts the path of a call. Ignores unknown paths, and more paths than calls: no client can tell of calls
    /// that it did not make.
    pub(super) fn receive_path(&mut self, conn: ConnId, text: &str, actions: &mut Vec<Action>) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let known = CallPath::ALL.into_iter().find(|path| path.label() == text);
        if let (Some(path), Some(left)) = (known, client.untold_calls.checked_sub(1)) {
            client.untold_calls = left;
            record(conn, Outcome::Connected { path }, actions);
        }
    }
}
