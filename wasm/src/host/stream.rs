//! One stream of the tunnel, and its role.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream as _;
use futures_io::AsyncWrite as _;
use xcher_core::peer::{ConnId, ListenerId, Purpose, SessionId, TransferId};
use xcher_core::tunnel::FirstLineBuffer;
use yamux::{Packet, Stream};

use super::batch_files::ReadRequest;
use super::receive_batch::ReceiveBatch;
use super::receive_file::ReceiveFile;
use super::send_file::SendFile;

/// The most entries of a listing that wait to be read.
pub(super) const MAX_UNREAD_ENTRIES: usize = 1024;

/// A stream of the tunnel.
pub(super) struct TunnelStream {
    stream: Stream,
    /// The number of the tunnel.
    pub(super) tunnel: u32,
    pub(super) role: Role,
    first_line: FirstLineBuffer,
    /// Bytes received with the first line and after it.
    buffered: Vec<u8>,
    /// Bytes to be written, and how many of them are.
    out: Vec<u8>,
    written: usize,
}

/// The purpose of a stream, and the state that goes with it.
pub(super) enum Role {
    /// Opened by the bridge, which sends X_ACCEPT next.
    New,
    /// X_LISTEN is sent; `at` is the address on which the bridge listens, once it does.
    Listen { listener: ListenerId, purpose: Purpose, at: Option<SocketAddr> },
    /// X_DIAL is sent.
    Dial { conn: ConnId, to: SocketAddr, purpose: Purpose },
    /// A control connection.
    Control(Control),
    /// A data connection whose transfer has not started.
    Data(ConnId),
    /// A file being received.
    Receive(ReceiveFile),
    /// A batch being received.
    ReceiveBatch(ReceiveBatch),
    /// A file or batch being sent.
    Send(SendFile),
    /// Closed, but kept until the peer has read the last bytes.
    Closing { until: Duration, shut: bool },
    /// Closed, to be removed.
    Over,
}

/// State of a control connection.
pub(super) struct Control {
    pub(super) conn: ConnId,
    pub(super) paused: bool,
    /// Known once an entry of a listing has arrived.
    pub(super) session: Option<SessionId>,
    /// Entries of the listing that may arrive before the application reads some.
    pub(super) credit: usize,
}

/// An event on a stream.
pub(super) enum StreamEvent {
    /// Its first line arrived, given here without the line end.
    FirstLine(String),
    Received(Bytes),
    /// So many bytes were written.
    Written(usize),
    /// The peer will send nothing more.
    PeerClosed,
    /// More of a file is needed.
    ReadNeeded(ReadRequest),
    /// It ended; with the reason if it was not closed in order.
    Ended(Option<Box<str>>),
}

/// Received bytes.
pub(super) enum Bytes {
    Buffered(Vec<u8>),
    Packet(Packet),
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Buffered(bytes) => bytes,
            Self::Packet(packet) => packet.as_ref(),
        }
    }
}

impl Role {
    /// Returns the connection that the core knows this stream as.
    pub(super) fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Dial { conn, .. } | Self::Data(conn) => Some(*conn),
            Self::Control(control) => Some(control.conn),
            Self::Receive(file) => Some(file.conn),
            Self::ReceiveBatch(batch) => Some(batch.conn),
            Self::Send(file) => Some(file.conn),
            Self::New | Self::Listen { .. } | Self::Closing { .. } | Self::Over => None,
        }
    }

    /// Returns the time at which the stream ends at the latest.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Closing { until, .. } => Some(*until),
            Self::Send(file) => file.give_up_at,
            _ => None,
        }
    }
}

impl Control {
    pub(super) fn new(conn: ConnId) -> Self {
        Self { conn, paused: false, session: None, credit: MAX_UNREAD_ENTRIES }
    }
}

