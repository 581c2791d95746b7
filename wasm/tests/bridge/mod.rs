//! A bridge in memory: the other end of the tunnel, which does as the test says.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use xcher_core::delivery::{Outcome, Status};
use xcher_core::peer::{Config, Event, SessionId, TransferId};
use xcher_core::secure::PublicKey;
use xcher_core::{FileName, Nick};
use xcher_wasm::{Host, OfferState, Outside};
use yamux::{Connection, Mode, Stream};

/// What the host did.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) now: Cell<u64>,
    pub(crate) connects: Cell<usize>,
    pub(crate) disconnects: Cell<usize>,
    /// How much the WebSocket takes.
    pub(crate) room: Cell<usize>,
    sent: RefCell<VecDeque<u8>>,
    pub(crate) messages: RefCell<Vec<usize>>,
    pub(crate) told: RefCell<Vec<Event>>,
    pub(crate) taken: RefCell<Vec<u8>>,
    pub(crate) last_taken: Cell<Option<TransferId>>,
    pub(crate) whole: RefCell<Vec<TransferId>>,
    pub(crate) reads: RefCell<Vec<(TransferId, usize)>>,
    /// Files to be opened, and how much of their beginnings is to be read.
    pub(crate) looks: RefCell<Vec<(TransferId, u64)>>,
}

/// The host's view of it.
pub(crate) struct View(Rc<World>);

impl Outside for View {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now.get())
    }
    fn connect(&self) {
        self.0.connects.set(self.0.connects.get() + 1);
    }
    fn disconnect(&self) {
        self.0.disconnects.set(self.0.disconnects.get() + 1);
    }
    fn send(&self, message: &[u8]) -> bool {
        let fits = message.len() <= self.0.room.get();
        if fits {
            self.0.room.set(self.0.room.get() - message.len());
            self.0.messages.borrow_mut().push(message.len());
            self.0.sent.borrow_mut().extend(message);
        }
        fits
    }
    fn read(&self, transfer: TransferId, length: usize, _: Option<&FileName>) {
        self.0.reads.borrow_mut().push((transfer, length));
    }
    fn look(&self, transfer: TransferId, _: &FileName, shared: Option<(SessionId, u64)>) {
        // What is here of a file that comes is looked for in private sessions alone.
        let (_, length) = shared.unwrap();
        self.0.looks.borrow_mut().push((transfer, length));
    }
    fn take(&self, transfer: TransferId, bytes: &[u8]) {
        self.0.last_taken.set(Some(transfer));
        self.0.taken.borrow_mut().extend_from_slice(bytes);
    }
    fn pin(&self, _: &Nick, _: PublicKey) {}
    fn whole(&self, transfer: TransferId, _: bool) {
        self.0.whole.borrow_mut().push(transfer);
    }
    fn offering(&self, _: u64, _: OfferState, _: bool, _: &Outcome) {}
    fn served(&self, _: &Status) {}
    fn tell(&self, event: Event, _: bool) {
        self.0.told.borrow_mut().push(event);
    }
}

/// The bridge's end of the WebSocket.
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<(VecDeque<u8>, Vec<u8>)>>);

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let came = &mut self.0.borrow_mut().0;
        let length = came.len().min(buffer.len());
        if length == 0 {
            return Poll::Pending;
        }
        for (to, from) in buffer.iter_mut().zip(came.drain(..length)) {
            *to = from;
        }
        Poll::Ready(Ok(length))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().1.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A stream, and what came over it.
pub(crate) struct Line {
    stream: Option<Stream>,
    pub(crate) came: Vec<u8>,
    pub(crate) ended: bool,
}

/// A host and the bridge that it lives at.
pub(crate) struct Pair {
    pub(crate) host: Host<View>,
    pub(crate) world: Rc<World>,
    mux: Connection<Wire>,
    wire: Wire,
    pub(crate) lines: Vec<Line>,
}

