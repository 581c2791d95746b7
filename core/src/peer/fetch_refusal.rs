//! Refusals of this host's requests.

use super::transfers::{Fetch, FetchStage};
use super::{Action, Error, Peer, SessionId, TransferId, Turn};

impl Peer {
    /// A base-protocol peer refused a request, by the file's name.
    pub(super) fn refused_by_name(&mut self, session: SessionId, name: &str, turn: &mut Turn<'_>) {
        let is_named = |fetch: &Fetch| {
            fetch.session == session && fetch.request.is_refusable() && fetch.name.as_str() == name
        };
        // A file that arrives was not refused, though another of its name may have been.
        let waits = self.find_fetch(|fetch| is_named(fetch) && !fetch.is_moving());
        if let Some(id) = waits.or_else(|| self.find_fetch(is_named)) {
            self.request_refused(id, turn);
        }
    }

    /// A peer refused a request by its number. One that was cancelled meanwhile needs no answer.
    pub(super) fn refused_by_number(
        &mut self,
        session: SessionId,
        number: u64,
        turn: &mut Turn<'_>,
    ) {
        let is_numbered = |fetch: &Fetch| {
            let request = &fetch.request;
            fetch.session == session && request.is_refusable() && request.number() == Some(number)
        };
        if let Some(id) = self.find_fetch(is_numbered) {
            self.request_refused(id, turn);
        }
    }

    fn find_fetch(&self, is_it: impl Fn(&Fetch) -> bool) -> Option<TransferId> {
        self.transfers.fetches().find(|(_, fetch)| is_it(fetch)).map(|(id, _)| id)
    }

    fn request_refused(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        let Some(fetch) = self.transfers.fetch_mut(id) else { return };
        fetch.request.refused(fetch.is_moving());
        let had_partial = fetch.resume.discard();
        match fetch.stage {
            // The partial file is not how the provider's begins, or no longer: requests all of it.
            FetchStage::Requested(listener) if had_partial => {
                if let Some(listener) = listener
                    && self.listeners.remove(&listener).is_some()
                {
                    turn.act(Action::StopListening { listener });
                }
                self.prepare_request(id, turn);
            }
            // Of a file that arrives, the end of its stream says more than the refusal.
            FetchStage::Receiving(_) => {}
            _ => self.fetch_failed(id, Error::Refused, turn),
        }
    }
}
