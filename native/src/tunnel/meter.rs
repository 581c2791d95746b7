//! Accounts for the memory that a tunnel takes. yamux bounds each stream; many streams, or frames of one
//! byte each, add up to a lot.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use xcher_core::tunnel::STREAM_CREDIT;

use super::frame_header::{FrameHeader, FrameKind};

/// The most bytes received in a tunnel and not consumed, frames' cost included: sixty-four streams whose
/// other ends take nothing. Above it the tunnel is not read (section 8).
const MAX_UNCONSUMED: usize = 16 << 20;
/// The most bytes queued for a client that does not take them. Above it no more is read for the tunnel
/// (section 8).
const MAX_QUEUED: usize = 4 << 20;
/// Memory that a frame costs beside its bytes.
const FRAME_OVERHEAD: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    unconsumed: usize,
    queued: usize,
    streams: HashMap<u32, StreamCount>,
    /// Wakes the tunnel's reader, which waits for room.
    reader: Option<Waker>,
    /// Wake the streams that wait until the queue shrinks.
    queue_waiters: Vec<Waker>,
    /// Set once the tunnel has ended.
    ended: bool,
}

#[derive(Debug)]
struct StreamCount {
    unconsumed: usize,
    /// The same, with the overhead of its frames.
    cost: usize,
    credit: u64,
    /// Wakes the stream's writer, which waits for credit.
    writer: Option<Waker>,
}

impl Meter {
    /// Counts a stream that this side opens.
    pub(super) fn opened(&self, stream: u32) {
        self.counts().open(stream);
    }

    /// Forgets a stream that was dropped, and with it the bytes it had received.
    pub(super) fn dropped(&self, stream: u32) {
        let mut counts = self.counts();
        if let Some(count) = counts.streams.remove(&stream) {
            counts.free(count.cost);
        }
    }

