//! Answers of this side, in the order of the questions.

use alloc::vec::Vec;

use super::extension_packet::ExtensionPacket;
use super::ledger::Owed;
use super::{Batch, Extensions, LinkMessage, Question, Request, Session};
use crate::state::State;
use crate::{FileName, Kind, LeftOut, MisuseError, Packet, Size, Stat};

impl Session {
    /// Returns true while [`Limits::questions`](crate::Limits::questions) are pending: the session reads
    /// nothing until this side answers.
    pub fn is_full(&self) -> bool {
        self.ledger.owed.len() >= self.ledger.max_questions
    }

    /// Holds back the NOs that the session sends by itself, for use while too many bytes are unsent.
    /// Questions stay queued meanwhile, and answers of the peer are still processed. `false` sends the NOs
    /// that are due.
    pub fn hold_answers(&mut self, hold: bool, out: &mut Vec<u8>) {
        self.holds_answers = hold;
        self.answer_invalid_names(out);
    }

    /// Returns the peer's oldest pending question.
    pub fn question(&self) -> Option<&Question> {
        match self.ledger.owed.first()? {
            Owed::Answer(question) => Some(question),
            Owed::No(_) | Owed::Refusal(_) => None,
        }
    }

    /// Sends one entry of the answer to [`Question::List`].
    ///
    /// # Errors
    ///
    /// [`MisuseError::NotOldestQuestion`] unless this is the oldest question; [`MisuseError::Closing`].
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
                let stat = stat.known_to(self.extensions);
                self.send_extension(&ExtensionPacket::Stat { name, size, stat }, out)
            }
            // The peer would take it for a file (section 16).
            Some(Question::List) if stat.kind != Kind::File => Ok(()),
            Some(Question::List) => self.send(Packet::Entry { name, size }, out),
            _ => Err(MisuseError::NotOldestQuestion),
        }
    }

    /// Names a file that is left out of the listing. Does nothing without [`Extensions::LEFT`].
    ///
    /// # Errors
    ///
    /// [`MisuseError::NotOldestQuestion`] unless the listing is the oldest question;
    /// [`MisuseError::Closing`].
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

    /// Ends the answer to [`Question::List`].
    ///
    /// # Errors
    ///
    /// [`MisuseError::NotOldestQuestion`] unless this is the oldest question; [`MisuseError::Closing`].
    pub fn answer_list_end(&mut self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        match self.question() {
            Some(Question::List) => {
                self.send(Packet::ListEnd, out)?;
                self.ledger.owed.remove(0);
                self.answer_invalid_names(out);
                Ok(())
            }
            _ => Err(MisuseError::NotOldestQuestion),
        }
    }

    /// Answers a [`Question::Check`]: `yes` if the file is shared.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NotOldestQuestion`] unless this is the oldest question; [`MisuseError::Closing`].
    pub fn answer_check(&mut self, yes: bool, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        let Some(Question::Check(name)) = self.question().cloned() else {
            return Err(MisuseError::NotOldestQuestion);
        };
        if self.has_ended() {
            return Err(MisuseError::Closing);
        }
        self.answer(name.as_str(), yes, out);
        self.ledger.owed.remove(0);
        self.answer_invalid_names(out);
        Ok(())
    }

    /// Takes a [`Question::Request`], if it is the oldest question. The answer is the file or
    /// [`refuse_request`](Self::refuse_request).
    pub fn take_request(&mut self, out: &mut Vec<u8>) -> Option<Request> {
        let Some(Question::Request(_)) = self.question() else { return None };
        let Owed::Answer(Question::Request(request)) = self.ledger.owed.remove(0) else {
            return None;
        };
        self.answer_invalid_names(out);
        Some(request)
    }

    /// Takes a [`Question::Batch`], if it is the oldest question.
    pub fn take_batch(&mut self, out: &mut Vec<u8>) -> Option<Batch> {
        let Some(Question::Batch(_)) = self.question() else { return None };
        let Owed::Answer(Question::Batch(batch)) = self.ledger.owed.remove(0) else { return None };
        self.answer_invalid_names(out);
        Some(batch)
    }

    /// Refuses the request of this number, whose first or only file is `name`.
    pub fn refuse_request(&mut self, number: u64, name: &FileName, out: &mut Vec<u8>) {
        match self.extensions.has(Extensions::RECEIPT) {
            // Ignored: a closing session needs no answer.
            true => _ = self.send_extension(&ExtensionPacket::Refused { number }, out),
            false => self.refuse(name, out),
        }
    }

    /// Answers NO about a file: declines an offered one or refuses a requested one.
    pub fn refuse(&mut self, name: &FileName, out: &mut Vec<u8>) {
        if !self.has_ended() {
            self.answer(name.as_str(), false, out);
        }
    }

    /// Sends the port on which this side listens, for a request with port 0 (section 15).
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn answer_port(
        &mut self,
        number: u64,
        port: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.send_extension(&ExtensionPacket::Port { number, port }, out)
    }

    /// Sends a message of the setup of a link. Requires [`Extensions::RTC`].
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn link(&mut self, message: LinkMessage, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.send_extension(&ExtensionPacket::Link(Ok(message)), out)
    }

    /// Sends the NOs that are due.
    pub(super) fn answer_invalid_names(&mut self, out: &mut Vec<u8>) {
        while let (false, Some(Owed::No(_) | Owed::Refusal(_))) =
            (self.holds_answers, self.ledger.owed.first())
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
        self.own_state = State::Open;
        if !yes {
            self.ledger.record_denial(name);
        }
    }
}
