//! Refusals of clients' packets.

use alloc::string::String;
use alloc::vec::Vec;

use super::outcome::record;
use super::packets::verb;
use super::{Action, Asked, CloseReason, ConnId, Outcome, Registry, Rule};

/// The refusal of a packet: the rule that forbids it, the reason for X_ERR, and its effect on the connection.
pub(super) enum Refusal {
    /// The packet is valid, but must not be carried out.
    Declined(Rule, String),
    /// The packet is an error of the client, which the registry counts.
    Error(Rule, String),
    /// The registry closes the connection.
    Close(Rule, String, CloseReason),
}

impl Registry {
    /// Tells a client why its packet is refused, and counts errors.
    pub(super) fn refuse(
        &mut self,
        conn: ConnId,
        text: &str,
        refusal: Refusal,
        actions: &mut Vec<Action>,
    ) {
        let (Refusal::Declined(rule, _) | Refusal::Error(rule, _) | Refusal::Close(rule, ..)) =
            refusal;
        record(conn, Outcome::Refused { asked: Asked::of_verb(verb(text)), rule }, actions);
        match refusal {
            Refusal::Declined(_, reason) => self.error(conn, verb(text), reason, actions),
            Refusal::Error(_, reason) => {
                self.error(conn, verb(text), reason, actions);
                let limit = self.limits.errors;
                let Some(client) = self.clients.get_mut(&conn) else { return };
                client.errors += 1;
                if client.errors >= limit {
                    let reason = format_args!("too many errors: the limit is {limit}");
                    self.error(conn, "-", reason, actions);
                    self.close(conn, CloseReason::TooManyErrors, actions);
                }
            }
            Refusal::Close(_, reason, why) => {
                self.error(conn, verb(text), reason, actions);
                self.close(conn, why, actions);
            }
        }
    }
}
