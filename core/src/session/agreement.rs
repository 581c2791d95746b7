//! From the first line of a connection to all that both sides can do (section 9).

use alloc::vec::Vec;

use super::negotiation::{Agreement, Heard};
use super::{Event, Extensions, Privacy, Session};
use crate::secure::Side;
use crate::state::State;
use crate::{Packet, ProtocolError, Quoted};

impl Session {
    /// Goes on as was agreed: [`Event::Agreed`]. What was written until then is in the clear.
    pub fn proceed(&mut self, out: &mut Vec<u8>) {
        match self.agreement.take() {
            Some(Agreement::Encrypted { extensions, mut secured }) => {
                self.extensions = extensions;
                self.auth = secured.auth.take();
                self.privacy = Some(Privacy::begin(secured, out));
            }
            Some(Agreement::Plain) | None => {}
        }
        let held_back = core::mem::take(&mut self.held_back);
        self.receive(&held_back);
    }

    /// What both sides can do.
    pub fn extensions(&self) -> Extensions {
        self.extensions
    }

    /// Whether the other side has not shown yet whether it can do more than the six packets.
    pub fn is_probing(&self) -> bool {
        self.negotiation.as_ref().is_some_and(|negotiation| negotiation.is_open())
    }

    /// Waits no longer for the other side to show it.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Unencrypted`] where the six packets will not do.
    pub fn stop_probing(&mut self) -> Result<Event, ProtocolError> {
        if let Some(negotiation) = &self.negotiation {
            negotiation.give_up()?;
        }
        self.negotiation = None;
        self.probed = self.side == Side::Caller;
        self.agreement = Some(Agreement::Plain);
        Ok(Event::Agreed { key: None })
    }

    /// Takes lines until there is something to tell, more must come, or it is over.
    pub(super) fn receive_negotiation(
        &mut self,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event>, ProtocolError> {
        while let Some(negotiation) = &mut self.negotiation {
            let Some(line) = self.lines.next_line()? else {
                if self.held_back.is_empty() {
                    return Ok(None);
                }
                // Not more than a line: what follows the last may be no text.
                let ended = self.held_back.iter().position(|byte| *byte == b'\n');
                let end = ended.map_or(self.held_back.len(), |at| at + 1);
                self.lines.receive(&self.held_back[..end]);
                self.held_back.drain(..end);
                continue;
            };
            let text = line.text();
            if text == "X_END" {
                self.negotiation = None;
                self.lines.unread();
                let held_back = core::mem::take(&mut self.held_back);
                self.lines.receive(&held_back);
                return Ok(None);
            }
            if self.theirs == State::Silent
                && let Packet::Unknown { .. } = Packet::parse(text)?
            {
                return Err(ProtocolError::NotXcher { got: Quoted(text).to_box() });
            }
            let begins = out.len();
            let heard = negotiation.heard(text, out).inspect_err(|error| {
                // A peer, though not one to speak with.
                if let ProtocolError::Unencrypted | ProtocolError::EncryptionNotOffered = error {
                    self.theirs = State::Open;
                }
            })?;
            if out.len() > begins {
                self.ours = State::Open;
            }
            match heard {
                Some(Heard::NotTaken) => {
                    // The answer to the probe may still come.
                    self.probed = self.side == Side::Caller && negotiation.is_open();
                    self.lines.unread();
                }
                _ => self.theirs = State::Open,
            }
            let agreement = match heard {
                None => continue,
                Some(Heard::NotTaken) => Agreement::Plain,
                Some(Heard::Agreed(agreement)) => agreement,
            };
            let key = match &agreement {
                Agreement::Encrypted { secured, .. } => Some(secured.keys.remote_key()),
                Agreement::Plain => None,
            };
            self.negotiation = None;
            self.agreement = Some(agreement);
            return Ok(Some(Event::Agreed { key }));
        }
        Ok(None)
    }
}
