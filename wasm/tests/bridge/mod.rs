//! A bridge in memory: the other end of the tunnel, controlled by the test.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
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
use xcher_wasm::{Environment, Host, OfferState};
use yamux::{Connection, Mode, Stream};

/// The host's actions so far, and the state of its environment.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) now: Cell<u64>,
    pub(crate) connects: Cell<usize>,
    pub(crate) disconnects: Cell<usize>,
    /// Bytes that the WebSocket still accepts.
    pub(crate) room: Cell<usize>,
    /// What was sent over each tunnel.
    sent: RefCell<BTreeMap<u32, VecDeque<u8>>>,
    /// Tunnels that the host closed.
    pub(crate) closed: RefCell<Vec<u32>>,
    pub(crate) messages: RefCell<Vec<usize>>,
    pub(crate) events: RefCell<Vec<Event>>,
    pub(crate) received: RefCell<Vec<u8>>,
    pub(crate) last_received: Cell<Option<TransferId>>,
    pub(crate) complete: RefCell<Vec<TransferId>>,
    pub(crate) reads: RefCell<Vec<(TransferId, usize)>>,
    /// Files to be opened, and the length of the prefix to be read.
    pub(crate) prefixes: RefCell<Vec<(TransferId, u64)>>,
}

/// The host's access to it.
pub(crate) struct View(Rc<World>);

