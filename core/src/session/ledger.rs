//! What either side has asked, and the other has not answered (sections 3, 14 and 17).

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
    ProtocolError, Quoted, Size, Stat,
};

pub(super) enum Owed {
    Answer(Question),
    /// The NO for a name that is none.
    No(Box<str>),
    /// The NO to a request, by its number.
    Refusal(u64),
}

#[derive(PartialEq, Eq)]
pub(super) enum Asked {
    List,
    Check(Box<str>),
}

pub(super) struct Ledger {
    /// Our questions without an answer, oldest first.
    pub(super) asked: Vec<Asked>,
    /// The files we requested and have not settled, as often as we did.
    pub(super) requested: Vec<Box<str>>,
    /// Those that we gave up before they came: a NO may still be on its way. Also the answers that we
    /// gave, where each side may take the other's for a question. No more than questions.
    pub(super) given_up: Vec<Box<str>>,
    /// The files we offered, and how many offers of each are neither taken up nor declined. A NO that
    /// comes when none is any more is no question.
    offered: LiteMap<Box<str>, usize>,
    /// Their questions without an answer, oldest first: so few that the first is cheap to take out.
    /// It is a bare `No` only while held.
    pub(super) owed: Vec<Owed>,
    /// Requests of ours so far, and of theirs.
    ours: u64,
    theirs: u64,
    /// Entries of the list, and of the offer, under way.
    entries: u64,
    offers: u64,
    /// A batch of which not all lines came, and how many have not.
    gathering: Option<(Batch, u64)>,
    all_offers: u64,
    pub(super) max_questions: usize,
    max_entries: u64,
}

