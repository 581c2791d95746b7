//! What this side answers, in the order of the questions.

use alloc::vec::Vec;

use super::extension_packet::ExtensionPacket;
use super::ledger::Owed;
use super::{Batch, Extensions, Question, Request, Session};
use crate::state::State;
use crate::{FileName, Kind, LeftOut, MisuseError, Packet, Size, Stat};

impl Session {
    /// Whether nothing more is read until questions are answered.
    pub fn is_full(&self) -> bool {
        self.ledger.owed.len() >= self.ledger.max_questions
    }

    /// Holds back the NOs that this session gives by itself, while too much is written and not sent
    /// already; questions wait meanwhile, and what the other side answers is still taken. `false`
    /// gives those that are due.
    pub fn hold_answers(&mut self, hold: bool, out: &mut Vec<u8>) {
        self.held = hold;
        self.answer_bad_names(out);
    }

    /// The oldest question of the other side's that has no answer.
    pub fn question(&self) -> Option<&Question> {
        match self.ledger.owed.first()? {
            Owed::Answer(question) => Some(question),
            Owed::No(_) | Owed::Refusal(_) => None,
        }
    }

    /// One file of the answer to [`Question::List`].
    ///
    /// # Errors
    ///
    /// [`MisuseError::NotOldestQuestion`] unless the list is the oldest question.
    pub fn answer_entry(
        &mut self,
        name: FileName<&str>,
        size: Size,
        stat: Stat,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        let name = Ok(name);
        match self.question() {
            Some(Question::List) if self.extensions.has(Extensions::STAT) => {
                self.send_extension(&ExtensionPacket::Stat { name, size, stat }, out)
            }
            // It would be taken for a file (section 16).
            Some(Question::List) if stat.kind != Kind::File => Ok(()),
            Some(Question::List) => self.send(Packet::Entry { name, size }, out),
            _ => Err(MisuseError::NotOldestQuestion),
        }
    }

    /// Names what is left out of the list; nothing to a side that would not know what it is.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NotOldestQuestion`] unless the list is the oldest question.
    pub fn answer_left_out(
        &mut self,
        left: &LeftOut,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match self.question() {
            Some(Question::List) => self.leave_out(left, out),
            _ => Err(MisuseError::NotOldestQuestion),
        }
    }

    /// The list is complete.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NotOldestQuestion`] unless the list is the oldest question.
    pub fn answer_list_end(&mut self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        match self.question() {
            Some(Question::List) => {
                self.send(Packet::ListEnd, out)?;
                self.ledger.owed.remove(0);
                self.answer_bad_names(out);
                Ok(())
            }
            _ => Err(MisuseError::NotOldestQuestion),
        }
    }

    /// Whether the file of a [`Question::Check`] is shared.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NotOldestQuestion`] unless that is the oldest question; [`MisuseError::Closing`].
    pub fn answer_check(&mut self, yes: bool, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        let Some(Question::Check(name)) = self.question().cloned() else {
            return Err(MisuseError::NotOldestQuestion);
        };
        if self.has_ended() {
            return Err(MisuseError::Closing);
        }
        self.answer(name.as_str(), yes, out);
        self.ledger.owed.remove(0);
        self.answer_bad_names(out);
        Ok(())
    }

    /// Takes a [`Question::Request`] that is the oldest question. Its answer is the file, or
    /// [`refuse`](Self::refuse).
    pub fn take_request(&mut self, out: &mut Vec<u8>) -> Option<Request> {
        let Some(Question::Request(_)) = self.question() else { return None };
        let Owed::Answer(Question::Request(request)) = self.ledger.owed.remove(0) else {
            return None;
        };
        self.answer_bad_names(out);
        Some(request)
    }

    /// Takes a [`Question::Batch`] that is the oldest question.
    pub fn take_batch(&mut self, out: &mut Vec<u8>) -> Option<Batch> {
        let Some(Question::Batch(_)) = self.question() else { return None };
        let Owed::Answer(Question::Batch(batch)) = self.ledger.owed.remove(0) else { return None };
        self.answer_bad_names(out);
        Some(batch)
    }

    /// What the request of this number asked for, which was this file or this one and others, will not
    /// come.
    pub fn refuse_request(&mut self, number: u64, name: &FileName, out: &mut Vec<u8>) {
        match self.extensions.has(Extensions::RECEIPT) {
            // A session that is over takes no answer.
            true => _ = self.send_extension(&ExtensionPacket::Refused { number }, out),
            false => self.refuse(name, out),
        }
    }

    /// A file is not wanted, or will not come.
    pub fn refuse(&mut self, name: &FileName, out: &mut Vec<u8>) {
        if !self.has_ended() {
            self.answer(name.as_str(), false, out);
        }
    }

    /// Says where this side listens for a file that was requested with port 0.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn listening(
        &mut self,
        number: u64,
        port: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.send_extension(&ExtensionPacket::Port { number, port }, out)
    }

    /// Gives the NOs whose turn has come.
    pub(super) fn answer_bad_names(&mut self, out: &mut Vec<u8>) {
        while let (false, Some(Owed::No(_) | Owed::Refusal(_))) =
            (self.held, self.ledger.owed.first())
        {
            match self.ledger.owed.remove(0) {
                Owed::No(name) if !self.has_ended() => self.answer(&name, false, out),
                Owed::Refusal(number) => {
                    _ = self.send_extension(&ExtensionPacket::Refused { number }, out)
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, name: &str, yes: bool, out: &mut Vec<u8>) {
        Packet::encode_answer(name, yes, out);
        self.ours = State::Open;
        if !yes {
            self.ledger.denies(name);
        }
    }
}
