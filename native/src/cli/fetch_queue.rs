//! The files of one session to fetch, from a listing of any length.

use std::collections::HashMap;

use xcher_core::peer::{Error, ErrorKind, Event, Path, SessionCommand, SessionId, TransferId};
use xcher_core::session::Want;
use xcher_core::{FileName, Kind, MisuseError, NotStored, Size, Stat};

use crate::cli::exit::{CliError, ExitCode, code_of_transfer};
use crate::cli::fetch_summary::FetchSummary;
use crate::cli::listing_spool::{ListingReader, ListingSpool, spool_error};
use crate::cli::online_host::OnlineHost;
use crate::cli::target::Target;
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::skipped::WhySkipped;
use crate::files::OnConflict;

/// The most transfers at a time: enough for some to be queued always.
const MAX_ACTIVE: usize = 512;
/// The most files in one request: the small ones among them share a batch.
const MAX_REQUEST: usize = 256;

pub(crate) struct FetchQueue {
    session: SessionId,
    /// Set for files of an offer: the peer expects an answer about each.
    offered: bool,
    listing: ListingReader,
    /// Set while the listing has entries that are neither requested nor skipped.
    has_more: bool,
    active: HashMap<TransferId, File>,
    done: u64,
    /// Texts that were printed.
    printed: u64,
    summary: FetchSummary,
    /// The transfer that has started to write to standard output.
    on_stdout: Option<TransferId>,
    count: u64,
    worst: Option<ExitCode>,
    /// Set if files that a cut interrupts are fetched in another session.
    resumes: bool,
    /// The end of the session, if it has ended before all is requested: set if by a cut.
    ended: Option<bool>,
    /// Files that a cut interrupted, and why.
    cut: Vec<(File, String)>,
    has_progressed: bool,
}

/// A file to fetch.
type File = (FileName, Size, Stat);

impl FetchQueue {
    pub(crate) fn new(session: SessionId, spool: ListingSpool) -> Result<Self, CliError> {
        Ok(Self {
            session,
            offered: false,
            count: spool.count(),
            listing: spool.read().map_err(spool_error)?,
            has_more: true,
            active: HashMap::new(),
            done: 0,
            printed: 0,
            summary: FetchSummary::begin(),
            on_stdout: None,
            worst: None,
            resumes: false,
            ended: None,
            cut: Vec::new(),
            has_progressed: false,
        })
    }

    /// Queues the files of an offer.
    pub(crate) fn of_offer(session: SessionId, spool: ListingSpool) -> Result<Self, CliError> {
        Ok(Self { offered: true, ..Self::new(session, spool)? })
    }

    /// Keeps the files that a cut interrupts for another session, instead of reporting them as failed.
    pub(crate) fn resume_elsewhere(mut self) -> Self {
        self.resumes = true;
        self
    }

    /// Returns true if a cut has interrupted a file: nothing more is requested then.
    pub(crate) fn is_cut(&self) -> bool {
        !self.cut.is_empty()
    }

    /// Returns why the first interrupted file was; empty if none was.
    pub(crate) fn why_cut(&self) -> &str {
        self.cut.first().map_or("", |(_, why)| why)
    }

    /// Adds the counts and the worst code of earlier sessions.
    pub(crate) fn carry_over(&mut self, (summary, worst): (FetchSummary, Option<ExitCode>)) {
        self.summary = summary;
        if let Some(code) = worst {
            self.worsen(code);
        }
    }

    /// Takes what a later session carries over.
    pub(crate) fn take_carried(&mut self) -> (FetchSummary, Option<ExitCode>) {
        (std::mem::replace(&mut self.summary, FetchSummary::begin()), self.worst)
    }

    /// Returns true if nothing more is requested: the next session fetches it. The sender of an offer waits until
    /// each of its files is requested.
    fn pauses(&self) -> bool {
        self.ended.is_some() || (self.is_cut() && !self.offered)
    }

    /// Marks the session as ended.
    pub(crate) fn end(&mut self, by_cut: bool) {
        self.ended = Some(by_cut);
    }

    /// Returns true if the session has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Returns true if nothing of an offer is under way or to be requested.
    pub(crate) fn is_done(&self) -> bool {
        self.is_idle() && (self.is_all_requested() || self.ended.is_some())
    }

