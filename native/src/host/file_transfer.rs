//! Sends and receives one file, on a blocking thread of its own.

use std::sync::atomic::Ordering;

use xcher_core::peer::{ConnId, Direction, ReceiveEnd, TransferId};
use xcher_core::stream::Seal;
use xcher_core::{FileName, HumanSize, NotStored, Size, Stat};

use super::Host;
use super::opened_file::OpenedFile;
use super::partial_prefix::PartialPrefix;
use super::task_report::TaskReport;
use crate::data::{self, Sealing, SendEnd, Store};
use crate::files::reason;

impl Host {
    pub(super) fn send(
        &mut self,
        transfer: TransferId,
        conn: ConnId,
        name: FileName,
        size: Size,
        from: u64,
        seal: Option<Seal>,
    ) {
        let Some(size) = size.exact() else {
            return self.send_pipe(transfer, conn, &name, seal);
        };
        // Opened before there was a connection.
        let Some(OpenedFile { file, mark, prefix }) = self.opened.remove(&transfer) else { return };
        let started = self.start_transfer(transfer, conn, Direction::Send);
        let Some((socket, sent, throttle)) = started else { return };
        let reporter = self.reporter.clone();
        tokio::task::spawn_blocking(move || {
            let end = match seal {
                None => data::send(&socket, &file, size, mark, &sent, &throttle),
                Some(seal) => {
                    sent.store(from, Ordering::Relaxed);
                    let sealing = Sealing { seal, prefix, mark: Some(mark) };
                    data::send_sealed(&socket, &file, size, sealing, &sent, &throttle)
                }
            };
            drop(socket);
            let bytes = sent.load(Ordering::Relaxed);
            let why = send_failure(&end, size).map(Into::into);
            let unsent = Vec::new();
            let _ = reporter.blocking_send(TaskReport::SendEnded { transfer, bytes, unsent, why });
        });
    }

    pub(super) fn receive(
        &mut self,
        transfer: TransferId,
        conn: ConnId,
        name: FileName,
        size: Size,
        from: u64,
        mut seal: Option<Seal>,
    ) {
        if self.receive_into_stream(transfer, conn, &name, size, &mut seal) {
            return;
        }
        let found = self.prefixes.remove(&transfer);
        let started = self.start_transfer(transfer, conn, Direction::Receive);
        let Some((socket, received, throttle)) = started else { return };
        let (inbox, reporter) = (self.inbox.clone(), self.reporter.clone());
        let buffers = self.buffers.clone();
        tokio::task::spawn_blocking(move || {
            let max_unknown = inbox.as_ref().and_then(|inbox| inbox.max_unknown());
            let created = match (found, &inbox) {
                (Some(found), _) => {
                    found.resume_at(from).map_err(|error| not_stored(reason(&error), error))
                }
                (None, Some(inbox)) => {
                    let created = inbox.create(&name, None);
                    let empty = created.map(PartialPrefix::empty);
                    empty.map_err(|error| not_stored(error.reason(), error))
                }
                (None, None) => {
                    Err(not_stored(NotStored::Other, "this host does not receive files"))
                }
            };
            let (end, digests, partial) = match created {
                Ok(PartialPrefix { partial, prefix }) => {
                    received.store(from, Ordering::Relaxed);
                    let is_unknown = size.is_unknown();
                    let limit = if is_unknown { max_unknown } else { Some(size.limit()) };
                    let file = Store::disk(partial.file(), is_unknown);
                    let (end, digests) = match seal {
                        None => {
                            let end =
                                data::receive(&socket, file, limit, &received, &buffers, &throttle);
                            (end, None)
                        }
                        Some(seal) => {
                            let sealing = Sealing { seal, prefix, mark: None };
                            data::receive_sealed(
                                &socket, file, limit, sealing, &received, &buffers, &throttle,
                            )
                        }
                    };
                    let end = match receive_end(end) {
                        ReceiveEnd::Excess if is_unknown => {
                            let max = HumanSize(max_unknown.unwrap_or_default());
                            let why =
                                format!("more than {max}, the limit for a file of unknown size");
                            not_stored(NotStored::TooLarge, why)
                        }
                        end => end,
                    };
                    // A stream of unknown length cannot be resumed.
                    let partial = if is_unknown && end != ReceiveEnd::Eof {
                        partial.emptied()
                    } else {
                        partial
                    };
                    (end, digests, Some(partial))
                }
                Err(end) => (end, None, None),
            };
            drop(socket);
            // Released first: after the report the user may inspect the folder.
            drop(inbox);
            let bytes = received.load(Ordering::Relaxed);
            let report = TaskReport::ReceiveEnded { transfer, bytes, digests, end, partial };
            let _ = reporter.blocking_send(report);
        });
    }

    pub(super) fn store(&mut self, transfer: TransferId, stat: Stat) {
        let Some(partial) = self.partials.remove(&transfer) else {
            return self.store_in_stream(transfer);
        };
        let reporter = self.reporter.clone();
        tokio::task::spawn_blocking(move || {
            let report = match partial.store(Some(stat.into())) {
                Ok(name) => TaskReport::Stored { transfer, name },
                Err(error) => {
                    let (reason, why) = (error.reason(), error.to_string().into());
                    TaskReport::StoreFailed { transfer, reason, why }
                }
            };
            let _ = reporter.blocking_send(report);
        });
    }
}

/// Returns why a file was not sent completely.
pub(super) fn send_failure(end: &SendEnd, size: u64) -> Option<String> {
    match end {
        SendEnd::Complete => None,
        SendEnd::FileShrank { sent } => {
            Some(format!("the file shrank from {size} to {sent} bytes while it was sent"))
        }
        SendEnd::FileChanged => Some("the file changed while it was sent".to_owned()),
        SendEnd::FileError(error) => Some(format!("the file cannot be read: {error}")),
        SendEnd::SocketError(error) => Some(format!("the data connection failed: {error}")),
        SendEnd::SecureError(error) => Some(error.to_string()),
    }
}

pub(super) fn receive_end(end: data::ReceiveEnd) -> ReceiveEnd {
    match end {
        data::ReceiveEnd::Eof { .. } => ReceiveEnd::Eof,
        data::ReceiveEnd::Excess { .. } => ReceiveEnd::Excess,
        data::ReceiveEnd::SocketError(error) => ReceiveEnd::Broken(error.to_string().into()),
        data::ReceiveEnd::SecureError(error) => ReceiveEnd::Broken(error.to_string().into()),
        data::ReceiveEnd::FileError(error) => {
            not_stored(reason(&error), format_args!("the file cannot be written: {error}"))
        }
    }
}

/// Returns the end of a file that cannot be stored.
pub(super) fn not_stored(reason: NotStored, why: impl std::fmt::Display) -> ReceiveEnd {
    ReceiveEnd::Disk { reason, why: why.to_string().into() }
}
