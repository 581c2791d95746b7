//! What a tunnel makes this process hold, counted as it comes and goes: yamux bounds each stream, and
//! many streams, or frames of a byte each, are much together.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::frame_heads::{Head, Kind};

/// What came in a tunnel and nobody took yet: sixty-four streams whose other ends stand still. Beyond it
/// the tunnel is not read.
const MAX_UNTAKEN: usize = 16 << 20;
/// What is to leave over a tunnel and its client does not take. Beyond it, no more is read for it.
const MAX_QUEUED: usize = 4 << 20;
/// What a frame costs beside its bytes.
const FRAME_COST: usize = 64;
/// What each side of a stream may send at first (yamux).
const FIRST_CREDIT: u64 = 256 << 10;

#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    untaken: usize,
    queued: usize,
    streams: HashMap<u32, Count>,
    /// The tunnel, where it waits for room.
    reader: Option<Waker>,
    /// Streams that wait until what is queued has left.
    waiting: Vec<Waker>,
    /// The tunnel is gone.
    is_over: bool,
}

#[derive(Debug)]
struct Count {
    untaken: usize,
    /// The same with the cost of its frames.
    cost: usize,
    credit: u64,
    /// The stream, where it waits for credit.
    writer: Option<Waker>,
}

impl Meter {
    /// A stream that this side opens.
    pub(super) fn opened(&self, stream: u32) {
        self.counts().open(stream);
    }

    /// The stream is dropped: what came in it is, too.
    pub(super) fn dropped(&self, stream: u32) {
        let mut counts = self.counts();
        if let Some(count) = counts.streams.remove(&stream) {
            counts.free(count.cost);
        }
    }

    /// A frame came.
    pub(super) fn came(&self, head: Head) {
        let mut counts = self.counts();
        if head.opens() {
            counts.open(head.stream);
        }
        let Some(count) = counts.streams.get_mut(&head.stream) else { return };
        let len = head.len as usize;
        let mut more = 0;
        match head.kind {
            Kind::Data if len > 0 => {
                count.untaken += len;
                more = len + FRAME_COST;
                count.cost += more;
            }
            Kind::Credit => count.credit += u64::from(head.len),
            _ => {}
        }
        let wakes = head.kind == Kind::Credit || head.resets();
        let writer = if wakes { count.writer.take() } else { None };
        counts.untaken += more;
        drop(counts);
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    /// A frame leaves.
    pub(super) fn left(&self, head: Head) {
        if head.kind != Kind::Data {
            return;
        }
        let mut counts = self.counts();
        counts.queued = counts.queued.saturating_sub(head.len as usize);
        if counts.queued < MAX_QUEUED {
            let waiting = std::mem::take(&mut counts.waiting);
            drop(counts);
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// Bytes of a stream are used up.
    pub(super) fn taken(&self, stream: u32, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let mut counts = self.counts();
        let Some(count) = counts.streams.get_mut(&stream) else { return };
        count.untaken = count.untaken.saturating_sub(bytes);
        // What a frame costs is known to be free again when nothing is left, or by so many bytes.
        let left = match count.untaken {
            0 => 0,
            untaken => count.cost.saturating_sub(bytes + FRAME_COST).max(untaken),
        };
        let freed = count.cost - left;
        count.cost = left;
        counts.free(freed);
    }

    /// Bytes were given to a stream.
    pub(super) fn wrote(&self, stream: u32, bytes: usize) {
        let mut counts = self.counts();
        counts.queued += bytes;
        if let Some(count) = counts.streams.get_mut(&stream) {
            count.credit = count.credit.saturating_sub(bytes as u64);
        }
    }

    /// How many bytes may be read for a stream, so that they can be given to it at once.
    pub(super) fn poll_credit(&self, stream: u32, cx: &mut Context<'_>) -> Poll<usize> {
        let mut counts = self.counts();
        if counts.is_over {
            return Poll::Ready(usize::MAX);
        }
        if counts.queued >= MAX_QUEUED {
            if !counts.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                counts.waiting.push(cx.waker().clone());
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

    /// Whether more of the tunnel may be read.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut counts = self.counts();
        if counts.untaken < MAX_UNTAKEN {
            return Poll::Ready(());
        }
        counts.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The tunnel is gone: nobody waits for anything.
    pub(super) fn end(&self) {
        let mut counts = self.counts();
        counts.is_over = true;
        let writers = counts.streams.values_mut().filter_map(|count| count.writer.take());
        let mut wakers: Vec<_> = writers.collect();
        wakers.append(&mut counts.waiting);
        drop(counts);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn open(&mut self, stream: u32) {
        let new = Count { untaken: 0, cost: 0, credit: FIRST_CREDIT, writer: None };
        self.streams.entry(stream).or_insert(new);
    }

    fn free(&mut self, cost: usize) {
        self.untaken -= cost;
        if self.untaken < MAX_UNTAKEN
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::frame_heads::Heads;

    fn head(kind: u8, stream: u32, len: u32) -> Head {
        let mut bytes = vec![0, kind, 0, 1];
        bytes.extend(stream.to_be_bytes());
        bytes.extend(len.to_be_bytes());
        let mut found = None;
        Heads::default().each(&bytes, |head| found = Some(head));
        found.expect("a head")
    }

    #[test]
    fn nothing_is_read_for_a_stream_without_credit() {
        let (meter, mut cx) = (Meter::default(), Context::from_waker(Waker::noop()));
        meter.came(head(0, 1, 0));
        meter.opened(2);
        for stream in [1, 2] {
            assert_eq!(meter.poll_credit(stream, &mut cx), Poll::Ready(256 << 10));
            meter.wrote(stream, 256 << 10);
            meter.left(head(0, stream, 256 << 10));
            assert_eq!(meter.poll_credit(stream, &mut cx), Poll::Pending);
        }
        meter.came(head(1, 1, 5));
        assert_eq!(meter.poll_credit(1, &mut cx), Poll::Ready(5));
        assert_eq!(meter.poll_credit(2, &mut cx), Poll::Pending);
        meter.end();
        assert!(meter.poll_credit(2, &mut cx).is_ready());
    }

    #[test]
    fn nothing_is_read_while_much_is_to_leave() {
        let (meter, mut cx) = (Meter::default(), Context::from_waker(Waker::noop()));
        for stream in 1..=17 {
            meter.opened(stream);
        }
        for stream in 1..=16 {
            meter.wrote(stream, 256 << 10);
        }
        assert_eq!(meter.poll_credit(17, &mut cx), Poll::Pending);
        meter.left(head(0, 1, 256 << 10));
        assert!(meter.poll_credit(17, &mut cx).is_ready());
    }

    #[test]
    fn what_is_not_taken_is_bounded_and_freed() {
        let (meter, mut cx) = (Meter::default(), Context::from_waker(Waker::noop()));
        let mut frames = 0;
        while meter.poll_room(&mut cx).is_ready() {
            meter.came(head(0, 1 + frames % 2, 1));
            frames += 1;
        }
        assert_eq!(frames as usize, (16usize << 20).div_ceil(65));
        meter.taken(1, 1);
        assert!(meter.poll_room(&mut cx).is_ready());
        meter.dropped(2);
        meter.taken(1, frames as usize);
        assert_eq!(meter.counts().untaken, 0);
        meter.came(head(0, 3, 7));
        meter.dropped(3);
        meter.came(head(2, 3, 7));
        assert_eq!(meter.counts().untaken, 0, "a frame for nobody is not kept");
    }
}
