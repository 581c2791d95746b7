//! Notices new and changed files in shared folders, for `share --watch`. Peers need no notice: each listing
//! is made from the disk.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Config, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{Notify, mpsc};
use xcher_core::{FileName, Kind, Size};

use crate::cli::exit::{CliError, ExitCode};
use crate::files::Shares;

/// The time without a further change after which a file counts as written.
const QUIET: Duration = Duration::from_millis(300);
/// The most files whose changes wait to be reported; further ones are dropped.
const MAX_PENDING: usize = 10_000;
/// Reports that wait for the terminal.
const MAX_REPORTS: usize = 64;

/// Watches shared folders until dropped.
pub(crate) struct Watch {
    changes: mpsc::Receiver<Result<Report, CliError>>,
}

/// What was noticed.
#[derive(Debug)]
pub(crate) enum Report {
    /// From now on changes are noticed.
    Started,
    Changed(Changed),
    /// Changes were too many to notice each.
    Missed,
}

/// A shared file that is new or has changed.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(crate) is_new: bool,
    pub(crate) name: FileName,
    pub(crate) size: Size,
    pub(crate) kind: Kind,
}

impl Watch {
    /// Starts to watch everything shared, which takes a while for a large folder.
    pub(crate) fn start(shares: Shares) -> Self {
        let (reports, changes) = mpsc::channel(MAX_REPORTS);
        tokio::spawn(async move {
            let (roots, pending) = (Roots::of(&shares), Arc::<Pending>::default());
            let (watched, added) = (roots.clone(), Arc::clone(&pending));
            // The system walks the folders.
            let started = tokio::task::spawn_blocking(move || watch(&watched, added)).await;
            match started.map_err(CliError::local).flatten() {
                Ok(_watcher) => report(&pending, &roots, &shares, &reports).await,
                // Without a receiver the command has ended.
                Err(error) => drop(reports.send(Err(error)).await),
            }
        });
        Self { changes }
    }

    /// Returns what was noticed next.
    ///
    /// # Errors
    ///
    /// If the system cannot watch what is shared.
    pub(crate) async fn next(&mut self) -> Result<Report, CliError> {
        match self.changes.recv().await {
            Some(report) => report,
            // The task that reports has ended with the runtime.
            None => std::future::pending().await,
        }
    }
}

/// Watches until the result is dropped.
fn watch(roots: &Roots, added: Arc<Pending>) -> Result<RecommendedWatcher, CliError> {
    let config = Config::default().with_follow_symlinks(false);
    let take = move |event: notify::Result<notify::Event>| added.take(event);
    let mut watcher =
        RecommendedWatcher::new(take, config).map_err(|error| unwatched(None, &error))?;
    for Root { path, is_folder, .. } in &*roots.0 {
        // Programs replace a file; its folder stays.
        let (path, mode) = match (is_folder, path.parent()) {
            (false, Some(folder)) => (folder, RecursiveMode::NonRecursive),
            _ => (&**path, RecursiveMode::Recursive),
        };
        watcher.watch(path, mode).map_err(|error| unwatched(Some(path), &error))?;
    }
    Ok(watcher)
}

fn unwatched(path: Option<&Path>, error: &notify::Error) -> CliError {
    let at = path.map(|path| format!(" {}", path.display())).unwrap_or_default();
    let hint = match error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "it has too many folders; raise fs.inotify.max_user_watches, or leave out --watch"
                .into()
        }
        _ => error.to_string(),
    };
    CliError::new(ExitCode::Incomplete, format!("cannot watch{at}: {hint}"))
}

/// The shared paths, with all links on the way to them resolved, as the system reports changes.
#[derive(Clone)]
struct Roots(Arc<[Root]>);

struct Root {
    name: Box<str>,
    path: PathBuf,
    is_folder: bool,
}

impl Roots {
    fn of(shares: &Shares) -> Self {
        let roots = shares.paths().filter_map(|(name, path, is_folder)| {
            Some(Root { name: name.into(), path: path.canonicalize().ok()?, is_folder })
        });
        Self(roots.collect())
    }

    /// Returns the names under which a path may be shared.
    fn names<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = FileName> + 'a {
        self.0.iter().filter_map(move |root| {
            let below = path.strip_prefix(&root.path).ok()?;
            Shares::name_of(&root.name, below)
        })
    }
}

