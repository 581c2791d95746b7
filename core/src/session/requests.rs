//! Questions, requests and offers of this side.

use alloc::vec::Vec;

use super::extension_packet::ExtensionPacket;
use super::ledger::{self, Asked};
use super::{Extensions, Receipt, Session, Want};
use crate::stream::Digest;
use crate::{FileName, Kind, LeftOut, MisuseError, NotStored, Packet, Size, Stat};

impl Session {
    /// Asks for the peer's listing.
    ///
    /// # Errors
    ///
    /// [`MisuseError::AlreadyAsked`] while a listing is pending, [`MisuseError::Closing`].
    pub fn list(&mut self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        if self.ledger.asked.contains(&Asked::List) {
            return Err(MisuseError::AlreadyAsked);
        }
        self.send(Packet::FileList, out)?;
        self.ledger.asked.push(Asked::List);
        Ok(())
    }

    /// Asks if the peer shares a file.
    ///
    /// # Errors
    ///
    /// [`MisuseError::AlreadyAsked`] while the same question, or a request for the same file, is pending: the
    /// same line would answer both. [`MisuseError::TooManyRequests`] above
    /// [`Limits::questions`](crate::Limits::questions). [`MisuseError::Closing`].
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

    /// Requests a file, to be sent to `port` of this host. Call [`settle`](Self::settle) when its transfer
    /// has ended. Returns the number of the request, from 0.
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

    /// Requests the rest of a file after `offset` bytes with this digest (section 14), as
    /// [`request`](Self::request). Requires [`Extensions::RESUME`].
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

    /// Requests a batch of at least one file, of exact sizes and within the limits of
    /// [`batch`](crate::batch) (section 18). [`settle`](Self::settle) and a NO name its first file. Requires
    /// [`Extensions::BATCH`]. Returns the number of the request, from 0.
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

    /// Abandons a request of which nothing arrived: a NO for its name may still arrive and is ignored.
    pub fn abandon(&mut self, name: &str) {
        match self.extensions.has(Extensions::RECEIPT) {
            // Its refusal has a number and cannot be mistaken for a question.
            true => self.settle(name),
            false => self.ledger.abandon(name),
        }
    }

    /// Ends the request of a file: a NO for its name is no longer expected.
    pub fn settle(&mut self, name: &str) {
        ledger::settle(&mut self.ledger.requested, name);
    }

    /// Returns true if a question of this side is pending.
    pub fn has_pending_question(&self) -> bool {
        !self.ledger.asked.is_empty()
    }

    /// Offers a file; call [`offer_end`](Self::offer_end) after the last one. Requires [`Extensions::OFFER`].
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
            // The peer would take it for a file (section 16).
            return Ok(());
        }
        let has_stat = self.extensions.has(Extensions::STAT);
        let stat = has_stat.then(|| stat.known_to(self.extensions));
        self.send_extension(&ExtensionPacket::Offer { name: Ok(name), size, stat }, out)?;
        self.ledger.offer(name.into_str());
        Ok(())
    }

    /// Announces how much this side will request. Requires [`Extensions::RECEIPT`].
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn want(&mut self, want: Want, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.send_extension(&ExtensionPacket::Want(want), out)
    }

    /// Reports if requested files are stored. Requires [`Extensions::RECEIPT`].
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn receipt(&mut self, receipt: Receipt, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.send_extension(&ExtensionPacket::Receipt(receipt), out)
    }

    /// Names a wanted file that this side will not request. Requires [`Extensions::RECEIPT`].
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

    /// Names a file that is left out of an offer, before its end. Does nothing without
    /// [`Extensions::LEFT`].
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

    /// Ends an offer.
    ///
    /// # Errors
    ///
    /// [`MisuseError::Closing`].
    pub fn offer_end(&mut self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.send_extension(&ExtensionPacket::OfferEnd, out)
    }
}
