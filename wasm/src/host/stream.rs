//! One stream of the tunnel, and what it is for.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream as _;
use futures_io::AsyncWrite as _;
use xcher_core::peer::{ConnId, ListenerId, Purpose, SessionId, TransferId};
use xcher_core::tunnel::MAX_FIRST_LINE_LEN;
use yamux::{Packet, Stream};

use super::batch::ReceiveBatch;
use super::file::{Receive, Send, Wanted};

/// Entries of a list that may wait for who asked for it.
pub(super) const ENTRIES: usize = 1024;

/// A stream.
pub(super) struct Link {
    stream: Stream,
    pub(super) role: Role,
    /// What came after the first line.
    ahead: Vec<u8>,
    /// What is to be written, and how much of it is.
    out: Vec<u8>,
    written: usize,
}

/// What a stream is for.
pub(super) enum Role {
    /// The bridge opened it: X_ACCEPT is due.
    New,
    /// X_LISTEN was said; `at` where the bridge listens, once it does.
    Listen { listener: ListenerId, purpose: Purpose, at: Option<SocketAddr> },
    /// X_DIAL was said.
    Dial { conn: ConnId, to: SocketAddr, purpose: Purpose },
    /// Packets.
    Control(Control),
    /// A data connection whose transfer has not begun.
    Data(ConnId),
    /// A file that comes.
    Receive(Receive),
    /// Many files that come.
    ReceiveBatch(ReceiveBatch),
    /// A file that goes, or many.
    Send(Send),
    /// Closed, for whoever reads what was written last.
    Closing { until: Duration, shut: bool },
    /// To be dropped.
    Over,
}

pub(super) struct Control {
    pub(super) conn: ConnId,
    pub(super) paused: bool,
    /// Known once a list comes.
    pub(super) session: Option<SessionId>,
    /// Entries that may still come before who asked has taken some.
    pub(super) entries: usize,
}

/// What a stream reports.
pub(super) enum Happened {
    /// Its first line, without the end.
    Line(String),
    Came(Bytes),
    /// So many bytes were written.
    Went(usize),
    /// The other side will send nothing.
    Shut,
    /// This is to be read next.
    Wants(Wanted),
    /// Nothing more; with the reason if not in order.
    Ended(Option<Box<str>>),
}

/// Bytes that came.
pub(super) enum Bytes {
    Ahead(Vec<u8>),
    Packet(Packet),
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Ahead(bytes) => bytes,
            Self::Packet(packet) => packet.as_ref(),
        }
    }
}

impl Role {
    /// The connection that the state machine knows.
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

    /// When it is over, whatever comes.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Closing { until, .. } => Some(*until),
            Self::Send(file) => file.gone,
            _ => None,
        }
    }
}

