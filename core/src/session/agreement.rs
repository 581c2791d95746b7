//! Runs the negotiation of a session and applies its result (section 9).

use alloc::vec::Vec;

use super::negotiation::{Agreement, Outcome};
use super::{Encryption, Event, Extensions, Session};
use crate::secure::Side;
use crate::state::State;
use crate::{Device, Packet, ProtocolError, Quoted};

impl Session {
    /// Continues as agreed after [`Event::Agreed`]. Everything written before is unencrypted.
    pub fn proceed(&mut self, out: &mut Vec<u8>) {
        match self.agreement.take() {
            Some(Agreement::Encrypted { extensions, mut secured }) => {
                self.extensions = extensions;
                self.peer_device = secured.device;
                self.auth = secured.auth.take();
                self.encryption = Some(Encryption::start(secured, out));
            }
            Some(Agreement::Plain) | None => {}
        }
        let held_back = core::mem::take(&mut self.held_back);
        self.receive(&held_back);
    }

    /// Returns the extensions in force.
    pub fn extensions(&self) -> Extensions {
        self.extensions
    }

    /// Returns the device that the peer says it is; `None` in an unencrypted session.
    pub fn peer_device(&self) -> Option<Device> {
        self.peer_device
    }

    /// Returns true until the peer has shown by a line if it supports extensions. Silence does not: whoever can
    /// delay a line could otherwise disable encryption.
    pub fn is_probing(&self) -> bool {
        self.negotiation.as_ref().is_some_and(|negotiation| negotiation.is_open())
    }

    /// Continues with the base protocol although the caller has sent nothing. Only for a caller that cannot know the
    /// extensions: from others the probe may be late.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Unencrypted`] if this side requires encryption.
    pub fn stop_probing(&mut self) -> Result<Event, ProtocolError> {
        if let Some(negotiation) = &self.negotiation {
            negotiation.abandon()?;
        }
        self.negotiation = None;
        self.agreement = Some(Agreement::Plain);
        Ok(Event::Agreed { key: None })
    }

    /// Processes lines until there is an event, more bytes are needed, or the negotiation has ended.
    pub(super) fn receive_negotiation(
        &mut self,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event>, ProtocolError> {
        while let Some(negotiation) = &mut self.negotiation {
            let Some(line) = self.lines.next_line()? else {
                if self.held_back.is_empty() {
                    return Ok(None);
                }
                // Only one line at a time: the bytes after the last one may be encrypted.
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
            if self.peer_state == State::Silent
                && let Packet::Unknown { .. } = Packet::parse(text)?
            {
                return Err(ProtocolError::NotXcher { got: Quoted(text).to_box() });
            }
            let start = out.len();
            let outcome = negotiation.receive(text, out).inspect_err(|error| {
                // An XCHER peer, though not an acceptable one.
                if let ProtocolError::Unencrypted | ProtocolError::EncryptionNotOffered = error {
                    self.peer_state = State::Open;
                }
            })?;
            if out.len() > start {
                self.own_state = State::Open;
            }
            match outcome {
                Some(Outcome::NotNegotiation) => {
                    // The answer to the probe may still arrive.
                    self.probe_abandoned = self.side == Side::Caller;
                    self.lines.unread();
                }
                _ => self.peer_state = State::Open,
            }
            let agreement = match outcome {
                None => continue,
                Some(Outcome::NotNegotiation) => Agreement::Plain,
                Some(Outcome::Agreed(agreement)) => agreement,
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
