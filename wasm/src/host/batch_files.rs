//! The files of a batch that this host sends (section 18), and what JavaScript is asked to read.

use std::collections::VecDeque;
use std::vec;

use xcher_core::FileName;
use xcher_core::batch::BatchSender;
use xcher_core::secure::SecureError;
use xcher_core::stream::Seal;

/// The most files that are requested from JavaScript and not yet sent.
const MAX_READ_AHEAD: usize = 16;

/// Bytes to be read from a file.
pub(super) struct ReadRequest {
    pub(super) length: usize,
    /// The file of a batch to be read whole; `None` for the next bytes of a single file.
    pub(super) name: Option<FileName>,
}

/// The files of a batch that are not sent yet.
pub(super) struct BatchFiles {
    unrequested: vec::IntoIter<(FileName, u64)>,
    /// Sizes of the files that JavaScript is reading.
    requested: VecDeque<u64>,
    /// Files that were read, or failed to be.
    answered: usize,
    /// Sizes and contents of files that wait to be sent; `None` for a file that cannot be.
    read: VecDeque<(u64, Option<Vec<u8>>)>,
    sender: BatchSender,
}

impl BatchFiles {
    pub(super) fn new(files: Vec<(FileName, u64)>, seal: Seal) -> Result<Self, SecureError> {
        let sender = seal.batch_sender()?;
        let (requested, read) = (VecDeque::new(), VecDeque::new());
        Ok(Self { unrequested: files.into_iter(), requested, answered: 0, read, sender })
    }

    /// Returns the next file to read, if there is room for it.
    pub(super) fn next_read(&mut self) -> Option<ReadRequest> {
        if self.requested.len() + self.read.len() >= MAX_READ_AHEAD {
            return None;
        }
        let (name, size) = self.unrequested.next()?;
        self.requested.push_back(size);
        Some(ReadRequest { length: size as usize, name: Some(name) })
    }

    /// Takes the contents of the file requested first, or the reason why it cannot be read. Adds a file
    /// that cannot be sent to `unsent`, by its position.
    pub(super) fn supply(
        &mut self,
        file: Result<Vec<u8>, &str>,
        unsent: &mut Vec<(usize, Box<str>)>,
    ) {
        let Some(size) = self.requested.pop_front() else { return };
        let contents = file.and_then(|file| match file.len() as u64 == size {
            true => Ok(file),
            false => Err("its size changed"),
        });
        if let Err(why) = contents {
            unsent.push((self.answered, why.into()));
        }
        self.answered += 1;
        self.read.push_back((size, contents.ok()));
    }

    /// Appends the next file to `out`, if one was read. Returns its size, sent or not.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) -> Result<u64, SecureError> {
        let mut written = 0;
        while out.is_empty()
            && let Some((size, file)) = self.read.pop_front()
        {
            self.sender.file(file.as_deref(), out)?;
            written += size;
        }
        Ok(written)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.unrequested.len() + self.requested.len() + self.read.len() == 0
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<(), SecureError> {
        self.sender.finish(out)
    }
}