impl Ledger {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            asked: Vec::new(),
            requested: Vec::new(),
            given_up: Vec::new(),
            offered: LiteMap::new(),
            owed: Vec::new(),
            ours: 0,
            theirs: 0,
            entries: 0,
            offers: 0,
            gathering: None,
            all_offers: 0,
            max_questions: limits.questions.max(1),
            max_entries: limits.entries,
        }
    }

    /// Takes one of the six packets.
    pub(super) fn heard(
        &mut self,
        packet: Packet<'_>,
        line: &str,
        extensions: Extensions,
    ) -> Result<Event, ProtocolError> {
        if self.gathering.is_some() && packet != Packet::End {
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

    /// Takes a packet beyond the six.
    pub(super) fn receive_extension(
        &mut self,
        extra: ExtensionPacket<'_>,
        line: &str,
        extensions: Extensions,
    ) -> Result<Event, ProtocolError> {
        if self.gathering.is_some() && !matches!(extra, ExtensionPacket::File { .. }) {
            let expected = "X_FILE name size";
            return Err(ProtocolError::Malformed { expected, got: Quoted(line).to_box() });
        }
        Ok(match extra {
            ExtensionPacket::Resume { name, size, port, offset, digest } => {
                self.request(name, size, port, Some((offset, digest)), extensions)?
            }
            ExtensionPacket::Port { number, port } => Event::Port { number, port },
            ExtensionPacket::Stat { name, size, stat } => self.entry(name, size, stat, line)?,
            ExtensionPacket::Offer { name, size, stat } => {
                self.offers += 1;
                // Of the whole session: an offer ends when the other side says so.
                self.all_offers = self.one_more(self.all_offers)?;
                match name {
                    Ok(name) => {
                        let (name, stat) = (name.to_owned(), stat.unwrap_or_default());
                        Event::Offered { name, size, stat }
                    }
                    Err(bad) => Event::InvalidOffer(bad.into()),
                }
            }
            ExtensionPacket::Batch { count, port } => {
                let number = count_on(&mut self.theirs);
                let files = Vec::new();
                self.gathering = Some((Batch { files, port, number }, count));
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
                Event::OfferEnd { entries: core::mem::take(&mut self.offers) }
            }
        })
    }

    /// Counts a request of ours; how many there were before.
    pub(super) fn requested(&mut self, name: &str) -> u64 {
        self.requested.push(name.into());
        count_on(&mut self.ours)
    }

    /// A requested file is not waited for any more.
    pub(super) fn give_up(&mut self, name: &str) {
        if settle(&mut self.requested, name) {
            self.let_be(name.into());
        }
    }

    /// A NO for this name is no question.
    fn let_be(&mut self, name: Box<str>) {
        if self.given_up.len() >= self.max_questions {
            self.given_up.remove(0);
        }
        self.given_up.push(name);
    }

    /// Whether a NO for this name may answer a request.
    pub(super) fn is_requesting(&self, name: &str) -> bool {
        self.requested.iter().chain(&self.given_up).any(|requested| **requested == *name)
    }

    /// We say NO about a file. If it is called like an answer, it may have been one.
    pub(super) fn denies(&mut self, name: &str) {
        if name.ends_with(NO) {
            self.let_be([name, NO].concat().into());
        }
    }

    /// A file is offered.
    pub(super) fn offer(&mut self, name: &str) {
        match self.offered.get_mut(name) {
            Some(open) => *open += 1,
            None => _ = self.offered.insert(name.into(), 1),
        }
    }

    /// An offer of this file is taken up or declined; whether there was one.
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

    /// What YES or NO answers, if anything.
    fn answer(&mut self, name: &str, yes: bool, extensions: Extensions) -> Option<Event> {
        if let Some(at) = self.checking(name) {
            self.asked.remove(at);
            return Some(Event::Answer { name: name.into(), yes });
        }
        // Where requests are refused by their numbers, no name is a refusal.
        let by_name = !extensions.has(Extensions::RECEIPT);
        if yes {
            None
        } else if settle(&mut self.given_up, name) {
            // Taken for a question, it would be answered, and that answer answered too.
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
        self.entries = self.one_more(self.entries)?;
        Ok(match name {
            Ok(name) => Event::Entry { name: name.to_owned(), size, stat },
            Err(bad) => Event::InvalidEntry(bad.into()),
        })
    }

    /// It counts as an entry of what it belongs to, a list if one is under way.
    fn left(&mut self, reason: LeftOutReason, name: Name<'_>) -> Result<Event, ProtocolError> {
        match self.asked.contains(&Asked::List) {
            true => self.entries = self.one_more(self.entries)?,
            false => self.all_offers = self.one_more(self.all_offers)?,
        }
        Ok(match name {
            Ok(name) => Event::LeftOut(LeftOut { name: name.to_owned(), reason }),
            Err(bad) => Event::InvalidEntry(bad.into()),
        })
    }

    /// One file of the batch that is being told.
    fn file(&mut self, name: Name<'_>, size: Size, line: &str) -> Result<Event, ProtocolError> {
        let unsolicited = || ProtocolError::Unsolicited { got: Quoted(line).to_box() };
        let (mut batch, left) = self.gathering.take().ok_or_else(unsolicited)?;
        let total: u64 = batch.files.iter().map(|(_, size)| size).sum();
        let (Ok(name), true) = (name, total + size.bytes() <= MAX_BATCH_LEN) else {
            let expected = "X_FILE name size, of a name that was listed, and 16777216 bytes in all";
            return Err(ProtocolError::Malformed { expected, got: Quoted(line).to_box() });
        };
        self.settle_offer(name.into_str());
        batch.files.push((name.to_owned(), size.bytes()));
        match left {
            1 => Ok(self.owe(Question::Batch(batch))),
            left => {
                self.gathering = Some((batch, left - 1));
                Ok(Event::Question)
            }
        }
    }

    fn one_more(&self, entries: u64) -> Result<u64, ProtocolError> {
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
        let number = count_on(&mut self.theirs);
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

    /// A question about a name that is none.
    fn owe_no(&mut self, bad: InvalidName<&str>) -> Result<Event, ProtocolError> {
        // The NO repeats the name, and must itself fit a line.
        if bad.name.len() + "X_CHK  NO\n".len() > MAX_LINE_LEN {
            return Err(ProtocolError::LineTooLong { got: Quoted(bad.name).to_box() });
        }
        self.owed.push(Owed::No(bad.name.into()));
        Ok(Event::InvalidQuestion(bad.into()))
    }
}

/// How a line ends that says so.
const NO: &str = " NO";

/// Counts on; how many there were before.
fn count_on(count: &mut u64) -> u64 {
    let before = *count;
    *count = before.saturating_add(1);
    before
}

/// Takes out one of that name, and says whether there was one.
pub(super) fn settle(names: &mut Vec<Box<str>>, name: &str) -> bool {
    let at = names.iter().position(|one| **one == *name);
    at.map(|at| names.swap_remove(at)).is_some()
}