impl Environment for View {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now.get())
    }
    fn connect(&self, _: u32) {
        self.0.connects.set(self.0.connects.get() + 1);
    }
    fn link(&self, _: u32, _: Option<&str>) {
        panic!("no session permits links");
    }
    fn accept_link(&self, _: u32, _: &str) {
        panic!("no session permits links");
    }
    fn disconnect(&self, tunnel: u32) {
        self.0.closed.borrow_mut().push(tunnel);
        self.0.disconnects.set(self.0.disconnects.get() + 1);
    }
    fn send(&self, tunnel: u32, message: &[u8]) -> bool {
        let fits = message.len() <= self.0.room.get();
        if fits {
            self.0.room.set(self.0.room.get() - message.len());
            self.0.messages.borrow_mut().push(message.len());
            self.0.sent.borrow_mut().entry(tunnel).or_default().extend(message);
        }
        fits
    }
    fn read(&self, transfer: TransferId, length: usize, _: Option<&FileName>) {
        self.0.reads.borrow_mut().push((transfer, length));
    }
    fn read_prefix(&self, transfer: TransferId, _: SessionId, _: &FileName, length: u64) {
        self.0.prefixes.borrow_mut().push((transfer, length));
    }
    fn read_partial(&self, _: TransferId) {
        panic!("no partial file is resumed in an unencrypted session");
    }
    fn receive(&self, transfer: TransferId, bytes: &[u8]) {
        self.0.last_received.set(Some(transfer));
        self.0.received.borrow_mut().extend_from_slice(bytes);
    }
    fn file_complete(&self, transfer: TransferId, _: bool) {
        self.0.complete.borrow_mut().push(transfer);
    }
    fn pin(&self, _: &Nick, _: PublicKey) {}
    fn offer_changed(&self, _: u64, _: OfferState, _: bool, _: &Outcome) {}
    fn code_status(&self, _: &Status) {}
    fn event(&self, event: Event, _: bool) {
        self.0.events.borrow_mut().push(event);
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
        let incoming = &mut self.0.borrow_mut().0;
        let length = incoming.len().min(buffer.len());
        if length == 0 {
            return Poll::Pending;
        }
        for (to, from) in buffer.iter_mut().zip(incoming.drain(..length)) {
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

fn bridge() -> (Connection<Wire>, Wire) {
    let wire = Wire::default();
    (Connection::new(wire.clone(), yamux::Config::default(), Mode::Server), wire)
}

/// A stream, and the bytes received over it.
pub(crate) struct Line {
    stream: Option<Stream>,
    received: Vec<u8>,
    pub(crate) ended: bool,
}

/// A host and the bridges that it is connected through, one of which is played.
pub(crate) struct Pair {
    pub(crate) host: Host<View>,
    pub(crate) world: Rc<World>,
    mux: Connection<Wire>,
    wire: Wire,
    pub(crate) lines: Vec<Line>,
    /// The number of its tunnel.
    tunnel: u32,
    /// The others.
    parked: Vec<(Connection<Wire>, Wire, Vec<Line>, u32)>,
}

impl Pair {
    pub(crate) fn new(nick: &str) -> Self {
        let world = Rc::<World>::default();
        world.room.set(usize::MAX);
        let nicks = vec![Nick::parse(nick).expect("a nick")];
        let host = Host::new(Config { nicks, ..Config::default() }, None, View(Rc::clone(&world)));
        let (mux, wire) = bridge();
        Self { host, world, mux, wire, lines: Vec::new(), tunnel: 1, parked: Vec::new() }
    }

    /// Plays the bridge of another tunnel from now on.
    pub(crate) fn play(&mut self, tunnel: u32) {
        let (mux, wire, lines) = match self.parked.iter().position(|one| one.3 == tunnel) {
            Some(at) => {
                let (mux, wire, lines, _) = self.parked.remove(at);
                (mux, wire, lines)
            }
            None => {
                let (mux, wire) = bridge();
                (mux, wire, Vec::new())
            }
        };
        let mux = std::mem::replace(&mut self.mux, mux);
        let wire = std::mem::replace(&mut self.wire, wire);
        let lines = std::mem::replace(&mut self.lines, lines);
        self.parked.push((mux, wire, lines, std::mem::replace(&mut self.tunnel, tunnel)));
        self.turn();
    }

    /// Calls bob.
    pub(crate) fn call_bob(&mut self) -> SessionId {
        let bob = Nick::parse("bob").expect("a nick");
        let session = self.host.command(|peer, now, actions| peer.open(bob, now, actions));
        session.expect("a call")
    }

    /// Moves bytes both ways until nothing moves.
    pub(crate) fn turn(&mut self) {
        let mut still = 0;
        while still < 3 {
            let mut moved = false;
            let sent = self.world.sent.borrow_mut().remove(&self.tunnel).unwrap_or_default();
            moved |= !sent.is_empty();
            self.wire.0.borrow_mut().0.extend(sent);
            let cx = &mut Context::from_waker(Waker::noop());
            while let Poll::Ready(Some(Ok(stream))) = self.mux.poll_next_inbound(cx) {
                self.lines.push(Line { stream: Some(stream), received: Vec::new(), ended: false });
                moved = true;
            }
            for line in &mut self.lines {
                moved |= line.read(cx);
            }
            let outgoing = std::mem::take(&mut self.wire.0.borrow_mut().1);
            if !outgoing.is_empty() {
                self.host.received(self.tunnel, outgoing);
                moved = true;
            }
            still = if moved { 0 } else { still + 1 };
        }
    }

    /// Opens a stream to the host and returns its number.
    pub(crate) fn open(&mut self, text: &str) -> usize {
        let cx = &mut Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(stream)) = self.mux.poll_new_outbound(cx) else {
            panic!("no stream");
        };
        self.lines.push(Line { stream: Some(stream), received: Vec::new(), ended: false });
        let line = self.lines.len() - 1;
        self.write(line, text.as_bytes());
        line
    }

    /// Writes all bytes, and turns while the stream accepts none.
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

    /// Writes as many bytes as the stream accepts while the host's reader does not read. Returns how many.
    pub(crate) fn write_some(&mut self, line: usize, bytes: &[u8]) -> usize {
        let mut written = 0;
        loop {
            let cx = &mut Context::from_waker(Waker::noop());
            let stream = self.lines[line].stream.as_mut().expect("an open stream");
            match Pin::new(stream).poll_write(cx, &bytes[written..]) {
                Poll::Ready(length) => written += length.expect("a stream that takes"),
                Poll::Pending => {
                    let before = self.world.received.borrow().len();
                    self.turn();
                    let cx = &mut Context::from_waker(Waker::noop());
                    let stream = self.lines[line].stream.as_mut().expect("an open stream");
                    if self.world.received.borrow().len() == before
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

    /// Resets a stream.
    pub(crate) fn reset(&mut self, line: usize) {
        self.lines[line].stream = None;
        self.turn();
    }

    /// Returns the text received over a stream since the last call.
    pub(crate) fn received(&mut self, line: usize) -> String {
        String::from_utf8(std::mem::take(&mut self.lines[line].received)).expect("a text")
    }

    /// Returns the events since the last call.
    pub(crate) fn events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.world.events.borrow_mut())
    }
}

impl Line {
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let mut buffer = [0; 4096];
        match Pin::new(stream).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => !std::mem::replace(&mut self.ended, true),
            Poll::Ready(Ok(length)) => {
                self.received.extend_from_slice(&buffer[..length]);
                true
            }
            Poll::Pending => false,
        }
    }
}