impl Link {
    pub(super) fn new(stream: Stream, role: Role) -> Self {
        Self { stream, role, ahead: Vec::new(), out: Vec::new(), written: 0 }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn is_control(&self, conn: ConnId) -> bool {
        matches!(&self.role, Role::Control(control) if control.conn == conn)
    }

    /// Whether a file has moved since it was told.
    pub(super) fn is_untold(&self) -> bool {
        match &self.role {
            Role::Receive(file) => file.told != file.got,
            Role::Send(file) => file.told != file.sent,
            _ => false,
        }
    }

    /// How far a file is, where that was not told yet.
    pub(super) fn tell(&mut self) -> Option<(TransferId, u64)> {
        let (transfer, bytes, told) = match &mut self.role {
            Role::Receive(file) => (file.transfer, file.got, &mut file.told),
            Role::Send(file) => (file.transfer, file.sent, &mut file.told),
            _ => return None,
        };
        let moved = *told != bytes;
        *told = bytes;
        moved.then_some((transfer, bytes))
    }

    /// Moves bytes until there is something to report.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Option<Happened> {
        match &mut self.role {
            Role::Over => return None,
            Role::Send(file) if !file.shut => {
                if let Some(happened) = self.poll_came(cx) {
                    return Some(match happened {
                        Happened::Ended(None) => Happened::Shut,
                        happened => happened,
                    });
                }
            }
            _ => {}
        }
        if let Some(written) = self.poll_out(cx) {
            return Some(written);
        }
        match &mut self.role {
            Role::New | Role::Listen { at: None, .. } | Role::Dial { .. } => self.poll_line(cx),
            Role::Control(Control { paused: false, entries: 1.., .. }) => self.poll_came(cx),
            Role::Receive(file) if file.wanted > 0 || file.got >= file.limit => self.poll_came(cx),
            Role::Send(_) => self.poll_send(cx),
            // Nobody writes to it: its end is what matters.
            Role::Listen { .. } => self.poll_came(cx),
            // It is no more than may wait for whoever reads it.
            Role::ReceiveBatch(_) => self.poll_came(cx),
            Role::Closing { shut, .. } => {
                if !*shut && self.out.is_empty() {
                    match Pin::new(&mut self.stream).poll_close(cx) {
                        Poll::Ready(Ok(())) => *shut = true,
                        Poll::Ready(Err(_)) => return Some(Happened::Ended(None)),
                        Poll::Pending => {}
                    }
                }
                self.poll_came(cx)
            }
            Role::Control(_) | Role::Data(_) | Role::Receive(_) | Role::Over => None,
        }
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Option<Happened> {
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
                    file.went(self.out.len() - self.written);
                }
                Some(Happened::Went(length))
            }
            Poll::Ready(Err(_)) => Some(broken()),
            Poll::Pending => None,
        }
    }

    fn poll_came(&mut self, cx: &mut Context<'_>) -> Option<Happened> {
        if !self.ahead.is_empty() {
            return Some(Happened::Came(Bytes::Ahead(std::mem::take(&mut self.ahead))));
        }
        match Pin::new(&mut self.stream).poll_next(cx) {
            Poll::Ready(Some(Ok(packet))) => Some(Happened::Came(Bytes::Packet(packet))),
            // This way only a reset closes a stream that is open for writing.
            Poll::Ready(None) if self.stream.is_closed() => Some(broken()),
            Poll::Ready(None) => Some(Happened::Ended(None)),
            Poll::Ready(Some(Err(_))) => Some(broken()),
            Poll::Pending => None,
        }
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Option<Happened> {
        let too_long = || {
            let why = format!("expected a line of at most {MAX_FIRST_LINE_LEN} bytes, got more");
            Some(Happened::Ended(Some(why.into())))
        };
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                if end >= MAX_FIRST_LINE_LEN {
                    return too_long();
                }
                let rest = self.ahead.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.ahead, rest);
                line.pop();
                return Some(match String::from_utf8(line) {
                    Ok(line) => Happened::Line(line),
                    Err(_) => {
                        Happened::Ended(Some("expected a line in UTF-8, got other bytes".into()))
                    }
                });
            }
            if self.ahead.len() >= MAX_FIRST_LINE_LEN {
                return too_long();
            }
            let before = std::mem::take(&mut self.ahead);
            match self.poll_came(cx) {
                Some(Happened::Came(bytes)) => {
                    self.ahead = before;
                    self.ahead.extend_from_slice(bytes.as_ref());
                }
                ended => {
                    self.ahead = before;
                    return ended;
                }
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Option<Happened> {
        let Role::Send(file) = &mut self.role else { return None };
        if let Some(wanted) = file.ask() {
            return Some(Happened::Wants(wanted));
        }
        if self.out.is_empty() {
            if let Err(error) = file.write(&mut self.out) {
                return Some(Happened::Ended(Some(error.to_string().into())));
            }
            if !self.out.is_empty() {
                return self.poll_out(cx);
            }
        }
        if !file.is_written() || !self.out.is_empty() {
            return None;
        }
        match Pin::new(&mut self.stream).poll_close(cx) {
            Poll::Ready(Ok(())) => Some(Happened::Ended(None)),
            Poll::Ready(Err(_)) => Some(broken()),
            Poll::Pending => None,
        }
    }
}

fn broken() -> Happened {
    Happened::Ended(Some("the connection was reset".into()))
}
