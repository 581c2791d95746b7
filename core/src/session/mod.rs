//! One control connection, from either end (section 3).
//!
//! Bytes go in with [`Session::receive`]; what they mean comes out of [`Session::next_event`].
//! Commands append what must be written to the caller's buffer. The seed calls the asking side A;
//! here either side may ask, and one `Session` does both.

mod agreement;
mod auth;
mod event;
mod extension_packet;
mod extensions;
mod ledger;
mod negotiation;
mod privacy;
mod requests;
mod responses;

use alloc::boxed::Box;
use alloc::vec::Vec;

pub use event::{Batch, Event, Question, Receipt, Request, Want};
pub use extensions::Extensions;
pub use negotiation::Terms;

use auth::Auth;
use extension_packet::ExtensionPacket;
use ledger::Ledger;
use negotiation::{Agreement, Negotiation};
use privacy::Privacy;

use crate::secure::Side;
use crate::state::{State, Step};
use crate::{Limits, LineBuffer, MisuseError, Packet, ProtocolError, Quoted};

/// One control connection.
pub struct Session {
    lines: LineBuffer,
    /// Until both know what they can do.
    negotiation: Option<Negotiation>,
    /// What came behind a line of the negotiation: it may be no text.
    held_back: Vec<u8>,
    /// Agreed on, and not begun.
    agreement: Option<Agreement>,
    privacy: Option<Box<Privacy>>,
    auth: Option<Auth>,
    extensions: Extensions,
    side: Side,
    /// The probe was given up, and may still be answered.
    probed: bool,
    ours: State,
    theirs: State,
    ledger: Ledger,
    /// No answers for now.
    held: bool,
}

impl Session {
    /// A connection on which nothing was said yet, and only the six packets will be.
    pub fn new(limits: &Limits) -> Self {
        Self {
            lines: LineBuffer::new(),
            negotiation: None,
            held_back: Vec::new(),
            agreement: None,
            privacy: None,
            auth: None,
            extensions: Extensions::default(),
            side: Side::Caller,
            probed: false,
            ours: State::Silent,
            theirs: State::Silent,
            ledger: Ledger::new(limits),
            held: false,
        }
    }

    /// A connection that begins by finding out what the other side can do: [`Event::Agreed`].
    pub fn negotiate(limits: &Limits, terms: Terms, out: &mut Vec<u8>) -> Self {
        let begins = out.len();
        let side = terms.side;
        let negotiation = Some(Negotiation::new(terms, out));
        let ours = if out.len() > begins { State::Open } else { State::Silent };
        Self { negotiation, side, ours, ..Self::new(limits) }
    }

    /// Takes bytes as they came. Take all events before bringing more.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.negotiation.is_some() || self.agreement.is_some() {
            self.held_back.extend_from_slice(bytes);
        } else if let Some(privacy) = &mut self.privacy {
            privacy.receive(bytes, &mut self.lines);
        } else {
            self.lines.receive(bytes);
        }
    }

    /// The meaning of the next line; `None` until more bytes come, or while as many questions wait
    /// for their answers as the limits allow.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] where the other side broke the protocol: close the connection.
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
            return self.privacy.as_ref().map_or(Ok(None), |privacy| privacy.error());
        };
        let text = line.text();
        if let (true, true, Some(next)) =
            (self.probed, negotiation::is_late(text), self.theirs.after(Step::Packet))
        {
            self.probed = false;
            self.theirs = next;
            return Ok(Some(Event::Ignored { verb: Quoted(text).to_box() }));
        }
        if let Some(privacy) = &mut self.privacy
            && let Some(event) = privacy.heard(text, out)?
        {
            return Ok(Some(event));
        }
        if self.auth.is_some() && text != "X_END" {
            // The lines are few, and the caller comes again.
            let text = alloc::string::String::from(text);
            return self.receive_auth(&text, out).map(|event| event.or(Some(Event::Question)));
        }
        let packet = match Packet::parse(text)? {
            // A first line of an unknown kind may come from anything that can be made to send one.
            Packet::Unknown { .. } if self.theirs == State::Silent => {
                return Err(ProtocolError::NotXcher { got: Quoted(text).to_box() });
            }
            packet => packet,
        };
        let step = if matches!(packet, Packet::End) { Step::End } else { Step::Packet };
        let Some(next) = self.theirs.after(step) else {
            return Err(ProtocolError::AfterEnd { got: Quoted(text).to_box() });
        };
        self.theirs = next;
        let extra = match packet {
            Packet::Unknown { .. } => ExtensionPacket::parse(text, self.extensions)?,
            _ => None,
        };
        let event = match extra {
            Some(extra) => self.ledger.receive_extension(extra, text, self.extensions)?,
            None => self.ledger.heard(packet, text, self.extensions)?,
        };
        self.answer_bad_names(out);
        Ok(Some(event))
    }

    fn send_extension(
        &mut self,
        extra: &ExtensionPacket<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.ours = self.ours.after(Step::Packet).ok_or(MisuseError::Closing)?;
        extra.encode(out);
        Ok(())
    }

    /// Says X_END. Nothing is asked after it.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`] if it was said.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.send(Packet::End, out)
    }

    /// The connection is closed, by whichever side.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::IncompleteLine`] if it ended inside a line.
    pub fn close(&mut self) -> Result<(), ProtocolError> {
        let ended = self.theirs == State::Ended || self.ours == State::Ended;
        if self.negotiation.is_some() {
            self.lines.receive(&core::mem::take(&mut self.held_back));
        }
        self.theirs = State::Closed;
        self.ours = State::Closed;
        let half = self.privacy.as_ref().is_some_and(|privacy| privacy.is_half());
        match self.lines.partial_line().or(half.then_some("")) {
            Some(got) if !ended => Err(ProtocolError::IncompleteLine { got: Quoted(got).to_box() }),
            _ => Ok(()),
        }
    }

    /// Whether the other side has sent a packet: that it is a peer at all.
    pub fn has_received_packet(&self) -> bool {
        self.theirs != State::Silent
    }

    fn send(&mut self, packet: Packet<'_>, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        let step = if matches!(packet, Packet::End) { Step::End } else { Step::Packet };
        self.ours = self.ours.after(step).ok_or(MisuseError::Closing)?;
        packet.encode(out);
        Ok(())
    }

    /// Whether nothing may be sent any more.
    fn has_ended(&self) -> bool {
        matches!(self.ours, State::Ended | State::Closed)
    }
}

#[cfg(test)]
mod tests;
