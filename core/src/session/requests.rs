//! What this side asks, and offers.

use alloc::vec::Vec;

use super::extension_packet::ExtensionPacket;
use super::ledger::{self, Asked};
use super::{Extensions, Receipt, Session, Want};
use crate::stream::Digest;
use crate::{FileName, Kind, LeftOut, MisuseError, NotStored, Packet, Size, Stat};

impl Session {
    /// Asks for everything that is shared.
    ///
    /// # Errors
    ///
    /// [`MisuseError::AlreadyAsked`] while a list is under way, [`MisuseError::Closing`].
    pub fn list(&mut self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        if self.ledger.asked.contains(&Asked::List) {
            return Err(MisuseError::AlreadyAsked);
        }
        self.send(Packet::FileList, out)?;
        self.ledger.asked.push(Asked::List);
        Ok(())
    }

    /// Asks whether a file is shared.
    ///
    /// # Errors
    ///
    /// [`MisuseError::AlreadyAsked`] while the same question, or a request of the same file, has no
    /// answer: both would be answered by the same line. [`MisuseError::TooManyRequests`] for more
    /// questions than this side would bear itself. [`MisuseError::Closing`].
    pub fn check(&mut self, name: FileName<&str>, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        let text = name.into_str();
        let by_name = !self.extensions.has(Extensions::RECEIPT);
        if self.ledger.is_checking(text) || by_name && self.ledger.is_requesting(text) {
            return Err(MisuseError::AlreadyAsked);
        }
        if self.ledger.asked.len() >= self.ledger.max_questions {
            return Err(MisuseError::TooManyRequests);
        }
        self.send(Packet::check(name), out)?;
        self.ledger.asked.push(Asked::Check(text.into()));
        Ok(())
    }

    /// Requests a file, to be sent to `port` of this host. [`settle`](Self::settle) it when its
    /// transfer is over. Says how many were requested before.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn request(
        &mut self,
        name: FileName<&str>,
        size: Size,
        port: u16,
        out: &mut Vec<u8>,
    ) -> Result<u64, MisuseError> {
        self.send(Packet::Request { name: Ok(name), size, port }, out)?;
        Ok(self.ledger.requested(name.into_str()))
    }

    /// As [`request`](Self::request), of what follows the first `offset` bytes, which have this sum.
    /// Only where both sides named it.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn resume(
        &mut self,
        name: FileName<&str>,
        size: Size,
        port: u16,
        (offset, digest): (u64, Digest),
        out: &mut Vec<u8>,
    ) -> Result<u64, MisuseError> {
        self.send_extension(
            &ExtensionPacket::Resume { name: Ok(name), size, port, offset, digest },
            out,
        )?;
        Ok(self.ledger.requested(name.into_str()))
    }

    /// Requests many small files in one connection (section 18): at least one, of exact sizes, and no
    /// more than [`batch`](crate::batch) allows. What [`settle`](Self::settle) and a NO name is the
    /// first. Only where both sides named it.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn batch<'a>(
        &mut self,
        files: impl ExactSizeIterator<Item = (FileName<&'a str>, u64)>,
        port: u16,
        out: &mut Vec<u8>,
    ) -> Result<u64, MisuseError> {
        self.send_extension(&ExtensionPacket::Batch { count: files.len() as u64, port }, out)?;
        let mut first = None;
        for (name, size) in files {
            first.get_or_insert(name.into_str());
            self.send_extension(
                &ExtensionPacket::File { name: Ok(name), size: Size::Exact(size) },
                out,
            )?;
        }
        Ok(self.ledger.requested(first.unwrap_or_default()))
    }

    /// A requested file is not waited for any more, and nothing of it came: a NO for its name may
    /// still, and is passed over.
    pub fn give_up(&mut self, name: &str) {
        match self.extensions.has(Extensions::RECEIPT) {
            // Its refusal has a number, and is no question whatever becomes of it.
            true => self.settle(name),
            false => self.ledger.give_up(name),
        }
    }

    /// The transfer of a requested file is over: a NO for its name is no longer expected.
    pub fn settle(&mut self, name: &str) {
        ledger::settle(&mut self.ledger.requested, name);
    }

    /// Whether a question of ours waits for its answer.
    pub fn has_pending_question(&self) -> bool {
        !self.ledger.asked.is_empty()
    }

    /// Offers a file; [`offer_end`](Self::offer_end) follows the last. Only where both sides named it.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn offer(
        &mut self,
        name: FileName<&str>,
        size: Size,
        stat: Stat,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        if stat.kind != Kind::File && !self.extensions.has(Extensions::STAT) {
            // It would be taken for a file (section 16).
            return Ok(());
        }
        let stat = self.extensions.has(Extensions::STAT).then_some(stat);
        self.send_extension(&ExtensionPacket::Offer { name: Ok(name), size, stat }, out)?;
        self.ledger.offer(name.into_str());
        Ok(())
    }

    /// Reports how much will be requested. Only where both sides named it.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn want(&mut self, want: Want, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.send_extension(&ExtensionPacket::Want(want), out)
    }

    /// Reports what became of files that were requested. Only where both sides named it.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn receipt(&mut self, receipt: Receipt, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.send_extension(&ExtensionPacket::Receipt(receipt), out)
    }

    /// Names a file that is wanted and is not requested. Only where both sides named it.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn forgo(
        &mut self,
        name: FileName<&str>,
        reason: NotStored,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        self.send_extension(&ExtensionPacket::Unasked { reason, name: Ok(name) }, out)
    }

    /// Names what is left out of an offer, before its end; nothing to a side that would not know what it
    /// is.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn leave_out(&mut self, left: &LeftOut, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        if !self.extensions.has(Extensions::LEFT) {
            return Ok(());
        }
        self.send_extension(
            &ExtensionPacket::Left { reason: left.reason, name: Ok(left.name.borrowed()) },
            out,
        )
    }

    /// The offer is complete.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn offer_end(&mut self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.send_extension(&ExtensionPacket::OfferEnd, out)
    }
}