impl TunnelStream {
    pub(super) fn new(stream: Stream, tunnel: u32, role: Role) -> Self {
        let (first_line, buffered) = (FirstLineBuffer::default(), Vec::new());
        Self { stream, tunnel, role, first_line, buffered, out: Vec::new(), written: 0 }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn is_control(&self, conn: ConnId) -> bool {
        matches!(&self.role, Role::Control(control) if control.conn == conn)
    }

    /// Returns true if a transfer has made progress since the last report.
    pub(super) fn has_progress(&self) -> bool {
        match &self.role {
            Role::Receive(file) => file.reported != file.received,
            Role::Send(file) => file.reported != file.sent,
            _ => false,
        }
    }

    /// Returns the transfer's progress to report, if it has made any.
    pub(super) fn take_progress(&mut self) -> Option<(TransferId, u64)> {
        let (transfer, bytes, reported) = match &mut self.role {
            Role::Receive(file) => (file.transfer, file.received, &mut file.reported),
            Role::Send(file) => (file.transfer, file.sent, &mut file.reported),
            _ => return None,
        };
        let moved = *reported != bytes;
        *reported = bytes;
        moved.then_some((transfer, bytes))
    }

    /// Moves bytes until there is an event.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Option<StreamEvent> {
        match &mut self.role {
            Role::Over => return None,
            Role::Send(file) if !file.peer_closed => {
                if let Some(event) = self.poll_receive(cx) {
                    return Some(match event {
                        StreamEvent::Ended(None) => StreamEvent::PeerClosed,
                        event => event,
                    });
                }
            }
            _ => {}
        }
        if let Some(written) = self.poll_write_out(cx) {
            return Some(written);
        }
        match &mut self.role {
            Role::New | Role::Listen { at: None, .. } | Role::Dial { .. } => {
                self.poll_first_line(cx)
            }
            Role::Control(Control { paused: false, credit: 1.., .. }) => self.poll_receive(cx),
            Role::Receive(file) if !file.is_held_up_by_reader() => self.poll_receive(cx),
            Role::Send(_) => self.poll_send(cx),
            // Only its end is of interest: nothing else arrives on it.
            Role::Listen { .. } => self.poll_receive(cx),
            // A batch is no larger than the buffer of its reader.
            Role::ReceiveBatch(_) => self.poll_receive(cx),
            Role::Closing { shut, .. } => {
                if !*shut && self.out.is_empty() {
                    match Pin::new(&mut self.stream).poll_close(cx) {
                        Poll::Ready(Ok(())) => *shut = true,
                        Poll::Ready(Err(_)) => return Some(StreamEvent::Ended(None)),
                        Poll::Pending => {}
                    }
                }
                self.poll_receive(cx)
            }
            Role::Control(_) | Role::Data(_) | Role::Receive(_) | Role::Over => None,
        }
    }

    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Option<StreamEvent> {
        if self.out.is_empty() {
            return None;
        }
        match Pin::new(&mut self.stream).poll_write(cx, &self.out[self.written..]) {
            Poll::Ready(Ok(length)) => {
                self.written += length;
                if self.written == self.out.len() {
                    self.out.clear();
                    self.written = 0;
                }
                if let Role::Send(file) = &mut self.role {
                    file.buffered(self.out.len() - self.written);
                }
                Some(StreamEvent::Written(length))
            }
            Poll::Ready(Err(_)) => Some(broken()),
            Poll::Pending => None,
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Option<StreamEvent> {
        if !self.buffered.is_empty() {
            return Some(StreamEvent::Received(Bytes::Buffered(std::mem::take(
                &mut self.buffered,
            ))));
        }
        match Pin::new(&mut self.stream).poll_next(cx) {
            Poll::Ready(Some(Ok(packet))) => Some(StreamEvent::Received(Bytes::Packet(packet))),
            // Only a reset closes a stream that is still open for writing.
            Poll::Ready(None) if self.stream.is_closed() => Some(broken()),
            Poll::Ready(None) => Some(StreamEvent::Ended(None)),
            Poll::Ready(Some(Err(_))) => Some(broken()),
            Poll::Pending => None,
        }
    }

    fn poll_first_line(&mut self, cx: &mut Context<'_>) -> Option<StreamEvent> {
        loop {
            let bytes = match self.poll_receive(cx) {
                Some(StreamEvent::Received(bytes)) => bytes,
                other => return other,
            };
            let bytes = bytes.as_ref();
            match self.first_line.receive(bytes) {
                Ok((_, None)) => {}
                Ok((taken, Some(line))) => {
                    self.buffered = bytes[taken..].to_vec();
                    return Some(StreamEvent::FirstLine(line));
                }
                Err(error) => return Some(StreamEvent::Ended(Some(error.to_string().into()))),
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Option<StreamEvent> {
        let Role::Send(file) = &mut self.role else { return None };
        if let Some(request) = file.next_read() {
            return Some(StreamEvent::ReadNeeded(request));
        }
        if self.out.is_empty() {
            if let Err(error) = file.write(&mut self.out) {
                return Some(StreamEvent::Ended(Some(error.to_string().into())));
            }
            if !self.out.is_empty() {
                return self.poll_write_out(cx);
            }
        }
        if !file.is_written() || !self.out.is_empty() {
            return None;
        }
        match Pin::new(&mut self.stream).poll_close(cx) {
            Poll::Ready(Ok(())) => Some(StreamEvent::Ended(None)),
            Poll::Ready(Err(_)) => Some(broken()),
            Poll::Pending => None,
        }
    }
}

fn broken() -> StreamEvent {
    StreamEvent::Ended(Some("the stream was reset".into()))
}
