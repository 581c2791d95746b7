//! What the streams report, in the state machine's words.

use std::net::SocketAddr;
use std::time::Duration;

use xcher_core::Quoted;
use xcher_core::peer::{BatchFileEnd, Input, Purpose, ReceiveEnd};
use xcher_core::tunnel::FirstLine;

use super::batch::ReceiveBatch;
use super::stream::{Bytes, Control, ENTRIES, Happened, Role};
use super::{ConnId, Host, NOWHERE, Outside};

/// How long a side that sends nothing more may take no byte of a file. Where it was closed while the
/// tunnel stood still, the bridge passed the end on as one way's, and can no longer tell the reset that
/// comes later: yamux has none for a stream after its end.
const GONE: Duration = Duration::from_secs(5);

impl<O: Outside> Host<O> {
    pub(super) fn happened(&mut self, at: usize, happened: Happened) {
        match happened {
            Happened::Line(line) => self.first_line(at, &line),
            Happened::Came(bytes) => self.came(at, &bytes),
            Happened::Went(length) => self.went(at, length),
            Happened::Wants(wanted) => {
                if let Role::Send(file) = &self.links[at].role {
                    self.outside.read(file.transfer, wanted.length, wanted.name.as_ref());
                }
            }
            Happened::Shut => {
                if let Role::Send(file) = &mut self.links[at].role {
                    file.shut = true;
                    file.gone = Some(self.outside.now() + GONE);
                }
            }
            Happened::Ended(why) => self.ended(at, why),
        }
    }

    /// A stream is over, in order or not.
    pub(super) fn ended(&mut self, at: usize, why: Option<Box<str>>) {
        let gone = |why: Option<Box<str>>| why.unwrap_or_else(|| "the bridge closed it".into());
        match std::mem::replace(&mut self.links[at].role, Role::Over) {
            Role::Listen { listener, .. } => {
                self.input(Input::ListenFailed { listener, why: gone(why) });
            }
            Role::Dial { conn, .. } => self.input(Input::ConnectFailed { conn, why: gone(why) }),
            Role::Control(Control { conn, .. }) => {
                self.relay.take_if(|relay| *relay == conn);
                self.input(Input::Closed { conn, why });
            }
            Role::Receive(mut file) => {
                let (digests, end) = match (why, file.finish()) {
                    (Some(why), _) => (None, ReceiveEnd::Broken(why)),
                    (None, Ok(digests)) => (digests, ReceiveEnd::Eof),
                    (None, Err(end)) => (None, end),
                };
                self.storing = Some((file.name, digests.is_some()));
                let (transfer, bytes) = (file.transfer, file.got);
                self.input(Input::ReceiveEnded { transfer, bytes, digests, end });
                self.storing = None;
            }
            Role::ReceiveBatch(mut batch) => {
                let end = match (why, batch.finish()) {
                    (Some(why), _) => ReceiveEnd::Broken(why),
                    (None, Ok(())) => ReceiveEnd::Eof,
                    (None, Err(end)) => end,
                };
                self.batch_ended(batch, end);
            }
            Role::Send(file) => {
                let (transfer, bytes) = (file.transfer, file.sent);
                self.input(Input::SendEnded { transfer, bytes, unsent: file.unsent, why });
            }
            Role::New | Role::Data(_) | Role::Closing { .. } | Role::Over => {}
        }
    }

    /// The tunnel is gone, and all that it carried.
    pub(super) fn lose(&mut self, why: &str) {
        if self.tunnel.take().is_some() || self.dialling.is_some() {
            self.outside.disconnect();
        }
        self.losing = true;
        if let Some(conn) = self.dialling.take() {
            self.input(Input::ConnectFailed { conn, why: why.into() });
        }
        let mut at = 0;
        while at < self.links.len() {
            self.ended(at, Some(why.into()));
            at += 1;
        }
        self.losing = false;
    }

