//! One control connection, from either end (section 3).
//!
//! [`Session::receive`] adds bytes; [`Session::next_event`] returns their meaning. Commands append the
//! bytes to write to the caller's buffer. Where the original specification has only A ask, either side may
//! ask here: one `Session` is requester and provider.
//!
//! ```
//! use xcher_core::session::{Event, Question};
//! use xcher_core::{FileName, Limits, Session, Size, Stat};
//!
//! let limits = Limits::default();
//! let (mut requester, mut provider) = (Session::new(&limits), Session::new(&limits));
//! let mut wire = Vec::new();
//!
//! requester.list(&mut wire)?;
//! provider.receive(&core::mem::take(&mut wire));
//! assert_eq!(provider.next_event(&mut wire)?, Some(Event::Question));
//! assert_eq!(provider.question(), Some(&Question::List));
//! let name = FileName::parse("beach.jpg")?;
//! provider.answer_entry(name, Size::Exact(700), Stat::default(), &mut wire)?;
//! provider.answer_list_end(&mut wire)?;
//!
//! requester.receive(&wire);
//! let entry = requester.next_event(&mut wire)?;
//! assert!(matches!(entry, Some(Event::Entry { size: Size::Exact(700), .. })));
//! assert_eq!(requester.next_event(&mut wire)?, Some(Event::ListEnd { entries: 1 }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod agreement;
mod auth;
mod encryption;
mod event;
mod extension_packet;
mod extensions;
mod ledger;
mod link_message;
mod negotiation;
mod requests;
mod responses;

use alloc::boxed::Box;
use alloc::vec::Vec;

pub use event::{Batch, Event, Question, Receipt, Request, Want};
pub use extensions::Extensions;
pub use link_message::{LinkMessage, MAX_DESCRIPTION_LEN};
pub use negotiation::Terms;

use auth::Auth;
use encryption::Encryption;
use extension_packet::ExtensionPacket;
use ledger::Ledger;
use negotiation::{Agreement, Negotiation};

use crate::secure::Side;
use crate::state::{State, Step};
use crate::{Device, Limits, LineBuffer, MisuseError, Packet, ProtocolError, Quoted};

/// One control connection.
pub struct Session {
    lines: LineBuffer,
    /// The negotiation, until it ends.
    negotiation: Option<Negotiation>,
    /// Bytes after the current line of the negotiation, which may be encrypted.
    held_back: Vec<u8>,
    /// The result of the negotiation, until [`proceed`](Session::proceed) applies it.
    agreement: Option<Agreement>,
    encryption: Option<Box<Encryption>>,
    auth: Option<Auth>,
    extensions: Extensions,
    peer_device: Option<Device>,
    side: Side,
    /// True if the probe was abandoned and may still be answered.
    probe_abandoned: bool,
    own_state: State,
    peer_state: State,
    ledger: Ledger,
    /// True while the session's own answers are held back.
    holds_answers: bool,
}

impl Session {
    /// Creates a new connection that uses only the base protocol.
    pub fn new(limits: &Limits) -> Self {
        Self {
            lines: LineBuffer::new(),
            negotiation: None,
            held_back: Vec::new(),
            agreement: None,
            encryption: None,
            auth: None,
            extensions: Extensions::default(),
            peer_device: None,
            side: Side::Caller,
            probe_abandoned: false,
            own_state: State::Silent,
            peer_state: State::Silent,
            ledger: Ledger::new(limits),
            holds_answers: false,
        }
    }

    /// Creates a new connection that starts with a negotiation, which ends with [`Event::Agreed`] (section
    /// 9).
    pub fn negotiate(limits: &Limits, terms: Terms, out: &mut Vec<u8>) -> Self {
        let start = out.len();
        let side = terms.side;
        let negotiation = Some(Negotiation::new(terms, out));
        let own_state = if out.len() > start { State::Open } else { State::Silent };
        Self { negotiation, side, own_state, ..Self::new(limits) }
    }

