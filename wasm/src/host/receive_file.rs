//! A file that this host receives over a data connection, decrypted (sections 11.3 and 13).

use xcher_core::peer::{ConnId, ReceiveEnd, TransferId};
use xcher_core::secure::SecureError;
use xcher_core::stream::{Digest, Digests, Receiver, Seal};
use xcher_core::{FileName, Size};

use super::resume::Prefix;

/// Bytes of a file that may arrive for one request of its reader.
pub(super) const READ_CREDIT: usize = 256 << 10;

/// A file being received.
pub(super) struct ReceiveFile {
    pub(super) conn: ConnId,
    pub(super) transfer: TransferId,
    pub(super) name: FileName,
    /// The most bytes that the file can have.
    pub(super) limit: u64,
    pub(super) received: u64,
    /// Bytes reported to the core as progress.
    pub(super) reported: u64,
    /// Bytes that the reader has room for.
    pub(super) credit: usize,
    opener: Option<Receiver>,
}

impl ReceiveFile {
    pub(super) fn new(
        conn: ConnId,
        transfer: TransferId,
        name: FileName,
        size: Size,
        prefix: Prefix,
        seal: Option<Seal>,
    ) -> Result<Self, SecureError> {
        let opener = seal.map(|seal| seal.receiver(prefix.digest)).transpose()?;
        let (limit, received) = (size.limit(), prefix.bytes);
        Ok(Self {
            conn,
            transfer,
            name,
            limit,
            received,
            reported: received,
            credit: READ_CREDIT,
            opener,
        })
    }

    /// Takes received bytes and passes on those of the file. An error ends the transfer.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        deliver: &dyn Fn(&[u8]),
    ) -> Result<(), ReceiveEnd> {
        let Some(mut opener) = self.opener.take() else { return self.keep(bytes, deliver) };
        let mut rest = bytes;
        while let Some((held_back, text)) = opener.receive(&mut rest).map_err(broken)? {
            // The last bytes so far were held back because they could have been the digest.
            self.keep(held_back.as_ref().map_or(&[], Digest::as_slice), deliver)?;
            self.keep(text, deliver)?;
        }
        self.opener = Some(opener);
        Ok(())
    }

    /// Returns the digests, where both sides verify, once the provider has closed the connection in order.
    pub(super) fn finish(&mut self) -> Result<Option<Digests>, ReceiveEnd> {
        self.opener.take().map_or(Ok(None), Receiver::finish).map_err(broken)
    }

    /// Returns true if the provider waits for the reader of this file.
    pub(super) fn is_held_up_by_reader(&self) -> bool {
        self.credit == 0 && self.received < self.limit
    }

    fn keep(&mut self, bytes: &[u8], deliver: &dyn Fn(&[u8])) -> Result<(), ReceiveEnd> {
        if bytes.len() as u64 > self.limit - self.received {
            return Err(ReceiveEnd::Excess);
        }
        if !bytes.is_empty() {
            self.received += bytes.len() as u64;
            self.credit = self.credit.saturating_sub(bytes.len());
            deliver(bytes);
        }
        Ok(())
    }
}

pub(super) fn broken(error: SecureError) -> ReceiveEnd {
    ReceiveEnd::Broken(error.to_string().into())
}