    fn first_line(&mut self, at: usize, line: &str) {
        let parsed = FirstLine::parse(line);
        match (&mut self.links[at].role, parsed) {
            (Role::New, Ok(FirstLine::Accept { port, from })) => self.accept(at, port, from),
            (Role::Listen { listener, at: place, .. }, Ok(FirstLine::Listening(lent))) => {
                *place = Some(lent);
                let (listener, allocated_at, port) = (*listener, Some(lent.ip()), lent.port());
                self.input(Input::Listening { listener, allocated_at, port });
            }
            (Role::Dial { conn, to, purpose }, Ok(FirstLine::Yes)) => {
                let (conn, remote, purpose) = (*conn, *to, *purpose);
                self.links[at].role = connected(conn, purpose);
                self.input(Input::Connected { conn, local: NOWHERE, remote });
            }
            (_, Ok(FirstLine::No { reason })) => {
                let why = format!("the bridge said NO: {}", Quoted(reason));
                self.ended(at, Some(why.into()));
            }
            (_, Ok(_)) => {
                let why = format!("expected an answer, got {}", Quoted(line));
                self.ended(at, Some(why.into()));
            }
            (_, Err(error)) => self.ended(at, Some(error.to_string().into())),
        }
    }

    /// Someone came to the port of a listener; it may be given back already.
    fn accept(&mut self, at: usize, came_to: u16, remote: SocketAddr) {
        let found = self.links.iter().find_map(|link| match link.role {
            Role::Listen { listener, purpose, at: Some(local) } if local.port() == came_to => {
                Some((listener, purpose, local))
            }
            _ => None,
        });
        let Some((listener, purpose, local)) = found else {
            self.links[at].role = Role::Over;
            return;
        };
        let conn = self.peer.new_conn();
        self.links[at].role = connected(conn, purpose);
        self.input(Input::Accepted { listener, conn, local, remote });
    }

    fn came(&mut self, at: usize, bytes: &Bytes) {
        let bytes = bytes.as_ref();
        match &mut self.links[at].role {
            Role::Control(Control { conn, .. }) => {
                let conn = *conn;
                self.reading = at;
                self.input(Input::Received { conn, bytes });
                self.reading = usize::MAX;
            }
            Role::Receive(file) => {
                let (transfer, outside) = (file.transfer, &self.outside);
                if let Err(end) = file.take(bytes, &|bytes| outside.take(transfer, bytes)) {
                    let bytes = file.got;
                    self.links[at].role = Role::Over;
                    self.input(Input::ReceiveEnded { transfer, bytes, digests: None, end });
                }
            }
            Role::ReceiveBatch(batch) => {
                let (transfer, outside) = (batch.transfer, &self.outside);
                let (ended, end) =
                    batch.take(bytes, &|transfer, bytes| outside.take(transfer, bytes));
                let (verified, mut files) = (batch.verify, Vec::new());
                for (file, end) in ended {
                    match end {
                        BatchFileEnd::Stored(name) => {
                            self.whole(file, name, Some(transfer), verified);
                        }
                        end => files.push((file, end)),
                    }
                }
                self.input(Input::BatchProgress { transfer, files });
                if let (Some(end), Some(link)) = (end, self.links.get_mut(at))
                    && let Role::ReceiveBatch(batch) = std::mem::replace(&mut link.role, Role::Over)
                {
                    self.batch_ended(batch, end);
                }
            }
            // What else comes, nobody asked for.
            _ => {}
        }
    }

    fn batch_ended(&mut self, batch: ReceiveBatch, end: ReceiveEnd) {
        let (transfer, bytes) = (batch.transfer, batch.got);
        let why = match &end {
            ReceiveEnd::Broken(why) => Some(why.clone()),
            _ => None,
        };
        // Those that did not come fail now, whenever the others are stored.
        let files = batch.not_come().map(|file| (file, BatchFileEnd::Incomplete(why.clone())));
        let files = files.collect();
        self.input(Input::BatchProgress { transfer, files });
        self.end_batch(transfer, bytes, end);
    }

    fn went(&mut self, at: usize, bytes: usize) {
        match &mut self.links[at].role {
            Role::Control(Control { conn, .. }) => {
                let conn = *conn;
                self.reading = at;
                self.input(Input::Sent { conn, bytes });
                self.reading = usize::MAX;
            }
            Role::Send(file) if file.shut => file.gone = Some(self.outside.now() + GONE),
            _ => {}
        }
    }
}

fn connected(conn: ConnId, purpose: Purpose) -> Role {
    match purpose {
        Purpose::Control => {
            Role::Control(Control { conn, paused: false, session: None, entries: ENTRIES })
        }
        Purpose::Data => Role::Data(conn),
    }
}
