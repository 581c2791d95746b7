//! Streams: files that are read from a pipe, and files that are written to one.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use xcher_core::peer::{ConnId, Direction, Input, ReceiveEnd, TransferId};
use xcher_core::stream::{Hasher, Seal};
use xcher_core::{FileName, Size};

use super::Host;
use super::file_transfer::{not_stored, receive_end};
use super::streaming::StreamedFile;
use super::task_report::TaskReport;
use crate::data::{self, Sealing, SendEnd};
use crate::files::{Inbox, reason};

/// The place that received files are written to.
#[derive(Debug)]
pub enum Sink {
    /// Nothing is received.
    Nowhere,
    /// Files are stored in a folder.
    Folder(Inbox),
    /// The bytes of each received file are written to this stream as they arrive.
    Stream(File),
}

impl From<Option<Inbox>> for Sink {
    fn from(inbox: Option<Inbox>) -> Self {
        inbox.map_or(Self::Nowhere, Self::Folder)
    }
}

impl Sink {
    /// Returns the same place for another host. Only one of them may receive.
    ///
    /// # Errors
    ///
    /// If the system cannot duplicate the stream.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Nowhere => Self::Nowhere,
            Self::Folder(inbox) => Self::Folder(inbox.clone()),
            Self::Stream(file) => Self::Stream(file.try_clone()?),
        })
    }

    pub(super) fn parts(self) -> (Option<Arc<Inbox>>, Option<OutputStream>) {
        match self {
            Self::Nowhere => (None, None),
            Self::Folder(inbox) => (Some(Arc::new(inbox)), None),
            Self::Stream(file) => (None, Some(OutputStream { file: Arc::new(file), last: None })),
        }
    }
}

/// The stream that files are written to, and the last file.
pub(super) struct OutputStream {
    file: Arc<File>,
    last: Option<(TransferId, FileName)>,
}

impl Host {
    pub(super) fn send_pipe(
        &mut self,
        transfer: TransferId,
        conn: ConnId,
        name: &FileName,
        seal: Option<Seal>,
    ) {
        let started = self.start_transfer(transfer, conn, Direction::Send);
        let pipe = self.shares.open_pipe(name);
        let (Some((socket, sent, throttle)), Some(source)) = (started, pipe) else {
            let why = Some("a pipe can be read only once".into());
            return self.later(Input::SendEnded { transfer, bytes: 0, unsent: Vec::new(), why });
        };
        let reporter = self.reporter.clone();
        tokio::task::spawn_blocking(move || {
            let ended = |bytes| {
                let _ = reporter.blocking_send(TaskReport::PipeEnded { transfer, bytes });
            };
            let end = data::send_pipe(&socket, &source, seal, &sent, &throttle, ended);
            drop(socket);
            let (bytes, why) = (sent.load(Ordering::Relaxed), send_failure(&end).map(Into::into));
            let report = TaskReport::SendEnded { transfer, bytes, unsent: Vec::new(), why };
            let _ = reporter.blocking_send(report);
        });
    }

    /// As [`receive`](Self::receive), into the output stream. Returns false if there is none.
    pub(super) fn receive_into_stream(
        &mut self,
        transfer: TransferId,
        conn: ConnId,
        name: &FileName,
        size: Size,
        seal: &mut Option<Seal>,
    ) -> bool {
        let file = match (self.streamed.get(&transfer), &mut self.output) {
            (Some(streamed), _) => streamed.file.clone(),
            (None, Some(output)) => {
                output.last = Some((transfer, name.clone()));
                output.file.clone()
            }
            (None, None) => return false,
        };
        let started = self.start_transfer(transfer, conn, Direction::Receive);
        let Some((socket, received, throttle)) = started else {
            let why = "the data connection cannot be used";
            let (digests, end) = (None, ReceiveEnd::Broken(why.into()));
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
                data::ReceiveEnd::FileError(error) => {
                    not_stored(reason(&error), write_failure(&error))
                }
                end => receive_end(end),
            };
            let (bytes, partial) = (received.load(Ordering::Relaxed), None);
            let report = TaskReport::ReceiveEnded { transfer, bytes, digests, end, partial };
            let _ = reporter.blocking_send(report);
        });
        true
    }

    /// Reports a file that was written to the stream as stored.
    pub(super) fn store_in_stream(&mut self, transfer: TransferId) {
        if self.report_text(transfer) {
            return;
        }
        if let Some(StreamedFile { name, .. }) = self.streamed.remove(&transfer) {
            return self.later(Input::Stored { transfer, name });
        }
        let last = self.output.as_mut().and_then(|output| output.last.take());
        if let Some((_, name)) = last.filter(|(last, _)| *last == transfer) {
            self.later(Input::Stored { transfer, name });
        }
    }
}

/// Returns why a pipe was not sent to its end.
fn send_failure(end: &SendEnd) -> Option<String> {
    match end {
        SendEnd::FileError(error) => Some(format!("the pipe cannot be read: {error}")),
        end => super::file_transfer::send_failure(end, 0),
    }
}

fn write_failure(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::BrokenPipe => "the reader of standard output closed it".to_owned(),
        _ => format!("cannot write to standard output, which is incomplete now: {error}"),
    }
}
