//! Batches: many small files on one data connection (section 18), on blocking threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use xcher_core::batch::BatchItem;
use xcher_core::peer::{BatchFile, BatchFileEnd, ConnId, Direction, ReceiveEnd, TransferId};
use xcher_core::stream::Seal;
use xcher_core::{FileName, Limits, NotStored};

use super::Host;
use super::file_transfer::{receive_end, send_failure};
use super::task_report::TaskReport;
use crate::data;
use crate::descriptors;
use crate::files::{Inbox, Partial, reason};

/// The most files that are written before they are synced and renamed together. Each is open meanwhile.
const MAX_GROUP_LEN: usize = 128;

impl Host {
    pub(super) fn send_batch(
        &mut self,
        transfer: TransferId,
        conn: ConnId,
        files: Vec<(FileName, u64)>,
        seal: Seal,
    ) {
        let started = self.start_transfer(transfer, conn, Direction::Send);
        let Some((socket, sent, throttle)) = started else { return };
        let (shares, reporter) = (self.shares.clone(), self.reporter.clone());
        tokio::task::spawn_blocking(move || {
            let open = |name: &FileName, size| {
                let opened = shares.open_file(name, size);
                opened.map(|(file, _)| file).map_err(|error| error.to_string())
            };
            let mut left_out = Vec::new();
            let end =
                data::send_batch(&socket, &files, open, &mut left_out, seal, &sent, &throttle);
            drop(socket);
            let bytes = sent.load(Ordering::Relaxed);
            let why = send_failure(&end, bytes).map(Into::into);
            let report = TaskReport::SendEnded { transfer, bytes, unsent: left_out, why };
            let _ = reporter.blocking_send(report);
        });
    }

    pub(super) fn receive_batch(
        &mut self,
        transfer: TransferId,
        conn: ConnId,
        files: Vec<BatchFile>,
        seal: Seal,
    ) {
        let started = self.start_transfer(transfer, conn, Direction::Receive);
        let Some((socket, received, throttle)) = started else { return };
        let (inbox, reporter) = (self.inbox.clone(), self.reporter.clone());
        let buffers = self.buffers.clone();
        tokio::task::spawn_blocking(move || {
            let sizes = files.iter().map(|file| file.size).collect();
            let transfers = descriptors::transfers(Limits::default().transfers);
            let group_len = descriptors::files_of_transfer(transfers, MAX_GROUP_LEN);
            let mut writer =
                BatchWriter { transfer, inbox, reporter, received, written: Vec::new(), group_len };
            let end = match seal.batch_receiver(sizes) {
                Ok(receiver) => {
                    let writer = std::cell::RefCell::new(&mut writer);
                    let each = |at: usize, arrived: BatchItem<'_>| {
                        writer.borrow_mut().receive(&files[at], arrived);
                    };
                    let pause = || writer.borrow_mut().store_group();
                    receive_end(data::receive_batch(
                        &socket, receiver, &buffers, &throttle, each, pause,
                    ))
                }
                Err(error) => ReceiveEnd::Broken(error.to_string().into()),
            };
            writer.store_group();
            drop(socket);
            let bytes = writer.received.load(Ordering::Relaxed);
            let (digests, partial) = (None, None);
            // Released first: after the report the user may inspect the folder.
            writer.inbox = None;
            let report = TaskReport::ReceiveEnded { transfer, bytes, digests, end, partial };
            let _ = writer.reporter.blocking_send(report);
        });
    }
}

/// Writes the files of a batch to the disk.
struct BatchWriter {
    transfer: TransferId,
    inbox: Option<Arc<Inbox>>,
    reporter: mpsc::Sender<TaskReport>,
    received: Arc<AtomicU64>,
    /// Files written under temporary names, or the reason why not.
    written: Vec<(BatchFile, Result<Partial, BatchFileEnd>)>,
    /// The most of them.
    group_len: usize,
}

impl BatchWriter {
    fn receive(&mut self, file: &BatchFile, arrived: BatchItem<'_>) {
        let written = match arrived {
            BatchItem::Complete(bytes) => self.write(file, bytes),
            BatchItem::NotSent => Err(BatchFileEnd::Missing),
            BatchItem::Corrupt => Err(BatchFileEnd::Altered),
        };
        self.written.push((file.clone(), written));
        if self.written.len() >= self.group_len {
            self.store_group();
        }
    }

    fn write(&self, file: &BatchFile, bytes: &[u8]) -> Result<Partial, BatchFileEnd> {
        let inbox = self.inbox.as_ref().ok_or_else(no_inbox)?;
        let created = inbox.create(&file.name, None);
        let partial = created.map_err(|error| failed(error.reason(), error))?;
        let written = data::write_with_holes(partial.file(), bytes);
        written.map_err(|error| {
            failed(reason(&error), format_args!("the file cannot be written: {error}"))
        })?;
        self.received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(partial)
    }

    /// Renames the files written so far, and reports them.
    fn store_group(&mut self) {
        if self.written.is_empty() {
            return;
        }
        let synced = self.inbox.as_ref().is_some_and(|inbox| inbox.sync());
        let store = |(file, written): (BatchFile, Result<Partial, BatchFileEnd>)| {
            let end = match written {
                Ok(partial) => {
                    let stat = Some(file.stat.into());
                    let stored =
                        if synced { partial.store_synced(stat) } else { partial.store(stat) };
                    match stored {
                        Ok(name) => BatchFileEnd::Stored(name),
                        Err(error) => failed(error.reason(), error),
                    }
                }
                Err(end) => end,
            };
            (file.transfer, end)
        };
        let files = self.written.drain(..).map(store).collect();
        let _ =
            self.reporter.blocking_send(TaskReport::BatchMoved { transfer: self.transfer, files });
    }
}

fn no_inbox() -> BatchFileEnd {
    failed(NotStored::Other, "this host does not receive files")
}

fn failed(reason: NotStored, why: impl std::fmt::Display) -> BatchFileEnd {
    BatchFileEnd::Failed { reason, why: why.to_string().into() }
}
