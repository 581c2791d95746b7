//! Files on their way here, of one session, from a list that may be long.

use std::collections::HashSet;

use xcher_core::peer::{ErrorKind, Event, SessionCommand, SessionId, TransferId};
use xcher_core::session::Want;
use xcher_core::{FileName, Kind, MisuseError, NotStored, Size, Stat};

use crate::cli::exit::{CliError, ExitCode, code_of_transfer};
use crate::cli::listing_spool::{Listed, ListingSpool, unlisted};
use crate::cli::online_host::OnlineHost;
use crate::cli::target::Target;
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::skip_reason::SkipReason;
use crate::files::OnConflict;

/// Requests under way at a time: enough that some always wait their turn.
const UNDER_WAY: usize = 512;
/// Requests made at a time: small files among them come together.
const AT_A_TIME: usize = 256;

/// The files of one list.
pub(crate) struct FetchQueue {
    session: SessionId,
    /// They were offered, so that the other side waits to hear of each.
    offered: bool,
    listed: Listed,
    more: bool,
    under_way: HashSet<TransferId>,
    done: u64,
    /// Of those done, what did not have to come.
    here: u64,
    /// What began to go to standard output.
    shown: Option<TransferId>,
    count: u64,
    worst: Option<ExitCode>,
}

impl FetchQueue {
    pub(crate) fn new(session: SessionId, spool: ListingSpool) -> Result<Self, CliError> {
        Ok(Self {
            session,
            offered: false,
            count: spool.count(),
            listed: spool.read().map_err(unlisted)?,
            more: true,
            under_way: HashSet::new(),
            done: 0,
            here: 0,
            shown: None,
            worst: None,
        })
    }

