//! One control connection, from either end (section 3).
//!
//! Bytes go in with [`Session::receive`]; what they mean comes out of [`Session::next_event`].
//! Commands append what must be written to the caller's buffer. The seed calls the asking side A;
//! here either side may ask, and one `Session` does both.

mod agreeing;
mod auth;
mod event;
mod extensions;
mod extra;
mod negotiation;
mod privacy;

use alloc::boxed::Box;
use alloc::vec::Vec;

pub use event::{Event, Question, Request};
pub use extensions::Extensions;
pub use negotiation::Terms;

use auth::Auth;
use extra::Extra;
use negotiation::{Agreement, Negotiation};
use privacy::Privacy;

use crate::secure::Side;
use crate::state::{State, Step};
use crate::stream::Sum;
use crate::{
    BadName, FileName, Limits, LineBuffer, MAX_LINE, MisuseError, Name, Packet, ProtocolError,
    Quoted, Size,
};

/// Which count is of ours, and which of theirs.
const OURS: usize = 0;
const THEIRS: usize = 1;

enum Owed {
    Answer(Question),
    /// The NO for a name that is none.
    No(Box<str>),
}

#[derive(PartialEq, Eq)]
enum Asked {
    List,
    Check(Box<str>),
}

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
    /// Our questions without an answer, oldest first.
    asked: Vec<Asked>,
    /// The files we requested and have not settled, as often as we did.
    requested: Vec<Box<str>>,
    /// The files we offered that are neither wanted nor declined.
    offered: Vec<Box<str>>,
    /// Files of the offer that comes.
    offered_to_us: u64,
    /// Their questions without an answer, oldest first: so few that the first is cheap to take out.
    /// It is a bare `No` only while held.
    owed: Vec<Owed>,
    /// No answers for now.
    held: bool,
    /// Entries of the list under way.
    entries: u64,
    /// Requests so far, of ours and of theirs.
    requests: [u64; 2],
    max_questions: usize,
    max_entries: u64,
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
            asked: Vec::new(),
            requested: Vec::new(),
            offered: Vec::new(),
            offered_to_us: 0,
            owed: Vec::new(),
            held: false,
            entries: 0,
            requests: [0; 2],
            max_questions: limits.questions.max(1),
            max_entries: limits.entries,
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
            let event = self.hear_negotiation(out)?;
            if event.is_some() || self.negotiation.is_some() {
                return Ok(event);
            }
        }
        let Some(line) = self.lines.next_line()? else {
            return self.privacy.as_ref().map_or(Ok(None), |privacy| privacy.fault());
        };
        let text = line.text();
        if self.probed && negotiation::is_late(text) {
            self.probed = false;
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
            return self.hear_auth(&text, out).map(|event| event.or(Some(Event::Question)));
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
        let event = match packet {
            Packet::FileList => ask(&mut self.owed, Question::List),
            Packet::Entry { name, size } => {
                if !self.asked.contains(&Asked::List) {
                    return Err(ProtocolError::Unsolicited { got: Quoted(text).to_box() });
                }
                if self.entries == self.max_entries {
                    return Err(ProtocolError::ListTooLong { entries: self.max_entries });
                }
                self.entries += 1;
                match name {
                    Ok(name) => Event::Entry { name: name.to_owned(), size },
                    Err(bad) => Event::BadEntry { why: alloc::format!("{bad}").into() },
                }
            }
            Packet::ListEnd => {
                let Some(at) = self.asked.iter().position(|asked| *asked == Asked::List) else {
                    return Err(ProtocolError::Unsolicited { got: Quoted(text).to_box() });
                };
                self.asked.remove(at);
                Event::ListEnd { entries: core::mem::take(&mut self.entries) }
            }
            Packet::Chk(chk) => {
                let answer = chk.answer();
                if let Some((name, yes)) = answer
                    && let Some(at) = position(&self.asked, name)
                {
                    self.asked.remove(at);
                    Event::Answer { name: name.into(), yes }
                } else if let Some((name, false)) = answer
                    && settle(&mut self.requested, name)
                {
                    Event::Refused { name: name.into() }
                } else if let Some((name, false)) = answer
                    && settle(&mut self.offered, name)
                {
                    Event::Declined { name: name.into() }
                } else {
                    match FileName::parse(chk.question()) {
                        Ok(name) => ask(&mut self.owed, Question::Check(name.to_owned())),
                        Err(bad) => owe_no(&mut self.owed, bad)?,
                    }
                }
            }
            Packet::Request { port: 0, .. } if !self.extensions.has(Extensions::PASSIVE) => {
                let expected = "X_REQUEST name size port";
                return Err(ProtocolError::Malformed { expected, got: Quoted(text).to_box() });
            }
            Packet::Request { name, size, port } => {
                let number = count(&mut self.requests[THEIRS]);
                requested(&mut self.owed, name, Wanted { size, port, has: None, number })?
            }
            Packet::End => Event::End,
            Packet::Unknown { verb } => match Extra::parse(text, self.extensions)? {
                None => Event::Ignored { verb: Quoted(verb).to_box() },
                Some(Extra::Resume { name, size, port, offset, sum }) => {
                    let number = count(&mut self.requests[THEIRS]);
                    let has = Some((offset, sum));
                    requested(&mut self.owed, name, Wanted { size, port, has, number })?
                }
                Some(Extra::Port { number, port }) => Event::Port { number, port },
                Some(Extra::Offer { name, size }) => {
                    if self.offered_to_us == self.max_entries {
                        return Err(ProtocolError::ListTooLong { entries: self.max_entries });
                    }
                    self.offered_to_us += 1;
                    match name {
                        Ok(name) => Event::Offered { name: name.to_owned(), size },
                        Err(bad) => Event::BadOffer { why: alloc::format!("{bad}").into() },
                    }
                }
                Some(Extra::OfferEnd) => {
                    Event::OfferEnd { entries: core::mem::take(&mut self.offered_to_us) }
                }
            },
        };
        self.answer_bad_names(out);
        Ok(Some(event))
    }

    /// Whether nothing more is read until questions are answered.
    pub fn is_full(&self) -> bool {
        self.owed.len() >= self.max_questions
    }

    /// Holds back the NOs that this session gives by itself, while too much is written and not sent
    /// already; questions wait meanwhile, and what the other side answers is still taken. `false`
    /// gives those that are due.
    pub fn hold_answers(&mut self, hold: bool, out: &mut Vec<u8>) {
        self.held = hold;
        self.answer_bad_names(out);
    }

    /// Asks for everything that is shared.
    ///
    /// # Errors
    ///
    /// [`MisuseError::AlreadyAsked`] while a list is under way, [`MisuseError::Ending`].
    pub fn list(&mut self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        if self.asked.contains(&Asked::List) {
            return Err(MisuseError::AlreadyAsked);
        }
        self.send(Packet::FileList, out)?;
        self.asked.push(Asked::List);
        Ok(())
    }

    /// Asks whether a file is shared.
    ///
    /// # Errors
    ///
    /// [`MisuseError::AlreadyAsked`] while the same question, or a request of the same file, has no
    /// answer: both would be answered by the same line. [`MisuseError::TooManyWaiting`] for more
    /// questions than this side would bear itself. [`MisuseError::Ending`].
    pub fn check(&mut self, name: FileName<&str>, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        let text = name.into_str();
        if position(&self.asked, text).is_some()
            || self.requested.iter().any(|requested| **requested == *text)
        {
            return Err(MisuseError::AlreadyAsked);
        }
        if self.asked.len() >= self.max_questions {
            return Err(MisuseError::TooManyWaiting);
        }
        self.send(Packet::check(name), out)?;
        self.asked.push(Asked::Check(text.into()));
        Ok(())
    }

    /// Requests a file, to be sent to `port` of this host. [`settle`](Self::settle) it when its
    /// transfer is over. Says how many were requested before.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Ending`].
    pub fn request(
        &mut self,
        name: FileName<&str>,
        size: Size,
        port: u16,
        out: &mut Vec<u8>,
    ) -> Result<u64, MisuseError> {
        self.send(Packet::Request { name: Ok(name), size, port }, out)?;
        self.requested.push(name.into_str().into());
        Ok(count(&mut self.requests[OURS]))
    }

    /// As [`request`](Self::request), of what follows the first `offset` bytes, which have this sum.
    /// Only where both sides named it.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Ending`].
    pub fn resume(
        &mut self,
        name: FileName<&str>,
        size: Size,
        port: u16,
        (offset, sum): (u64, Sum),
        out: &mut Vec<u8>,
    ) -> Result<u64, MisuseError> {
        self.say(&Extra::Resume { name: Ok(name), size, port, offset, sum }, out)?;
        self.requested.push(name.into_str().into());
        Ok(count(&mut self.requests[OURS]))
    }

    /// Says where this side listens for a file that was requested with port 0.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Ending`].
    pub fn listening(
        &mut self,
        number: u64,
        port: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.say(&Extra::Port { number, port }, out)
    }

    /// Offers a file; [`offer_end`](Self::offer_end) follows the last. Only where both sides named it.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Ending`].
    pub fn offer(
        &mut self,
        name: FileName<&str>,
        size: Size,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.say(&Extra::Offer { name: Ok(name), size }, out)?;
        self.offered.push(name.into_str().into());
        Ok(())
    }

    /// The offer is complete.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Ending`].
    pub fn offer_end(&mut self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.say(&Extra::OfferEnd, out)
    }

    fn say(&mut self, extra: &Extra<'_>, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.ours = self.ours.after(Step::Packet).ok_or(MisuseError::Ending)?;
        extra.encode(out);
        Ok(())
    }

    /// The transfer of a requested file is over: a NO for its name is no longer expected.
    pub fn settle(&mut self, name: &str) {
        settle(&mut self.requested, name);
    }

    /// Says X_END. Nothing is asked after it.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Ending`] if it was said.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.send(Packet::End, out)
    }

    /// The connection is closed, by whichever side.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::HalfLine`] if it ended inside a line.
    pub fn close(&mut self) -> Result<(), ProtocolError> {
        let ended = self.theirs == State::Ended || self.ours == State::Ended;
        if self.negotiation.is_some() {
            self.lines.receive(&core::mem::take(&mut self.held_back));
        }
        self.theirs = State::Closed;
        self.ours = State::Closed;
        match self.lines.unfinished() {
            Some(got) if !ended => Err(ProtocolError::HalfLine { got: Quoted(got).to_box() }),
            _ => Ok(()),
        }
    }

    /// Whether the other side has sent a packet: that it is a peer at all.
    pub fn has_spoken(&self) -> bool {
        self.theirs != State::Silent
    }

    /// Whether a question of ours waits for its answer.
    pub fn awaits_answer(&self) -> bool {
        !self.asked.is_empty()
    }

    /// The oldest question of the other side's that has no answer.
    pub fn question(&self) -> Option<&Question> {
        match self.owed.first()? {
            Owed::Answer(question) => Some(question),
            Owed::No(_) => None,
        }
    }

    /// One file of the answer to [`Question::List`].
    ///
    /// # Errors
    ///
    /// [`MisuseError::NotAsked`] unless the list is the oldest question.
    pub fn answer_entry(
        &mut self,
        name: FileName<&str>,
        bytes: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match self.question() {
            Some(Question::List) => {
                self.send(Packet::Entry { name: Ok(name), size: Size::Exact(bytes) }, out)
            }
            _ => Err(MisuseError::NotAsked),
        }
    }

    /// The list is complete.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NotAsked`] unless the list is the oldest question.
    pub fn answer_list_end(&mut self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        match self.question() {
            Some(Question::List) => {
                self.send(Packet::ListEnd, out)?;
                self.owed.remove(0);
                self.answer_bad_names(out);
                Ok(())
            }
            _ => Err(MisuseError::NotAsked),
        }
    }

    /// Whether the file of a [`Question::Check`] is shared.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NotAsked`] unless that is the oldest question; [`MisuseError::Ending`].
    pub fn answer_check(&mut self, yes: bool, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        match self.owed.first() {
            Some(Owed::Answer(Question::Check(_))) if self.has_ended() => Err(MisuseError::Ending),
            Some(Owed::Answer(Question::Check(name))) => {
                Packet::encode_answer(name.as_str(), yes, out);
                self.ours = State::Open;
                self.owed.remove(0);
                self.answer_bad_names(out);
                Ok(())
            }
            _ => Err(MisuseError::NotAsked),
        }
    }

    /// Takes a [`Question::Request`] that is the oldest question. Its answer is the file, or
    /// [`refuse`](Self::refuse).
    pub fn take_request(&mut self, out: &mut Vec<u8>) -> Option<Request> {
        let Some(Question::Request(_)) = self.question() else { return None };
        let Owed::Answer(Question::Request(request)) = self.owed.remove(0) else {
            return None;
        };
        self.answer_bad_names(out);
        Some(request)
    }

    /// A requested file will not come, or not whole.
    pub fn refuse(&mut self, name: &FileName, out: &mut Vec<u8>) {
        if !self.has_ended() {
            Packet::encode_answer(name.as_str(), false, out);
            self.ours = State::Open;
        }
    }

    fn send(&mut self, packet: Packet<'_>, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        let step = if matches!(packet, Packet::End) { Step::End } else { Step::Packet };
        self.ours = self.ours.after(step).ok_or(MisuseError::Ending)?;
        packet.encode(out);
        Ok(())
    }

    /// Whether nothing may be sent any more.
    fn has_ended(&self) -> bool {
        matches!(self.ours, State::Ended | State::Closed)
    }

    /// Gives the NOs whose turn has come.
    fn answer_bad_names(&mut self, out: &mut Vec<u8>) {
        while let (false, Some(Owed::No(name))) = (self.held, self.owed.first()) {
            if !self.has_ended() {
                Packet::encode_answer(name, false, out);
                self.ours = State::Open;
            }
            self.owed.remove(0);
        }
    }
}

