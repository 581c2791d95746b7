//! One call of [`Peer::handle`](super::Peer::handle) or of a command.

use alloc::vec::Vec;
use core::time::Duration;

use super::event::Delivered;
use super::{Action, Event, Notice, SessionId};

/// The time of a call, and the actions that it appends.
pub(super) struct Turn<'a> {
    pub(super) now: Duration,
    pub(super) actions: &'a mut Vec<Action>,
}

impl Turn<'_> {
    /// The moment `wait` from now.
    pub(super) fn after(&self, wait: Duration) -> Duration {
        self.now.saturating_add(wait)
    }

    pub(super) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    pub(super) fn notify(&mut self, event: Event) {
        self.actions.push(Action::Notify(event));
    }

    pub(super) fn notice(&mut self, session: Option<SessionId>, notice: Notice) {
        self.notify(Event::Notice { session, notice });
    }

    /// Reports the fate of requested files to the user.
    pub(super) fn deliver(
        &mut self,
        session: SessionId,
        delivered: impl IntoIterator<Item = Delivered>,
    ) {
        for (transfer, (name, bytes), delivery) in delivered {
            let transfer = Some(transfer);
            self.notify(Event::Delivered { session, transfer, name, bytes, delivery });
        }
    }
}
