//! Files on their way here, of one session, from a list that may be long.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use xcher_core::peer::{ErrorKind, Event, SessionId, TransferId};
use xcher_core::session::Want;
use xcher_core::{FileName, Kind, MisuseError, NotStored, Size, Stat};

use super::exit::{CliError, Code, code_of_transfer};
use super::json::Line;
use super::send_args::TargetArgs;
use super::skipped::WhySkipped;
use super::spool::{Listed, Spool, unlisted};
use super::start::Running;
use crate::files::{Inbox, OnConflict, Taking};

/// Requests under way at a time: enough that some always wait their turn.
const UNDER_WAY: usize = 512;
/// Requests made at a time: small files among them come together.
const AT_A_TIME: usize = 256;

/// Where files are put, and what to do where something is there.
#[derive(Clone)]
pub(super) struct Target {
    /// `-` is no folder: it stands for standard output.
    pub(super) folder: PathBuf,
    pub(super) taking: Taking,
    /// Whether what lands on a dot-name in the folder itself is taken without being asked about.
    pub(super) hidden: bool,
}

/// The most bytes of a file of unknown size that `--yes` takes, where nothing else is said: 1 GiB.
const MAX_UNKNOWN: u64 = 1 << 30;

impl Target {
    /// `yes`: nobody is asked.
    pub(super) fn new(args: &TargetArgs, yes: bool) -> Self {
        let max_size = args.max_size.map(Size::bytes);
        let taking = Taking {
            on_conflict: args.on_conflict,
            executable: args.executable,
            max_unknown: max_size.or(yes.then_some(MAX_UNKNOWN)),
        };
        Self { folder: args.output.clone(), taking, hidden: false }
    }

    /// Whether a file is not taken without being asked about, because it would land on a dot-name in the
    /// folder itself.
    pub(super) fn is_wary_of(&self, name: &FileName) -> bool {
        !self.hidden && is_dotted(name)
    }

    /// Opens it for receiving.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be had, and a usage failure for standard output, which only one file
    /// can go to.
    pub(super) fn open(&self) -> Result<Inbox, CliError> {
        if self.is_stdout() {
            return Err(CliError::usage(
                "expected a folder, got - for standard output, which `xcher get` alone writes to",
            ));
        }
        Inbox::open(&self.folder, self.taking).map_err(CliError::local)
    }

    /// Whether the bytes of one file go to standard output.
    pub(super) fn is_stdout(&self) -> bool {
        self.folder == Path::new("-")
    }

    /// Where a file of this name is, for events.
    pub(super) fn path(&self, name: &FileName) -> String {
        self.shown(name).display().to_string()
    }

    /// Where a file of this name is.
    fn shown(&self, name: &FileName) -> PathBuf {
        if self.folder == Path::new(".") {
            name.as_str().into()
        } else {
            self.folder.join(name.as_str())
        }
    }
}

/// Whether a file lands on a dot-name in the receiving folder itself, where programs look for settings.
pub(super) fn is_dotted(name: &FileName) -> bool {
    name.as_str().starts_with('.')
}

/// The files of one list.
pub(super) struct Fetching {
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
    worst: Option<Code>,
}

impl Fetching {
    pub(super) fn new(session: SessionId, spool: Spool) -> Result<Self, CliError> {
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
    pub(super) fn of_offer(session: SessionId, spool: Spool) -> Result<Self, CliError> {
        Ok(Self { offered: true, ..Self::new(session, spool)? })
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Tells the other side how many files are wanted, and their bytes.
    pub(super) fn announce(&self, running: &mut Running, bytes: u64) {
        self.want(running, Want { files: self.count, bytes, already_stored: 0 });
    }

    /// A session that is over takes no reports.
    fn want(&self, running: &mut Running, want: Want) {
        if !self.offered {
            let _ = running.host.want(self.session, want);
        }
    }

    /// Requests as many files as may be under way.
    pub(super) fn request(&mut self, running: &mut Running, to: &Target) -> Result<(), CliError> {
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
                    let _ = running.host.decline(self.session, &name);
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
                    self.worse(Code::Incomplete);
                    break;
                }
                Err(error) => {
                    let (output, text) = (&running.output, error.to_string());
                    output.error(format_args!("{text}"));
                    output.remember(output.json(&Line::Notice { text: &text }));
                    self.worse(Code::Incomplete);
                }
            }
        }
        Ok(())
    }

    /// Whether the file need not come, because it or one of its name is there.
    fn need_not_come(
        &mut self,
        running: &mut Running,
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
                let line = Line::Here { session: self.session.0, name: name.as_str(), path };
                output.remember(output.json(&line));
                self.here += 1;
            }
            OnConflict::Rename | OnConflict::Overwrite => return false,
            OnConflict::Skip => {
                let why = WhySkipped::Exists;
                output.note(format_args!("{name}: {why}"));
                output.skip(self.session, name.as_str(), Some(to.path(name)), &why);
            }
            OnConflict::Fail => {
                let why = WhySkipped::Conflict;
                output.error(format_args!("{name}: {why}"));
                output.skip(self.session, name.as_str(), Some(to.path(name)), &why);
                if !self.offered {
                    // A session that is over takes no reports.
                    let _ = running.host.forgo(self.session, name, NotStored::Exists);
                }
                self.worse(Code::Incomplete);
                return true;
            }
        }
        self.done += 1;
        true
    }

    /// Takes what happened to one of the files; nothing else.
    pub(super) fn event(&mut self, running: &mut Running, to: &Target, event: &Event) {
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

    pub(super) fn show_count(&self, running: &mut Running) {
        if let Some(progress) = running.output.progress() {
            progress.set_count(self.done, self.count);
        }
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Whether nothing is to be requested any more.
    pub(super) fn is_all_requested(&self) -> bool {
        !self.more
    }

    /// The session is over: nothing more is requested. Whether there was more.
    pub(super) fn cut(&mut self) -> bool {
        if self.more {
            self.worse(Code::Incomplete);
        }
        std::mem::take(&mut self.more)
    }

    /// The next of what was not requested.
    pub(super) fn left(&mut self) -> Result<Option<FileName>, CliError> {
        Ok(self.listed.next().map_err(unlisted)?.map(|(name, ..)| name))
    }

    /// A file that did not come counts for more than one that was not wanted.
    pub(super) fn worse(&mut self, code: Code) {
        self.worst = Some(self.worst.map_or(code, |worst| worst.min(code)));
    }

    /// How it went; says what had not to come.
    pub(super) fn outcome(&self, running: &Running) -> Result<(), CliError> {
        match self.here {
            0 => {}
            1 => running.output.note(format_args!("1 file was here already")),
            here => running.output.note(format_args!("{here} files were here already")),
        }
        self.worst.map_or(Ok(()), |code| Err(CliError::told(code)))
    }
}
