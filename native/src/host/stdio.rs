//! What has no place on the disk: files that come from a pipe, and one that goes into one.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use xcher_core::peer::{ConnId, Direction, Input, ReceiveEnd, TransferId};
use xcher_core::stream::{Hasher, Seal};
use xcher_core::{FileName, Size};

use super::Host;
use super::passing_on::PassedOn;
use super::task_report::Happened;
use super::transfer::{disk, received_end};
use crate::data::{self, Sealing, SendEnd};
use crate::files::{Inbox, reason};

/// Where what is received goes.
#[derive(Debug)]
pub enum Sink {
    /// Nothing is received.
    Nowhere,
    /// Files of a folder.
    Folder(Inbox),
    /// The bytes of one file alone, as they come; each file that is received is written to it.
    Stream(File),
}

impl From<Option<Inbox>> for Sink {
    fn from(inbox: Option<Inbox>) -> Self {
        inbox.map_or(Self::Nowhere, Self::Folder)
    }
}

impl Sink {
    pub(super) fn parts(self) -> (Option<Arc<Inbox>>, Option<Stream>) {
        match self {
            Self::Nowhere => (None, None),
            Self::Folder(inbox) => (Some(Arc::new(inbox)), None),
            Self::Stream(file) => (None, Some(Stream { file: Arc::new(file), wrote: None })),
        }
    }
}

/// What files are written to, and which was last.
pub(super) struct Stream {
    file: Arc<File>,
    wrote: Option<(TransferId, FileName)>,
}

impl Host {
    pub(super) fn send_pipe(
        &mut self,
        transfer: TransferId,
        conn: ConnId,
        name: &FileName,
        seal: Option<Seal>,
    ) {
        let begun = self.begin(transfer, conn, Direction::Send);
        let (Some((socket, sent, throttle)), Some(source)) = (begun, self.shares.open_pipe(name))
        else {
            let why = Some("it cannot be read again".into());
            return self.later(Input::SendEnded { transfer, bytes: 0, unsent: Vec::new(), why });
        };
        let reporter = self.reporter.clone();
        tokio::task::spawn_blocking(move || {
            let ended = |bytes| {
                let _ = reporter.blocking_send(Happened::Moved { transfer, bytes });
            };
            let end = data::send_pipe(&socket, &source, seal, &sent, &throttle, ended);
            drop(socket);
            let (bytes, why) = (sent.load(Ordering::Relaxed), unsent(&end).map(Into::into));
            let report = Happened::SendEnded { transfer, bytes, unsent: Vec::new(), why };
            let _ = reporter.blocking_send(report);
        });
    }

    /// As [`receive`](Self::receive), where there is a stream. False where there is none.
    pub(super) fn receive_into_stream(
        &mut self,
        transfer: TransferId,
        conn: ConnId,
        name: &FileName,
        size: Size,
        seal: &mut Option<Seal>,
    ) -> bool {
        let file = match (self.passing_on.get(&transfer), &mut self.stream) {
            (Some(passed), _) => passed.file.clone(),
            (None, Some(stream)) => {
                stream.wrote = Some((transfer, name.clone()));
                stream.file.clone()
            }
            (None, None) => return false,
        };
        let begun = self.begin(transfer, conn, Direction::Receive);
        let Some((socket, received, throttle)) = begun else {
            let (digests, end) = (None, ReceiveEnd::Broken("it cannot be read".into()));
            self.later(Input::ReceiveEnded { transfer, bytes: 0, digests, end });
            return true;
        };
        let (buffers, reporter, seal) = (self.buffers.clone(), self.reporter.clone(), seal.take());
        tokio::task::spawn_blocking(move || {
            let limit = Some(size.limit());
            let (end, digests) = match seal {
                None => {
                    (data::receive(&socket, &*file, limit, &received, &buffers, &throttle), None)
                }
                Some(seal) => {
                    let sealing = Sealing { seal, prefix: Hasher::new(), mark: None };
                    data::receive_sealed(
                        &socket, &*file, limit, sealing, &received, &buffers, &throttle,
                    )
                }
            };
            drop(socket);
            let end = match end {
                data::ReceiveEnd::FileError(error) => disk(reason(&error), unwritten(&error)),
                end => received_end(end),
            };
            let (bytes, partial) = (received.load(Ordering::Relaxed), None);
            let report = Happened::ReceiveEnded { transfer, bytes, digests, end, partial };
            let _ = reporter.blocking_send(report);
        });
        true
    }

    /// The file that was written to the stream is whole.
    pub(super) fn store_in_stream(&mut self, transfer: TransferId) {
        if let Some(PassedOn { name, .. }) = self.passing_on.remove(&transfer) {
            return self.later(Input::Stored { transfer, name });
        }
        let wrote = self.stream.as_mut().and_then(|stream| stream.wrote.take());
        if let Some((_, name)) = wrote.filter(|(wrote, _)| *wrote == transfer) {
            self.later(Input::Stored { transfer, name });
        }
    }
}

/// Why a pipe was not sent to its end.
fn unsent(end: &SendEnd) -> Option<String> {
    match end {
        SendEnd::FileError(error) => Some(format!("it cannot be read: {error}")),
        end => super::transfer::unsent(end, 0),
    }
}

fn unwritten(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::BrokenPipe => "nobody reads standard output to its end".to_owned(),
        _ => format!("standard output cannot be written, and what it has is not whole: {error}"),
    }
}
