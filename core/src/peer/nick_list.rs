//! Lists the nicks online, page by page where the relay has pages (sections 5.2 and 5.9).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Action, Event, Peer, Turn};
use crate::relay_caps::RelayCaps;
use crate::{MisuseError, Nick, RelayPacket};

/// Nicks asked for at once.
const PAGE: u64 = 1000;

/// The lists of nicks that this host has asked its relay for.
#[derive(Default)]
pub(super) struct NickList {
    /// Lists without their end. Only the first is asked for where the relay has pages.
    wanted: u32,
    /// The nicks of the page under way.
    of_page: u64,
    last: Option<Box<str>>,
}

impl Peer {
    /// Asks the relay for the nicks that are online: [`Event::Nick`] for each, then
    /// [`Event::NicksEnd`].
    ///
    /// # Errors
    ///
    /// [`MisuseError::Offline`].
    pub fn who(&mut self, now: Duration, actions: &mut Vec<Action>) -> Result<(), MisuseError> {
        self.run(now, actions, |peer, turn| {
            peer.nick().ok_or(MisuseError::Offline)?;
            let list = &mut peer.relay.login.nicks;
            list.wanted = list.wanted.saturating_add(1);
            if list.wanted == 1 || !peer.has_pages() {
                peer.ask_for_nicks(turn);
            }
            Ok(())
        })
    }

    fn has_pages(&self) -> bool {
        self.relay.login.caps.has(RelayCaps::PAGE)
    }

    /// Asks for the next page, or for the whole list.
    fn ask_for_nicks(&mut self, turn: &mut Turn<'_>) {
        if !self.has_pages() {
            return self.write_relay(RelayPacket::Who, turn);
        }
        let last = self.relay.login.nicks.last.clone();
        let packet = RelayPacket::WhoPage { count: PAGE, prefix: "/", after: last.as_deref() };
        self.write_relay(packet, turn);
    }

    pub(super) fn nick_listed(&mut self, text: &str, turn: &mut Turn<'_>) {
        if self.has_pages() {
            let list = &mut self.relay.login.nicks;
            // Only what leads on counts, so that no relay repeats itself forever.
            if list.last.as_deref().is_some_and(|last| last >= text) {
                return;
            }
            list.of_page += 1;
            list.last = Some(text.into());
        }
        if let Ok(nick) = Nick::parse(text) {
            turn.notify(Event::Nick { nick });
        }
    }

    pub(super) fn nicks_ended(&mut self, turn: &mut Turn<'_>) {
        let has_pages = self.has_pages();
        let list = &mut self.relay.login.nicks;
        let was_full = core::mem::take(&mut list.of_page) >= PAGE;
        if has_pages && was_full {
            return self.ask_for_nicks(turn);
        }
        self.list_ended(turn);
    }

    /// The relay refused to list nicks: no more of this list comes.
    pub(super) fn nicks_refused(&mut self, turn: &mut Turn<'_>) {
        self.relay.login.nicks.of_page = 0;
        if self.relay.login.nicks.wanted > 0 {
            self.list_ended(turn);
        }
    }

    fn list_ended(&mut self, turn: &mut Turn<'_>) {
        let list = &mut self.relay.login.nicks;
        list.last = None;
        list.wanted = list.wanted.saturating_sub(1);
        let asks = list.wanted > 0;
        turn.notify(Event::NicksEnd);
        if asks && self.has_pages() {
            self.ask_for_nicks(turn);
        }
    }
}
