//! The invariants that tie a host's sessions, transfers, connections and listeners together. Debug
//! builds assert them after each input and command.

use alloc::vec::Vec;

use super::role::{ConnRole, ListenerRole};
use super::transfers::Transfer;
use super::{Peer, TransferId};

impl Peer {
    /// Asserts every invariant.
    pub(super) fn check_invariants(&self) {
        self.check_sessions();
        self.check_transfers();
        self.check_conns();
        self.check_listeners();
        self.check_places();
        self.check_links();
        self.relay.check();
        assert!(!self.relay.is_next, "the next link to the relay is in the place of the current");
        if let Some(next) = &self.next_relay {
            next.check();
            assert!(next.is_next, "a link to the relay that is not the next");
            assert!(self.relay.conn.is_some(), "moves from no connection to the relay");
        }
    }

    /// Each session agrees with itself, and its queues with the transfers.
    fn check_sessions(&self) {
        let most = self.config.limits.sessions;
        assert!(self.sessions.len() <= most, "{} sessions of {most}", self.sessions.len());
        for (&id, entry) in self.sessions.iter() {
            entry.check();
            let fetches = self.transfers.fetches().filter(|(_, fetch)| fetch.session == id);
            let (waiting, running) = split(fetches.map(|(id, fetch)| (id, fetch.is_running())));
            entry.fetches.check(waiting, running);
            let serves = self.transfers.serves().filter(|(_, serve)| serve.session == id);
            let (waiting, running) = split(serves.map(|(id, serve)| (id, serve.is_running())));
            entry.serves.check(waiting, running);
        }
    }

    /// Each transfer agrees with itself; without a session it moves or is about to.
    fn check_transfers(&self) {
        for (id, transfer) in self.transfers.iter() {
            match transfer {
                Transfer::Fetch(fetch) => {
                    fetch.check();
                    let has_session = self.sessions.contains_key(&fetch.session);
                    assert!(has_session || fetch.is_running(), "{id:?} waits for no session");
                }
                Transfer::Serve(serve) => {
                    serve.check();
                    let has_session = self.sessions.contains_key(&serve.session);
                    assert!(has_session || serve.is_running(), "{id:?} waits for no session");
                }
                Transfer::Member(_) => {}
            }
        }
        let mut members = self.transfers.iter().filter_map(|(id, transfer)| match transfer {
            Transfer::Member(_) => Some(id),
            _ => None,
        });
        if let Some(member) = members.next() {
            let batches = self.transfers.fetches().filter_map(|(_, fetch)| fetch.batch.as_ref());
            let mut known: Vec<_> =
                batches.flat_map(|batch| batch.members.iter().copied()).collect();
            known.sort_unstable();
            for member in core::iter::once(member).chain(members) {
                assert!(known.binary_search(&member).is_ok(), "{member:?} is of no batch");
            }
        }
    }

    /// Each connection belongs to what its role names, and no session or transfer has another.
    fn check_conns(&self) {
        for (&conn, &role) in self.conns.iter() {
            let is_held = match role {
                ConnRole::Relay => {
                    let next = self.next_relay.as_ref().and_then(|next| next.conn);
                    self.relay.conn == Some(conn) || next == Some(conn)
                }
                ConnRole::Control(id) => self.sessions.get(&id).is_some_and(|entry| {
                    entry.conn() == Some(conn) || entry.candidates.dialled().any(|it| it == conn)
                }),
                ConnRole::Waiting(id) => {
                    let entry = self.sessions.get(&id);
                    entry.is_some_and(|entry| entry.listeners.waiting().any(|it| it == conn))
                }
                ConnRole::Rendezvous(id) => {
                    self.hole_punch(id).is_some_and(|punch| punch.rendezvous() == Some(conn))
                }
                ConnRole::Data(id) => match self.transfers.get(id) {
                    Some(Transfer::Fetch(fetch)) => fetch.conn() == Some(conn),
                    Some(Transfer::Serve(serve)) => serve.conn() == Some(conn),
                    Some(Transfer::Member(_)) | None => false,
                },
            };
            assert!(is_held, "{conn:?} is kept as {role:?}, which does not hold it");
        }
        let next = self.next_relay.as_ref().and_then(|next| next.conn);
        for conn in self.relay.conn.into_iter().chain(next) {
            assert_eq!(self.conns.get(&conn), Some(&ConnRole::Relay), "the relay's {conn:?}");
        }
        for (&id, entry) in self.sessions.iter() {
            for conn in entry.conn().into_iter().chain(entry.candidates.dialled()) {
                let role = self.conns.get(&conn);
                assert_eq!(role, Some(&ConnRole::Control(id)), "{conn:?} of {id:?}");
            }
            for conn in entry.listeners.waiting() {
                let role = self.conns.get(&conn);
                assert_eq!(role, Some(&ConnRole::Waiting(id)), "{conn:?} waits for {id:?}");
            }
        }
    }

    /// Each listener belongs to what its role names, and no session or transfer has another.
    fn check_listeners(&self) {
        for (&listener, &role) in self.listeners.iter() {
            let is_held = match role {
                ListenerRole::Control(id) => {
                    let entry = self.sessions.get(&id);
                    entry.is_some_and(|entry| entry.listeners.ids().any(|it| it == listener))
                }
                ListenerRole::Punch(id) => self.is_punched(id, listener),
                ListenerRole::Data(id) => match self.transfers.get(id) {
                    Some(Transfer::Fetch(fetch)) => fetch.listener() == Some(listener),
                    Some(Transfer::Serve(serve)) => serve.listener() == Some(listener),
                    Some(Transfer::Member(_)) | None => false,
                },
            };
            assert!(is_held, "{listener:?} is kept as {role:?}, which does not hold it");
        }
        for (&id, entry) in self.sessions.iter() {
            for listener in entry.listeners.ids() {
                let role = self.listeners.get(&listener);
                assert_eq!(role, Some(&ListenerRole::Control(id)), "{listener:?} of {id:?}");
            }
        }
    }

    /// A link without its session is open, and waits for what moves on it.
    fn check_links(&self) {
        for (id, link) in self.links.iter() {
            let has_session = self.sessions.contains_key(id);
            assert!(has_session || link.is_open(), "a link in {:?} of no session", link.stage);
        }
    }

    /// The places that callers and requesters hold are those of sessions and transfers.
    fn check_places(&self) {
        self.callers.check(self.sessions.values().filter_map(|entry| entry.call.caller()));
        self.sending.check(self.transfers.serves().filter_map(|(_, serve)| serve.requester));
    }
}

/// Splits transfers into those that wait and a count of those that run.
fn split(transfers: impl Iterator<Item = (TransferId, bool)>) -> (Vec<TransferId>, usize) {
    let mut running = 0;
    let waiting = transfers.filter_map(|(id, is_running)| {
        running += usize::from(is_running);
        (!is_running).then_some(id)
    });
    (waiting.collect(), running)
}
