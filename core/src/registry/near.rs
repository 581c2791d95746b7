//! Hosts behind one NAT, which can connect at their inner addresses (section 5.7).

use core::net::SocketAddr;
use core::time::Duration;

use super::{ConnId, Registry};
use crate::Nick;
use crate::addr::{check_dial_port, is_inner, is_nat};
use crate::relay_caps::RelayCaps;

/// The words that both hosts of such a call must name.
pub(super) const NEAR: RelayCaps = RelayCaps::FROM.with(RelayCaps::TICKET).with(RelayCaps::NEAR);

impl Registry {
    /// Returns true if an X_INIT names an inner address, and its callee is behind the same NAT. For a nick
    /// of a code the question costs a guess, because the answer reveals if the code exists.
    pub(super) fn names_near(
        &mut self,
        conn: ConnId,
        nick: &str,
        at: SocketAddr,
        now: Duration,
    ) -> bool {
        let Some(from) = self.clients.get(&conn).map(|client| client.from) else { return false };
        if !is_inner(at.ip()) || check_dial_port(at.port()).is_err() || !is_nat(from) {
            return false;
        }
        let is_code = Nick::parse(nick).is_ok_and(|nick| nick.is_one_time());
        if is_code && !self.addresses.guess(from, &self.limits, now) {
            return false;
        }
        self.nicks.find_callee(nick).is_ok_and(|target| self.share_nat(conn, target))
    }

    /// Returns true if the relay sees both hosts at one public IPv4 address, and both can use that.
    pub(super) fn share_nat(&self, one: ConnId, other: ConnId) -> bool {
        let (Some(one), Some(other)) = (self.clients.get(&one), self.clients.get(&other)) else {
            return false;
        };
        one.from == other.from && is_nat(one.from) && one.supports(NEAR) && other.supports(NEAR)
    }
}