    /// Returns true if a cut has interrupted files of an offer, and the peer has not ended the session in order.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.resumes && self.ended != Some(false) && (self.has_more || self.is_cut())
    }

    /// Returns true if any file has progressed.
    pub(crate) fn has_progressed(&self) -> bool {
        self.has_progressed
    }

    /// Takes the files that are still to be fetched: those that were interrupted, and those not requested.
    pub(crate) fn take_rest(&mut self) -> Result<ListingSpool, CliError> {
        let mut rest = ListingSpool::new().map_err(spool_error)?;
        for ((name, size, stat), _) in self.cut.drain(..) {
            rest.push(&name, size, stat).map_err(spool_error)?;
        }
        while let Some((name, size, stat)) = self.listing.next().map_err(spool_error)? {
            rest.push(&name, size, stat).map_err(spool_error)?;
        }
        self.has_more = false;
        Ok(rest)
    }

    /// Reports the interrupted files as failed: there is no other session for them.
    pub(crate) fn give_up(&mut self, online: &OnlineHost) {
        for ((name, ..), why) in std::mem::take(&mut self.cut) {
            online.output.error(format_args!("{name}: {why}"));
            self.summary.gave_up();
            self.worsen(ExitCode::Incomplete);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Reports to the peer how many files are wanted, and their bytes.
    pub(crate) fn announce(&self, online: &mut OnlineHost, bytes: u64) {
        self.want(online, Want { files: self.count, bytes, already_stored: 0 });
    }

    fn want(&self, online: &mut OnlineHost, want: Want) {
        if !self.offered {
            // A session that has ended takes no reports.
            let _ = online.host.command(self.session, SessionCommand::Want(want));
        }
    }

    /// Requests files until the most transfers are active.
    pub(crate) fn request(&mut self, online: &mut OnlineHost, to: &Target) -> Result<(), CliError> {
        while self.has_more && !self.pauses() && self.active.len() < MAX_ACTIVE {
            let mut files = Vec::new();
            let done = self.done;
            while files.len() < MAX_REQUEST {
                let Some((name, size, stat)) = self.listing.next().map_err(spool_error)? else {
                    self.has_more = false;
                    break;
                };
                if !self.skip_existing(online, to, &name, size, stat) {
                    files.push((name, size, stat));
                } else if self.offered {
                    // A session that has ended takes no answers.
                    let _ = online.host.command(self.session, SessionCommand::Decline(name));
                }
            }
            if self.done > done {
                let here = self.done - done;
                self.want(online, Want { already_stored: here, ..Want::default() });
            }
            match self.get(online, to, &mut files)? {
                Ok(()) => {}
                // The next event says that the session has ended, and why.
                Err(MisuseError::NoSession) if self.resumes => {
                    let why = Error::Closed(None).to_string();
                    self.cut.extend(files.into_iter().map(|file| (file, why.clone())));
                    break;
                }
                Err(MisuseError::NoSession) => {
                    self.worsen(ExitCode::Incomplete);
                    break;
                }
                Err(error) => {
                    let output = &online.output;
                    output.error(format_args!("{error}"));
                    output.remember(output.json(&JsonEvent::notice(error)));
                    self.worsen(ExitCode::Incomplete);
                }
            }
        }
        Ok(())
    }

    /// Requests files, and texts one by one, and removes those that were requested from the list.
    fn get(
        &mut self,
        online: &mut OnlineHost,
        to: &Target,
        files: &mut Vec<File>,
    ) -> Result<Result<(), MisuseError>, CliError> {
        let mut texts = Vec::new();
        for text in files.extract_if(.., |(_, _, stat)| to.prints(*stat)) {
            texts.push((text, tempfile::tempfile().map_err(spool_error)?));
        }
        match online.host.get_all(self.session, files.clone()) {
            Ok(transfers) => self.active.extend(transfers.into_iter().zip(files.drain(..))),
            Err(error) => {
                files.extend(texts.into_iter().map(|(text, _)| text));
                return Ok(Err(error));
            }
        }
        for (text, into) in texts {
            match online.host.get_text(self.session, text.0.clone(), text.1, into) {
                Ok(transfer) => {
                    online.output.prints(transfer);
                    self.active.insert(transfer, text);
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    /// Returns true if the file is not fetched, because it or another of its name exists.
    fn skip_existing(
        &mut self,
        online: &mut OnlineHost,
        to: &Target,
        name: &FileName,
        size: Size,
        stat: Stat,
    ) -> bool {
        let Some(inbox) = online.host.inbox() else { return false };
        if to.prints(stat) || !inbox.exists(name) {
            return false;
        }
        let same = size.exact().is_some_and(|size| inbox.has(name, size, stat.into()));
        let output = &online.output;
        match to.taking.on_conflict {
            _ if same && stat.kind == Kind::Folder => self.summary.was_here(),
            OnConflict::Rename if same => {
                output.detail(format_args!("{name}: exists already"));
                let path = to.path_text(name);
                output.remember(output.result(format_args!("{path}")));
                let event = JsonEvent::Here { session: self.session.0, name: name.as_str(), path };
                output.remember(output.json(&event));
                self.summary.was_here();
            }
            OnConflict::Rename | OnConflict::Overwrite => return false,
            OnConflict::Skip => {
                let why = WhySkipped::Exists;
                output.note(format_args!("{name}: {why}"));
                output.skip(self.session, name.as_str(), Some(to.path_text(name)), &why);
                self.summary.skipped();
            }
            OnConflict::Fail => {
                let why = WhySkipped::Conflict;
                output.error(format_args!("{name}: {why}"));
                output.skip(self.session, name.as_str(), Some(to.path_text(name)), &why);
                if !self.offered {
                    // A session that has ended takes no reports.
                    let _ = online.host.command(
                        self.session,
                        SessionCommand::Skip(name.clone(), NotStored::Exists),
                    );
                }
                self.summary.conflicted();
                self.worsen(ExitCode::Incomplete);
                return true;
            }
        }
        self.done += 1;
        true
    }

    /// Handles an event of one of the transfers; ignores all others.
    pub(crate) fn event(&mut self, online: &mut OnlineHost, to: &Target, event: &Event) {
        match event {
            Event::Started { transfer, from, .. } if self.active.contains_key(transfer) => {
                self.summary.started(*transfer, *from);
                self.on_stdout = Some(*transfer).filter(|_| to.is_stdout());
                return;
            }
            Event::Progress { transfer, bytes: 1.., .. } if self.active.contains_key(transfer) => {
                self.has_progressed = true;
                return;
            }
            Event::Finished { transfer, name, bytes, .. } if self.active.contains_key(transfer) => {
                let file = self.active.remove(transfer);
                let is_printed = file.is_some_and(|(_, _, stat)| to.prints(stat));
                self.done += 1;
                self.printed += u64::from(is_printed);
                self.summary.finished(*transfer, *bytes);
                self.has_progressed = true;
                if !to.is_stdout() && !is_printed {
                    let output = &online.output;
                    output.remember(output.result(format_args!("{}", to.path(name).display())));
                }
            }
            Event::Failed { transfer, error, .. } if self.active.contains_key(transfer) => {
                let file = self.active.remove(transfer);
                match file {
                    Some(file) if self.resumes && error.is_cut() => {
                        self.summary.interrupted(*transfer);
                        self.cut.push((file, error.to_string()));
                        return;
                    }
                    _ => {
                        self.summary.failed(*transfer);
                        self.worsen(code_of_transfer(error));
                    }
                }
                // A failed write to standard output reports itself.
                if self.on_stdout == Some(*transfer) && error.kind() != ErrorKind::Local {
                    online.output.error(format_args!("standard output is incomplete"));
                }
            }
            _ => return,
        }
        self.show_count(online);
    }

    pub(crate) fn show_count(&self, online: &mut OnlineHost) {
        if let Some(progress) = online.output.progress() {
            progress.set_count(self.done, self.count);
        }
    }

    /// Returns true if no transfer is active.
    pub(crate) fn is_idle(&self) -> bool {
        self.active.is_empty()
    }

    /// Returns true if there is nothing left to request.
    pub(crate) fn is_all_requested(&self) -> bool {
        !self.has_more
    }

    /// Stops requesting: the session has ended. Returns true if there was more to request.
    pub(crate) fn stop_requesting(&mut self) -> bool {
        if self.has_more {
            self.worsen(ExitCode::Incomplete);
        }
        std::mem::take(&mut self.has_more)
    }

    /// Returns the next file that was not requested.
    pub(crate) fn next_unrequested(&mut self) -> Result<Option<FileName>, CliError> {
        Ok(self.listing.next().map_err(spool_error)?.map(|(name, ..)| name))
    }

    /// Remembers the lowest code: a file that failed matters more than one that policy refused.
    pub(crate) fn worsen(&mut self, code: ExitCode) {
        self.worst = Some(self.worst.map_or(code, |worst| worst.min(code)));
    }

    /// Sums up the fetch, in which the session took `path`.
    pub(crate) fn summarise(&self, online: &OnlineHost, path: Option<Path>) {
        let summary = self.summary.end(path);
        online.output.remember(online.output.json(&summary.json(self.session)));
        // A person who has read the texts needs no count of them.
        let has_only_texts = self.printed > 0 && self.printed == self.count;
        if !has_only_texts && !online.output.tell_people(format_args!("{summary}")) {
            self.note_existing(online);
        }
    }

    /// Notes how many files existed already.
    pub(crate) fn note_existing(&self, online: &OnlineHost) {
        match self.summary.here() {
            0 => {}
            1 => online.output.note(format_args!("1 file existed already")),
            here => online.output.note(format_args!("{here} files existed already")),
        }
    }

    /// Returns the result.
    pub(crate) fn outcome(&self) -> Result<(), CliError> {
        self.worst.map_or(Ok(()), |code| Err(CliError::reported(code)))
    }
}
