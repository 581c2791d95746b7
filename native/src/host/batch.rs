//! Many small files at a time (section 18), on blocking threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use xcher_core::batch::BatchItem;
use xcher_core::peer::{BatchFile, BatchFileEnd, ConnId, Direction, ReceiveEnd, TransferId};
use xcher_core::stream::Seal;
use xcher_core::{FileName, Limits, NotStored};

use super::Host;
use super::task_report::Happened;
use super::transfer::{received_end, unsent};
use crate::data;
use crate::descriptors;
use crate::files::{Inbox, Partial, reason};

/// The most files that are written before they are synced and named together. Each is open meanwhile.
const GROUP: usize = 128;

impl Host {
    pub(super) fn send_batch(
        &mut self,
        transfer: TransferId,
        conn: ConnId,
        files: Vec<(FileName, u64)>,
        seal: Seal,
    ) {
        let begun = self.begin(transfer, conn, Direction::Send);
        let Some((socket, sent, throttle)) = begun else { return };
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
            let why = unsent(&end, bytes).map(Into::into);
            let report = Happened::SendEnded { transfer, bytes, unsent: left_out, why };
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
        let begun = self.begin(transfer, conn, Direction::Receive);
        let Some((socket, received, throttle)) = begun else { return };
        let (inbox, reporter) = (self.inbox.clone(), self.reporter.clone());
        let buffers = self.buffers.clone();
        tokio::task::spawn_blocking(move || {
            let sizes = files.iter().map(|file| file.size).collect();
            let transfers = descriptors::transfers(Limits::default().transfers);
            let group = descriptors::files_of_transfer(transfers, GROUP);
            let mut storing =
                Storing { transfer, inbox, reporter, received, written: Vec::new(), group };
            let end = match seal.batch_receiver(sizes) {
                Ok(receiver) => {
                    let storing = std::cell::RefCell::new(&mut storing);
                    let each = |at: usize, arrived: BatchItem<'_>| {
                        storing.borrow_mut().arrived(&files[at], arrived);
                    };
                    let pause = || storing.borrow_mut().settle();
                    received_end(data::receive_batch(
                        &socket, receiver, &buffers, &throttle, each, pause,
                    ))
                }
                Err(error) => ReceiveEnd::Broken(error.to_string().into()),
            };
            storing.settle();
            drop(socket);
            let bytes = storing.received.load(Ordering::Relaxed);
            let (digests, partial) = (None, None);
            // Whoever is told that this was the last may look at the folder.
            storing.inbox = None;
            let report = Happened::ReceiveEnded { transfer, bytes, digests, end, partial };
            let _ = storing.reporter.blocking_send(report);
        });
    }
}

/// Files of a batch on their way to the disk.
struct Storing {
    transfer: TransferId,
    inbox: Option<Arc<Inbox>>,
    reporter: mpsc::Sender<Happened>,
    received: Arc<AtomicU64>,
    /// Written, and without their names; or how they ended.
    written: Vec<(BatchFile, Result<Partial, BatchFileEnd>)>,
    /// As many of them at a time.
    group: usize,
}

impl Storing {
    fn arrived(&mut self, file: &BatchFile, arrived: BatchItem<'_>) {
        let written = match arrived {
            BatchItem::Complete(bytes) => self.write(file, bytes),
            BatchItem::NotSent => Err(BatchFileEnd::Missing),
            BatchItem::Corrupt => Err(BatchFileEnd::Altered),
        };
        self.written.push((file.clone(), written));
        if self.written.len() >= self.group {
            self.settle();
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

    /// Gives what was written its names, and reports it.
    fn settle(&mut self) {
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
            self.reporter.blocking_send(Happened::BatchMoved { transfer: self.transfer, files });
    }
}

fn no_inbox() -> BatchFileEnd {
    failed(NotStored::Other, "this host receives no files")
}

fn failed(reason: NotStored, why: impl std::fmt::Display) -> BatchFileEnd {
    BatchFileEnd::Failed { reason, why: why.to_string().into() }
}