    /// Adds received bytes. Take all events before adding more.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.negotiation.is_some() || self.agreement.is_some() {
            self.held_back.extend_from_slice(bytes);
        } else if let Some(encryption) = &mut self.encryption {
            encryption.receive(bytes, &mut self.lines);
        } else {
            self.lines.receive(bytes);
        }
    }

    /// Returns the meaning of the next line; `None` until more bytes arrive, and while
    /// [`is_full`](Self::is_full). May append answers to `out`.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] if the peer broke the protocol: close the connection.
    pub fn next_event(&mut self, out: &mut Vec<u8>) -> Result<Option<Event>, ProtocolError> {
        if self.is_full() || self.agreement.is_some() {
            return Ok(None);
        }
        if self.negotiation.is_some() {
            let event = self.receive_negotiation(out)?;
            if event.is_some() || self.negotiation.is_some() {
                return Ok(event);
            }
        }
        let Some(line) = self.lines.next_line()? else {
            return self.encryption.as_ref().map_or(Ok(None), |encryption| encryption.error());
        };
        let text = line.text();
        if let (true, true, Some(next)) =
            (self.probe_abandoned, negotiation::is_late(text), self.peer_state.after(Step::Packet))
        {
            self.probe_abandoned = false;
            self.peer_state = next;
            return Ok(Some(Event::Ignored { verb: Quoted(text).to_box() }));
        }
        if let Some(encryption) = &mut self.encryption
            && let Some(event) = encryption.receive_line(text, out)?
        {
            return Ok(Some(event));
        }
        if self.auth.is_some() && text != "X_END" {
            // Copies the line: a proof has only a few of them.
            let text = alloc::string::String::from(text);
            return self.receive_auth(&text, out).map(|event| event.or(Some(Event::Question)));
        }
        let packet = match Packet::parse(text)? {
            // Any program can be made to send an unknown first line: it does not identify a peer.
            Packet::Unknown { .. } if self.peer_state == State::Silent => {
                return Err(ProtocolError::NotXcher { got: Quoted(text).to_box() });
            }
            packet => packet,
        };
        let step = if matches!(packet, Packet::End) { Step::End } else { Step::Packet };
        let Some(next) = self.peer_state.after(step) else {
            return Err(ProtocolError::AfterEnd { got: Quoted(text).to_box() });
        };
        self.peer_state = next;
        let extension = match packet {
            Packet::Unknown { .. } => ExtensionPacket::parse(text, self.extensions)?,
            _ => None,
        };
        let event = match extension {
            Some(packet) => self.ledger.receive_extension(packet, text, self.extensions)?,
            None => self.ledger.receive(packet, text, self.extensions)?,
        };
        self.answer_invalid_names(out);
        Ok(Some(event))
    }

    fn send_extension(
        &mut self,
        packet: &ExtensionPacket<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.own_state = self.own_state.after(Step::Packet).ok_or(MisuseError::Closing)?;
        packet.encode(out);
        Ok(())
    }

    /// Sends X_END. Nothing may be sent after it.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`] if X_END was sent.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.send(Packet::End, out)
    }

    /// Reports that either side closed the connection.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::IncompleteLine`] if it ended inside a line.
    pub fn close(&mut self) -> Result<(), ProtocolError> {
        let ended = self.peer_state == State::Ended || self.own_state == State::Ended;
        if self.negotiation.is_some() {
            self.lines.receive(&core::mem::take(&mut self.held_back));
        }
        self.peer_state = State::Closed;
        self.own_state = State::Closed;
        let incomplete = self.encryption.as_ref().is_some_and(|encryption| encryption.is_half());
        match self.lines.partial_line().or(incomplete.then_some("")) {
            Some(got) if !ended => Err(ProtocolError::IncompleteLine { got: Quoted(got).to_box() }),
            _ => Ok(()),
        }
    }

    /// Returns true once the peer has sent a valid packet, which identifies it as an XCHER peer.
    pub fn has_received_packet(&self) -> bool {
        self.peer_state != State::Silent
    }

    fn send(&mut self, packet: Packet<'_>, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        let step = if matches!(packet, Packet::End) { Step::End } else { Step::Packet };
        self.own_state = self.own_state.after(step).ok_or(MisuseError::Closing)?;
        packet.encode(out);
        Ok(())
    }

    /// Returns true if nothing may be sent any more.
    fn has_ended(&self) -> bool {
        matches!(self.own_state, State::Ended | State::Closed)
    }
}

#[cfg(test)]
mod tests;