/// Counts on; how many there were before.
fn count(count: &mut u64) -> u64 {
    let before = *count;
    *count = before.saturating_add(1);
    before
}

/// Takes out one request of that name, and says whether there was one.
fn settle(requested: &mut Vec<Box<str>>, name: &str) -> bool {
    let at = requested.iter().position(|requested| **requested == *name);
    at.map(|at| requested.swap_remove(at)).is_some()
}

fn position(asked: &[Asked], name: &str) -> Option<usize> {
    asked.iter().position(|asked| matches!(asked, Asked::Check(asked) if **asked == *name))
}

/// A request but for its name.
struct Wanted {
    size: Size,
    port: u16,
    has: Option<(u64, Sum)>,
    number: u64,
}

fn requested(
    owed: &mut Vec<Owed>,
    name: Name<'_>,
    Wanted { size, port, has, number }: Wanted,
) -> Result<Event, ProtocolError> {
    match name {
        Ok(name) => {
            let request = Request { name: name.to_owned(), size, port, has, number };
            Ok(ask(owed, Question::Request(request)))
        }
        Err(bad) => owe_no(owed, bad),
    }
}

fn ask(owed: &mut Vec<Owed>, question: Question) -> Event {
    owed.push(Owed::Answer(question));
    Event::Question
}

/// A question about a name that is none.
fn owe_no(owed: &mut Vec<Owed>, bad: BadName<'_>) -> Result<Event, ProtocolError> {
    // The NO repeats the name, and must itself fit a line.
    if bad.name.len() + "X_CHK  NO\n".len() > MAX_LINE {
        return Err(ProtocolError::LineTooLong { got: Quoted(bad.name).to_box() });
    }
    owed.push(Owed::No(bad.name.into()));
    Ok(Event::BadQuestion { why: alloc::format!("{bad}").into() })
}

#[cfg(test)]
mod tests;