impl Pair {
    pub(crate) fn new(nick: &str) -> Self {
        let world = Rc::<World>::default();
        world.room.set(usize::MAX);
        let nicks = vec![Nick::parse(nick).expect("a nick")];
        let host = Host::new(Config { nicks, ..Config::default() }, None, View(Rc::clone(&world)));
        let wire = Wire::default();
        let mux = Connection::new(wire.clone(), yamux::Config::default(), Mode::Server);
        Self { host, world, mux, wire, lines: Vec::new() }
    }

    /// Moves everything both ways until nothing moves.
    pub(crate) fn turn(&mut self) {
        let mut still = 0;
        while still < 3 {
            let mut moved = false;
            let sent = std::mem::take(&mut *self.world.sent.borrow_mut());
            moved |= !sent.is_empty();
            self.wire.0.borrow_mut().0.extend(sent);
            let cx = &mut Context::from_waker(Waker::noop());
            while let Poll::Ready(Some(Ok(stream))) = self.mux.poll_next_inbound(cx) {
                self.lines.push(Line { stream: Some(stream), came: Vec::new(), ended: false });
                moved = true;
            }
            for line in &mut self.lines {
                moved |= line.read(cx);
            }
            let goes = std::mem::take(&mut self.wire.0.borrow_mut().1);
            if !goes.is_empty() {
                self.host.received(goes);
                moved = true;
            }
            still = if moved { 0 } else { still + 1 };
        }
    }

    /// Opens a stream to the host; its number.
    pub(crate) fn open(&mut self, text: &str) -> usize {
        let cx = &mut Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(stream)) = self.mux.poll_new_outbound(cx) else {
            panic!("no stream");
        };
        self.lines.push(Line { stream: Some(stream), came: Vec::new(), ended: false });
        let line = self.lines.len() - 1;
        self.write(line, text.as_bytes());
        line
    }

    /// Writes it all, turning as need be.
    pub(crate) fn write(&mut self, line: usize, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let cx = &mut Context::from_waker(Waker::noop());
            let stream = self.lines[line].stream.as_mut().expect("an open stream");
            match Pin::new(stream).poll_write(cx, bytes) {
                Poll::Ready(length) => bytes = &bytes[length.expect("a stream that takes")..],
                Poll::Pending => self.turn(),
            }
        }
        self.turn();
    }

    /// Writes what it takes without the other side's reading on.
    pub(crate) fn write_some(&mut self, line: usize, bytes: &[u8]) -> usize {
        let mut written = 0;
        loop {
            let cx = &mut Context::from_waker(Waker::noop());
            let stream = self.lines[line].stream.as_mut().expect("an open stream");
            match Pin::new(stream).poll_write(cx, &bytes[written..]) {
                Poll::Ready(length) => written += length.expect("a stream that takes"),
                Poll::Pending => {
                    let before = self.world.taken.borrow().len();
                    self.turn();
                    let cx = &mut Context::from_waker(Waker::noop());
                    let stream = self.lines[line].stream.as_mut().expect("an open stream");
                    if self.world.taken.borrow().len() == before
                        && Pin::new(stream).poll_write(cx, &[]).is_pending()
                    {
                        return written;
                    }
                }
            }
        }
    }

    /// Ends a stream in order.
    pub(crate) fn close(&mut self, line: usize) {
        let cx = &mut Context::from_waker(Waker::noop());
        let stream = self.lines[line].stream.as_mut().expect("an open stream");
        assert!(Pin::new(stream).poll_close(cx).is_ready());
        self.turn();
    }

    /// Resets it.
    pub(crate) fn reset(&mut self, line: usize) {
        self.lines[line].stream = None;
        self.turn();
    }

    /// What came over a stream since this was asked last.
    pub(crate) fn came(&mut self, line: usize) -> String {
        String::from_utf8(std::mem::take(&mut self.lines[line].came)).expect("a text")
    }

    pub(crate) fn told(&self) -> Vec<Event> {
        std::mem::take(&mut *self.world.told.borrow_mut())
    }
}

impl Line {
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let mut buffer = [0; 4096];
        match Pin::new(stream).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => !std::mem::replace(&mut self.ended, true),
            Poll::Ready(Ok(length)) => {
                self.came.extend_from_slice(&buffer[..length]);
                true
            }
            Poll::Pending => false,
        }
    }
}
