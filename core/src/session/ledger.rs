//! Pending questions, requests and offers of both sides (sections 3, 14 and 17).

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use litemap::LiteMap;

use super::extension_packet::ExtensionPacket;
use super::{Batch, Event, Extensions, Question, Request};
use crate::batch::MAX_BATCH_LEN;
use crate::stream::Digest;
use crate::{
    FileName, InvalidName, LeftOut, LeftOutReason, Limits, MAX_LINE_LEN, Name, Packet,
    ProtocolError, Quoted, Size, Stat, text,
};

/// An answer that this side owes.
pub(super) enum Owed {
    Answer(Question),
    /// The NO for an invalid name.
    No(Box<str>),
    /// The refusal of a request, by its number.
    Refusal(u64),
}

/// A pending question of this side.
#[derive(PartialEq, Eq)]
pub(super) enum Asked {
    List,
    Check(Box<str>),
}

/// Everything that one side has asked and the other has not answered.
pub(super) struct Ledger {
    /// Pending questions of this side, oldest first.
    pub(super) asked: Vec<Asked>,
    /// Files of this side's pending requests, once per request.
    pub(super) requested: Vec<Box<str>>,
    /// Files of abandoned requests, for which a NO may still arrive. Also answers of this side that the
    /// peer may mistake for questions. At most `max_questions`.
    pub(super) abandoned: Vec<Box<str>>,
    /// Files offered by this side, with the number of unsettled offers of each. A NO for a file whose
    /// offers are settled is not a question.
    offered: LiteMap<Box<str>, usize>,
    /// Pending answers to the peer, oldest first: so few that removing the first is cheap. The first is a
    /// `No` or `Refusal` only while they are held back.
    pub(super) owed: Vec<Owed>,
    /// Numbers of the next requests of this side and of the peer.
    own_requests: u64,
    peer_requests: u64,
    /// Entries of the current listing and of the current offer.
    entries: u64,
    offer_entries: u64,
    /// A batch whose X_FILE lines are incomplete, and how many are missing.
    incomplete_batch: Option<(Batch, u64)>,
    /// Texts among them.
    texts: u64,
    offer_texts: u64,
    /// Entries of all offers in the session.
    session_offer_entries: u64,
    pub(super) max_questions: usize,
    max_entries: u64,
}