    /// Counts a received frame.
    pub(super) fn frame_received(&self, header: FrameHeader) {
        let mut counts = self.counts();
        if header.opens_stream() {
            counts.open(header.stream);
        }
        let Some(count) = counts.streams.get_mut(&header.stream) else { return };
        let len = header.len as usize;
        let mut cost = 0;
        match header.kind {
            FrameKind::Data if len > 0 => {
                count.unconsumed += len;
                cost = len + FRAME_OVERHEAD;
                count.cost += cost;
            }
            FrameKind::WindowUpdate => count.credit += u64::from(header.len),
            _ => {}
        }
        let wakes = header.kind == FrameKind::WindowUpdate || header.resets_stream();
        let writer = if wakes { count.writer.take() } else { None };
        counts.unconsumed += cost;
        drop(counts);
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    /// Counts a sent frame.
    pub(super) fn frame_sent(&self, header: FrameHeader) {
        if header.kind != FrameKind::Data {
            return;
        }
        let mut counts = self.counts();
        counts.queued = counts.queued.saturating_sub(header.len as usize);
        if counts.queued < MAX_QUEUED {
            let waiters = std::mem::take(&mut counts.queue_waiters);
            drop(counts);
            waiters.into_iter().for_each(Waker::wake);
        }
    }

    /// Frees bytes of a stream that were consumed.
    pub(super) fn consumed(&self, stream: u32, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let mut counts = self.counts();
        let Some(count) = counts.streams.get_mut(&stream) else { return };
        count.unconsumed = count.unconsumed.saturating_sub(bytes);
        // The number of frames that were consumed is not known: all when no byte is left, else at least
        // the one that these bytes were in.
        let left = match count.unconsumed {
            0 => 0,
            unconsumed => count.cost.saturating_sub(bytes + FRAME_OVERHEAD).max(unconsumed),
        };
        let freed = count.cost - left;
        count.cost = left;
        counts.free(freed);
    }

    /// Counts bytes written to a stream.
    pub(super) fn written(&self, stream: u32, bytes: usize) {
        let mut counts = self.counts();
        counts.queued += bytes;
        if let Some(count) = counts.streams.get_mut(&stream) {
            count.credit = count.credit.saturating_sub(bytes as u64);
        }
    }

    /// Waits until bytes can be written to the stream, and returns how many: reading more for it would
    /// only fill memory.
    pub(super) fn poll_credit(&self, stream: u32, cx: &mut Context<'_>) -> Poll<usize> {
        let mut counts = self.counts();
        if counts.ended {
            return Poll::Ready(usize::MAX);
        }
        if counts.queued >= MAX_QUEUED {
            if !counts.queue_waiters.iter().any(|waker| waker.will_wake(cx.waker())) {
                counts.queue_waiters.push(cx.waker().clone());
            }
            return Poll::Pending;
        }
        match counts.streams.get_mut(&stream) {
            Some(count) if count.credit == 0 => {
                count.writer = Some(cx.waker().clone());
                Poll::Pending
            }
            Some(count) => Poll::Ready(count.credit.try_into().unwrap_or(usize::MAX)),
            None => Poll::Ready(usize::MAX),
        }
    }

    /// Waits until more of the tunnel may be read.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut counts = self.counts();
        if counts.unconsumed < MAX_UNCONSUMED {
            return Poll::Ready(());
        }
        counts.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Wakes all who wait: the tunnel has ended.
    pub(super) fn end(&self) {
        let mut counts = self.counts();
        counts.ended = true;
        let writers = counts.streams.values_mut().filter_map(|count| count.writer.take());
        let mut wakers: Vec<_> = writers.collect();
        wakers.append(&mut counts.queue_waiters);
        drop(counts);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn open(&mut self, stream: u32) {
        let credit = STREAM_CREDIT as u64;
        let new = StreamCount { unconsumed: 0, cost: 0, credit, writer: None };
        self.streams.entry(stream).or_insert(new);
    }

    fn free(&mut self, cost: usize) {
        self.unconsumed -= cost;
        if self.unconsumed < MAX_UNCONSUMED
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tunnel::frame_header::FrameHeaders;

    fn header(kind: u8, stream: u32, len: u32) -> FrameHeader {
        let mut bytes = vec![0, kind, 0, 1];
        bytes.extend(stream.to_be_bytes());
        bytes.extend(len.to_be_bytes());
        let mut found = None;
        FrameHeaders::default().receive(&bytes, |header| found = Some(header));
        found.expect("a header")
    }

    #[test]
    fn stream_without_credit_is_not_read_for() {
        let (meter, mut cx) = (Meter::default(), Context::from_waker(Waker::noop()));
        meter.frame_received(header(0, 1, 0));
        meter.opened(2);
        for stream in [1, 2] {
            assert_eq!(meter.poll_credit(stream, &mut cx), Poll::Ready(256 << 10));
            meter.written(stream, 256 << 10);
            meter.frame_sent(header(0, stream, 256 << 10));
            assert_eq!(meter.poll_credit(stream, &mut cx), Poll::Pending);
        }
        meter.frame_received(header(1, 1, 5));
        assert_eq!(meter.poll_credit(1, &mut cx), Poll::Ready(5));
        assert_eq!(meter.poll_credit(2, &mut cx), Poll::Pending);
        meter.end();
        assert!(meter.poll_credit(2, &mut cx).is_ready());
    }

    #[test]
    fn full_queue_stops_reading_for_every_stream() {
        let (meter, mut cx) = (Meter::default(), Context::from_waker(Waker::noop()));
        for stream in 1..=17 {
            meter.opened(stream);
        }
        for stream in 1..=16 {
            meter.written(stream, 256 << 10);
        }
        assert_eq!(meter.poll_credit(17, &mut cx), Poll::Pending);
        meter.frame_sent(header(0, 1, 256 << 10));
        assert!(meter.poll_credit(17, &mut cx).is_ready());
    }

    #[test]
    fn unconsumed_bytes_are_bounded_and_freed() {
        let (meter, mut cx) = (Meter::default(), Context::from_waker(Waker::noop()));
        let mut frames = 0;
        while meter.poll_room(&mut cx).is_ready() {
            meter.frame_received(header(0, 1 + frames % 2, 1));
            frames += 1;
        }
        assert_eq!(frames as usize, (16usize << 20).div_ceil(65));
        meter.consumed(1, 1);
        assert!(meter.poll_room(&mut cx).is_ready());
        meter.dropped(2);
        meter.consumed(1, frames as usize);
        assert_eq!(meter.counts().unconsumed, 0);
        meter.frame_received(header(0, 3, 7));
        meter.dropped(3);
        meter.frame_received(header(2, 3, 7));
        assert_eq!(meter.counts().unconsumed, 0, "a frame of an unknown stream costs nothing");
    }
}