/// Changes that may go on.
#[derive(Default)]
struct Pending {
    changes: Mutex<Changes>,
    more: Notify,
}

#[derive(Default)]
struct Changes {
    /// True for a new file; and when it last changed.
    files: HashMap<PathBuf, (bool, Instant)>,
    missed: bool,
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, Changes> {
        // Each change is complete by itself.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, event: notify::Result<notify::Event>) {
        let mut changes = self.lock();
        match event {
            Ok(event) => {
                changes.missed |= event.need_rescan();
                if let Some(is_new) = is_new(event.kind) {
                    for path in event.paths {
                        changes.add(path, is_new);
                    }
                }
            }
            Err(_) => changes.missed = true,
        }
        drop(changes);
        self.more.notify_one();
    }

    /// Returns the files that were written, or the time to wait for that; `None` if there are none.
    fn written(&self) -> (Vec<(PathBuf, bool)>, Option<Duration>) {
        let mut changes = self.lock();
        let quiet = |at: &Instant| QUIET.checked_sub(at.elapsed()).filter(|left| !left.is_zero());
        let wait = changes.files.values().filter_map(|(_, at)| quiet(at)).min();
        let written = changes.files.extract_if(|_, (_, at)| quiet(at).is_none());
        let mut written: Vec<_> = written.map(|(path, (is_new, _))| (path, is_new)).collect();
        written.sort();
        (written, wait)
    }
}

impl Changes {
    fn add(&mut self, path: PathBuf, is_new: bool) {
        let now = Instant::now();
        if let Some((was_new, at)) = self.files.get_mut(&path) {
            (*was_new, *at) = (*was_new || is_new, now);
        } else if self.files.len() < MAX_PENDING {
            self.files.insert(path, (is_new, now));
        } else {
            self.missed = true;
        }
    }
}

/// Returns true for an event of a new file, false for one of a changed file.
fn is_new(kind: EventKind) -> Option<bool> {
    match kind {
        EventKind::Create(_)
        | EventKind::Modify(ModifyKind::Name(
            RenameMode::To | RenameMode::Both | RenameMode::Any,
        )) => Some(true),
        EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any)
        | EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(false),
        _ => None,
    }
}

/// Reports files once they are written.
async fn report(
    pending: &Pending,
    roots: &Roots,
    shares: &Shares,
    to: &mpsc::Sender<Result<Report, CliError>>,
) {
    if to.send(Ok(Report::Started)).await.is_err() {
        return;
    }
    loop {
        let (written, wait) = pending.written();
        let (roots, shares) = (roots.clone(), shares.clone());
        let found = tokio::task::spawn_blocking(move || find(&roots, &shares, written)).await;
        let Ok((found, within)) = found else { return };
        let wait = if within.is_empty() { wait } else { Some(QUIET) };
        for path in within {
            pending.lock().add(path, true);
        }
        for changed in found {
            if to.send(Ok(Report::Changed(changed))).await.is_err() {
                return;
            }
        }
        if std::mem::take(&mut pending.lock().missed) && to.send(Ok(Report::Missed)).await.is_err()
        {
            return;
        }
        match wait {
            Some(wait) => tokio::time::sleep(wait).await,
            None => pending.more.notified().await,
        }
    }
}

/// Looks up which of the paths are shared. Also returns what is in new folders: the system reports no files
/// that were there before it began to watch a folder.
fn find(
    roots: &Roots,
    shares: &Shares,
    written: Vec<(PathBuf, bool)>,
) -> (Vec<Changed>, Vec<PathBuf>) {
    let (mut changed, mut within) = (Vec::new(), Vec::new());
    for (path, is_new) in written {
        for name in roots.names(&path) {
            let Some((size, kind)) = shares.find(&name) else { continue };
            if kind != Kind::Folder {
                changed.push(Changed { is_new, name, size, kind });
            } else if is_new && path.symlink_metadata().is_ok_and(|at| at.is_dir()) {
                let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
                within.extend(entries.map(|entry| entry.path()).take(MAX_PENDING));
            }
        }
    }
    (changed, within)
}