impl Ledger {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            asked: Vec::new(),
            requested: Vec::new(),
            abandoned: Vec::new(),
            offered: LiteMap::new(),
            owed: Vec::new(),
            own_requests: 0,
            peer_requests: 0,
            entries: 0,
            offer_entries: 0,
            texts: 0,
            offer_texts: 0,
            incomplete_batch: None,
            session_offer_entries: 0,
            max_questions: limits.questions.max(1),
            max_entries: limits.entries,
        }
    }

    /// Processes a packet of the base protocol.
    pub(super) fn receive(
        &mut self,
        packet: Packet<'_>,
        line: &str,
        extensions: Extensions,
    ) -> Result<Event, ProtocolError> {
        if self.incomplete_batch.is_some() && packet != Packet::End {
            return Err(ProtocolError::Malformed {
                expected: "X_FILE name size",
                got: Quoted(line).to_box(),
            });
        }
        Ok(match packet {
            Packet::FileList => self.owe(Question::List),
            Packet::Entry { name, size } => self.entry(name, size, Stat::default(), line)?,
            Packet::ListEnd => {
                let Some(at) = self.asked.iter().position(|asked| *asked == Asked::List) else {
                    return Err(ProtocolError::Unsolicited { got: Quoted(line).to_box() });
                };
                self.asked.remove(at);
                self.texts = 0;
                Event::ListEnd { entries: core::mem::take(&mut self.entries) }
            }
            Packet::Chk(chk) => {
                match chk.answer().and_then(|(name, yes)| self.answer(name, yes, extensions)) {
                    Some(event) => event,
                    None => match FileName::parse(chk.question()) {
                        Ok(name) => self.owe(Question::Check(name.to_owned())),
                        Err(bad) => self.owe_no(bad)?,
                    },
                }
            }
            Packet::Request { port: 0, .. } if !extensions.has(Extensions::PASSIVE) => {
                let expected = "X_REQUEST name size port";
                return Err(ProtocolError::Malformed { expected, got: Quoted(line).to_box() });
            }
            Packet::Request { name, size, port } => {
                self.request(name, size, port, None, extensions)?
            }
            Packet::End => Event::End,
            Packet::Unknown { verb } => Event::Ignored { verb: Quoted(verb).to_box() },
        })
    }

    /// Processes a packet of an extension.
    pub(super) fn receive_extension(
        &mut self,
        packet: ExtensionPacket<'_>,
        line: &str,
        extensions: Extensions,
    ) -> Result<Event, ProtocolError> {
        if self.incomplete_batch.is_some() && !matches!(packet, ExtensionPacket::File { .. }) {
            let expected = "X_FILE name size";
            return Err(ProtocolError::Malformed { expected, got: Quoted(line).to_box() });
        }
        Ok(match packet {
            ExtensionPacket::Resume { name, size, port, offset, digest } => {
                self.request(name, size, port, Some((offset, digest)), extensions)?
            }
            ExtensionPacket::Port { number, port } => Event::Port { number, port },
            ExtensionPacket::Link(message) => Event::Link(message),
            ExtensionPacket::Stat { name, size, stat } => self.entry(name, size, stat, line)?,
            ExtensionPacket::Offer { name, size, stat } => {
                self.offer_entries += 1;
                // Limited over the whole session, because the peer decides when an offer ends.
                self.session_offer_entries = self.count_entry(self.session_offer_entries)?;
                match name {
                    Ok(name) => {
                        let stat =
                            admit_text(stat.unwrap_or_default(), size, &mut self.offer_texts);
                        let name = name.to_owned();
                        Event::Offered { name, size, stat }
                    }
                    Err(bad) => Event::InvalidOffer(bad.into()),
                }
            }
            ExtensionPacket::Batch { count, port } => {
                let number = next_number(&mut self.peer_requests);
                let files = Vec::new();
                self.incomplete_batch = Some((Batch { files, port, number }, count));
                Event::Question
            }
            ExtensionPacket::File { name, size } => self.file(name, size, line)?,
            ExtensionPacket::Key { key, proof } => Event::OwnKey { key, proof },
            ExtensionPacket::Refused { number } => Event::RequestRefused { number },
            ExtensionPacket::Want(want) => Event::Want(want),
            ExtensionPacket::Receipt(receipt) => Event::Receipt(receipt),
            ExtensionPacket::Unasked { reason, name: Ok(name) } => {
                Event::Unasked { name: name.to_owned(), reason }
            }
            ExtensionPacket::Unasked { .. } => Event::Ignored { verb: Quoted(line).to_box() },
            ExtensionPacket::Left { reason, name } => self.left(reason, name)?,
            ExtensionPacket::OfferEnd => {
                self.offer_texts = 0;
                Event::OfferEnd { entries: core::mem::take(&mut self.offer_entries) }
            }
        })
    }

    /// Records a request of this side and returns its number.
    pub(super) fn requested(&mut self, name: &str) -> u64 {
        self.requested.push(name.into());
        next_number(&mut self.own_requests)
    }

    /// Abandons a request.
    pub(super) fn abandon(&mut self, name: &str) {
        if settle(&mut self.requested, name) {
            self.ignore_denial(name.into());
        }
    }

    /// Ignores a future NO for this name, which is not a question.
    fn ignore_denial(&mut self, name: Box<str>) {
        if self.abandoned.len() >= self.max_questions {
            self.abandoned.remove(0);
        }
        self.abandoned.push(name);
    }

    /// Returns true if a NO for this name may answer a request.
    pub(super) fn is_requesting(&self, name: &str) -> bool {
        self.requested.iter().chain(&self.abandoned).any(|requested| **requested == *name)
    }

    /// Records that this side answers NO about a file. If the file's name looks like an answer, it may have
    /// been one.
    pub(super) fn record_denial(&mut self, name: &str) {
        if name.ends_with(NO) {
            self.ignore_denial([name, NO].concat().into());
        }
    }

    /// Records an offered file.
    pub(super) fn offer(&mut self, name: &str) {
        match self.offered.get_mut(name) {
            Some(open) => *open += 1,
            None => _ = self.offered.insert(name.into(), 1),
        }
    }

    /// Settles an offer of this file; returns true if there was one.
    fn settle_offer(&mut self, name: &str) -> bool {
        match self.offered.get_mut(name).filter(|open| **open > 0) {
            Some(open) => {
                *open -= 1;
                true
            }
            None => false,
        }
    }

    pub(super) fn is_checking(&self, name: &str) -> bool {
        self.checking(name).is_some()
    }

    fn checking(&self, name: &str) -> Option<usize> {
        let is_it = |asked: &Asked| matches!(asked, Asked::Check(asked) if **asked == *name);
        self.asked.iter().position(is_it)
    }

    /// Returns the event of a YES or NO, if it answers anything.
    fn answer(&mut self, name: &str, yes: bool, extensions: Extensions) -> Option<Event> {
        if let Some(at) = self.checking(name) {
            self.asked.remove(at);
            return Some(Event::Answer { name: name.into(), yes });
        }
        // With receipts, requests are refused by number, never by name.
        let by_name = !extensions.has(Extensions::RECEIPT);
        if yes {
            None
        } else if settle(&mut self.abandoned, name) {
            // Answering it as a question could start an endless exchange of answers.
            Some(Event::Ignored { verb: Quoted(&format!("X_CHK {name} NO")).to_box() })
        } else if by_name && settle(&mut self.requested, name) {
            Some(Event::Refused { name: name.into() })
        } else if self.settle_offer(name) {
            Some(Event::Declined { name: name.into() })
        } else if self.offered.contains_key(name) {
            Some(Event::Ignored { verb: Quoted(&format!("X_CHK {name} NO")).to_box() })
        } else {
            None
        }
    }

    fn entry(
        &mut self,
        name: Name<'_>,
        size: Size,
        stat: Stat,
        line: &str,
    ) -> Result<Event, ProtocolError> {
        if !self.asked.contains(&Asked::List) {
            return Err(ProtocolError::Unsolicited { got: Quoted(line).to_box() });
        }
        self.entries = self.count_entry(self.entries)?;
        Ok(match name {
            Ok(name) => {
                let stat = admit_text(stat, size, &mut self.texts);
                Event::Entry { name: name.to_owned(), size, stat }
            }
            Err(bad) => Event::InvalidEntry(bad.into()),
        })
    }

    /// Counts a left-out file as an entry of the pending listing, or else of an offer.
    fn left(&mut self, reason: LeftOutReason, name: Name<'_>) -> Result<Event, ProtocolError> {
        match self.asked.contains(&Asked::List) {
            true => self.entries = self.count_entry(self.entries)?,
            false => self.session_offer_entries = self.count_entry(self.session_offer_entries)?,
        }
        Ok(match name {
            Ok(name) => Event::LeftOut(LeftOut { name: name.to_owned(), reason }),
            Err(bad) => Event::InvalidEntry(bad.into()),
        })
    }

    /// Processes one file of the incomplete batch.
    fn file(&mut self, name: Name<'_>, size: Size, line: &str) -> Result<Event, ProtocolError> {
        let unsolicited = || ProtocolError::Unsolicited { got: Quoted(line).to_box() };
        let (mut batch, left) = self.incomplete_batch.take().ok_or_else(unsolicited)?;
        let total: u64 = batch.files.iter().map(|(_, size)| size).sum();
        let (Ok(name), true) = (name, total + size.bytes() <= MAX_BATCH_LEN) else {
            let expected =
                "X_FILE name size, with a valid name and at most 16777216 bytes in total";
            return Err(ProtocolError::Malformed { expected, got: Quoted(line).to_box() });
        };
        self.settle_offer(name.into_str());
        batch.files.push((name.to_owned(), size.bytes()));
        match left {
            1 => Ok(self.owe(Question::Batch(batch))),
            left => {
                self.incomplete_batch = Some((batch, left - 1));
                Ok(Event::Question)
            }
        }
    }

    fn count_entry(&self, entries: u64) -> Result<u64, ProtocolError> {
        match entries < self.max_entries {
            true => Ok(entries + 1),
            false => Err(ProtocolError::ListTooLong { entries: self.max_entries }),
        }
    }

    fn request(
        &mut self,
        name: Name<'_>,
        size: Size,
        port: u16,
        partial: Option<(u64, Digest)>,
        extensions: Extensions,
    ) -> Result<Event, ProtocolError> {
        let number = next_number(&mut self.peer_requests);
        match name {
            Ok(name) => {
                self.settle_offer(name.into_str());
                let name = name.to_owned();
                Ok(self.owe(Question::Request(Request { name, size, port, partial, number })))
            }
            Err(bad) if extensions.has(Extensions::RECEIPT) => {
                self.owed.push(Owed::Refusal(number));
                Ok(Event::InvalidQuestion(bad.into()))
            }
            Err(bad) => self.owe_no(bad),
        }
    }

    fn owe(&mut self, question: Question) -> Event {
        self.owed.push(Owed::Answer(question));
        Event::Question
    }

    /// Queues the NO to a question about an invalid name.
    fn owe_no(&mut self, bad: InvalidName<&str>) -> Result<Event, ProtocolError> {
        // The NO repeats the name and must fit a line.
        if bad.name.len() + "X_CHK  NO\n".len() > MAX_LINE_LEN {
            return Err(ProtocolError::LineTooLong { got: Quoted(bad.name).to_box() });
        }
        self.owed.push(Owed::No(bad.name.into()));
        Ok(Event::InvalidQuestion(bad.into()))
    }
}

/// Returns the metadata of an entry: without the mark of a text if it cannot be one, or if there are too many
/// (section 16.1).
fn admit_text(stat: Stat, size: Size, texts: &mut u64) -> Stat {
    let is_text = stat.text && text::fits(size) && *texts < text::MAX_TEXTS;
    *texts += u64::from(is_text);
    Stat { text: is_text, ..stat }
}

/// The end of a negative answer.
const NO: &str = " NO";

/// Returns the next number.
fn next_number(count: &mut u64) -> u64 {
    let before = *count;
    *count = before.saturating_add(1);
    before
}

/// Removes one occurrence of the name; returns true if there was one.
pub(super) fn settle(names: &mut Vec<Box<str>>, name: &str) -> bool {
    let at = names.iter().position(|one| **one == *name);
    at.map(|at| names.swap_remove(at)).is_some()
}
