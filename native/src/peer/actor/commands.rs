//! Commands of the handles.

use std::fs::File;

use xcher_core::peer::{SessionCommand, SessionId};
use xcher_core::{FileName, SharedFile};

use super::{Actor, Opening, Running, over};
use crate::files::Shares;
use crate::peer::command::{Command, Opened, Reply, RequestId};
use crate::peer::downloaded::Downloaded;
use crate::peer::error::Error;
use crate::peer::listing_writer::ListingWriter;
use crate::peer::target::Target;

impl Actor {
    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Open(request, target, reply) => self.open(request, target, reply),
            Command::WithdrawOpen(request) => self.withdraw_open(request),
            // A session that is over takes no commands.
            Command::Session(session, command) => _ = self.host.command(session, command),
            Command::List(session, writer) => self.list(session, writer),
            Command::Release(session) => self.host.hold(session, false),
            Command::Check(session, name, reply) => self.check(session, name, reply),
            Command::Get(request, session, file, into, reply) => {
                self.get(request, session, file, into, reply);
            }
            Command::CancelGet(request) => self.cancel_get(request),
            Command::Share(added, reply) => _ = reply.send(self.share(&added)),
            Command::Unshare(name) => self.host.set_shares(self.host.shares().without(&name)),
            Command::Who(reply) => {
                self.who.push_back(reply);
                if self.who.len() == 1 {
                    self.ask_who();
                }
            }
            Command::Stop(reply) => {
                self.stopping = true;
                self.stopped.extend(reply);
            }
        }
    }

    fn open(&mut self, request: RequestId, target: Target, reply: Reply<Opened>) {
        let opened = match target {
            Target::Nick(nick) => self.host.open(nick),
            Target::Code(code) => self.host.open_code(code),
        };
        match opened {
            Ok(session) => _ = self.opening.insert(session, Opening { request, reply }),
            Err(error) => _ = reply.send(Err(error.into())),
        }
    }

    fn withdraw_open(&mut self, request: RequestId) {
        let opening = self.opening.iter().find(|(_, opening)| opening.request == request);
        // It may have been answered while the future was dropped.
        let open = self.sessions.iter().find(|(_, entry)| entry.request == Some(request));
        let session = opening.map(|(session, _)| *session).or(open.map(|(session, _)| *session));
        if let Some(session) = session {
            self.opening.remove(&session);
            let _ = self.host.command(session, SessionCommand::End);
        }
    }

    fn list(&mut self, session: SessionId, writer: ListingWriter) {
        let Some(entry) = self.sessions.get_mut(&session) else {
            return writer.fail(over());
        };
        entry.listings.push_back(writer);
        if entry.listings.len() == 1 {
            self.start_listing(session);
        }
    }

    pub(super) fn start_listing(&mut self, session: SessionId) {
        if let Err(error) = self.host.command(session, SessionCommand::List)
            && let Some(entry) = self.sessions.get_mut(&session)
            && let Some(writer) = entry.listings.pop_front()
        {
            writer.fail(error.into());
        }
    }

    fn check(&mut self, session: SessionId, name: FileName, reply: Reply<bool>) {
        let asked = self.host.command(session, SessionCommand::Check(name.clone()));
        match (asked, self.sessions.get_mut(&session)) {
            (Ok(()), Some(entry)) => _ = entry.checks.insert(name.as_str().into(), reply),
            (Err(error), _) => _ = reply.send(Err(error.into())),
            (Ok(()), None) => _ = reply.send(Err(over())),
        }
    }

    fn get(
        &mut self,
        request: RequestId,
        session: SessionId,
        file: SharedFile,
        into: Option<File>,
        reply: Reply<Downloaded>,
    ) {
        let (SharedFile { name, size, stat }, is_stream) = (file, into.is_some());
        let started = match into {
            Some(file) => self.host.get_into(session, name, size, file),
            None if self.folder.is_none() => {
                let text = "no folder to store files in: set Options::save_to";
                let _ = reply.send(Err(Error::misuse(text)));
                return;
            }
            None => self.host.get(session, name, size, stat),
        };
        match started {
            Ok(transfer) => {
                self.downloads.insert(transfer, Running { request, is_stream, reply });
            }
            Err(error) => _ = reply.send(Err(error.into())),
        }
    }

    fn cancel_get(&mut self, request: RequestId) {
        let running = self.downloads.iter().find(|(_, running)| running.request == request);
        if let Some((&transfer, _)) = running {
            self.downloads.remove(&transfer);
            let _ = self.host.cancel(transfer);
        }
    }

    fn share(&mut self, added: &Shares) -> Result<(), Error> {
        let shares = self.host.shares().merge(added).map_err(Error::local)?;
        self.host.set_shares(shares);
        Ok(())
    }

    pub(super) fn ask_who(&mut self) {
        if let Err(error) = self.host.who()
            && let Some(reply) = self.who.pop_front()
        {
            let _ = reply.send(Err(error.into()));
        }
    }
}