    /// The files of an offer.
    pub(crate) fn of_offer(session: SessionId, spool: ListingSpool) -> Result<Self, CliError> {
        Ok(Self { offered: true, ..Self::new(session, spool)? })
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Tells the other side how many files are wanted, and their bytes.
    pub(crate) fn announce(&self, running: &mut OnlineHost, bytes: u64) {
        self.want(running, Want { files: self.count, bytes, already_stored: 0 });
    }

    /// A session that is over takes no reports.
    fn want(&self, running: &mut OnlineHost, want: Want) {
        if !self.offered {
            let _ = running.host.command(self.session, SessionCommand::Want(want));
        }
    }

    /// Requests as many files as may be under way.
    pub(crate) fn request(
        &mut self,
        running: &mut OnlineHost,
        to: &Target,
    ) -> Result<(), CliError> {
        while self.more && self.under_way.len() < UNDER_WAY {
            let mut files = Vec::new();
            let done = self.done;
            while files.len() < AT_A_TIME {
                let Some((name, size, stat)) = self.listed.next().map_err(unlisted)? else {
                    self.more = false;
                    break;
                };
                if !self.need_not_come(running, to, &name, size, stat) {
                    files.push((name, size, stat));
                } else if self.offered {
                    // A session that is over needs no answer.
                    let _ = running.host.command(self.session, SessionCommand::Decline(name));
                }
            }
            if self.done > done {
                let here = self.done - done;
                self.want(running, Want { already_stored: here, ..Want::default() });
            }
            match running.host.get_all(self.session, files) {
                Ok(transfers) => self.under_way.extend(transfers),
                // That it ended is told next, and why.
                Err(MisuseError::NoSession) => {
                    self.worse(ExitCode::Incomplete);
                    break;
                }
                Err(error) => {
                    let (output, text) = (&running.output, error.to_string());
                    output.error(format_args!("{text}"));
                    output.remember(output.json(&JsonEvent::Notice { text: &text }));
                    self.worse(ExitCode::Incomplete);
                }
            }
        }
        Ok(())
    }

    /// Whether the file need not come, because it or one of its name is there.
    fn need_not_come(
        &mut self,
        running: &mut OnlineHost,
        to: &Target,
        name: &FileName,
        size: Size,
        stat: Stat,
    ) -> bool {
        let Some(inbox) = running.host.inbox() else { return false };
        if !inbox.taken(name) {
            return false;
        }
        let same = size.exact().is_some_and(|size| inbox.holds(name, size, stat.into()));
        let output = &running.output;
        match to.taking.on_conflict {
            _ if same && stat.kind == Kind::Folder => self.here += 1,
            OnConflict::Rename if same => {
                output.detail(format_args!("{name}: it is here already"));
                let path = to.path(name);
                output.remember(output.result(format_args!("{path}")));
                let line = JsonEvent::Here { session: self.session.0, name: name.as_str(), path };
                output.remember(output.json(&line));
                self.here += 1;
            }
            OnConflict::Rename | OnConflict::Overwrite => return false,
            OnConflict::Skip => {
                let why = SkipReason::Exists;
                output.note(format_args!("{name}: {why}"));
                output.skip(self.session, name.as_str(), Some(to.path(name)), &why);
            }
            OnConflict::Fail => {
                let why = SkipReason::Conflict;
                output.error(format_args!("{name}: {why}"));
                output.skip(self.session, name.as_str(), Some(to.path(name)), &why);
                if !self.offered {
                    // A session that is over takes no reports.
                    let _ = running.host.command(
                        self.session,
                        SessionCommand::Skip(name.clone(), NotStored::Exists),
                    );
                }
                self.worse(ExitCode::Incomplete);
                return true;
            }
        }
        self.done += 1;
        true
    }

    /// Takes what happened to one of the files; nothing else.
    pub(crate) fn event(&mut self, running: &mut OnlineHost, to: &Target, event: &Event) {
        match event {
            Event::Started { transfer, .. } if self.under_way.contains(transfer) => {
                self.shown = Some(*transfer).filter(|_| to.is_stdout());
                return;
            }
            Event::Finished { transfer, name, .. } if self.under_way.remove(transfer) => {
                self.done += 1;
                if !to.is_stdout() {
                    // Files are fetched for their own sake.
                    let output = &running.output;
                    output.remember(output.result(format_args!("{}", to.shown(name).display())));
                }
            }
            Event::Failed { transfer, error, .. } if self.under_way.remove(transfer) => {
                self.worse(code_of_transfer(error));
                // What this host could not write tells of itself.
                if self.shown == Some(*transfer) && error.kind() != ErrorKind::Local {
                    running.output.error(format_args!("what standard output has is not whole"));
                }
            }
            _ => return,
        }
        self.show_count(running);
    }

    pub(crate) fn show_count(&self, running: &mut OnlineHost) {
        if let Some(progress) = running.output.progress() {
            progress.set_count(self.done, self.count);
        }
    }

    /// Whether nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Whether nothing is to be requested any more.
    pub(crate) fn is_all_requested(&self) -> bool {
        !self.more
    }

    /// The session is over: nothing more is requested. Whether there was more.
    pub(crate) fn cut(&mut self) -> bool {
        if self.more {
            self.worse(ExitCode::Incomplete);
        }
        std::mem::take(&mut self.more)
    }

    /// The next of what was not requested.
    pub(crate) fn left(&mut self) -> Result<Option<FileName>, CliError> {
        Ok(self.listed.next().map_err(unlisted)?.map(|(name, ..)| name))
    }

    /// A file that did not come counts for more than one that was not wanted.
    pub(crate) fn worse(&mut self, code: ExitCode) {
        self.worst = Some(self.worst.map_or(code, |worst| worst.min(code)));
    }

    /// How it went; says what had not to come.
    pub(crate) fn outcome(&self, running: &OnlineHost) -> Result<(), CliError> {
        match self.here {
            0 => {}
            1 => running.output.note(format_args!("1 file was here already")),
            here => running.output.note(format_args!("{here} files were here already")),
        }
        self.worst.map_or(Ok(()), |code| Err(CliError::told(code)))
    }
}
