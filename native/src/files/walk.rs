//! Lists shared files in bounded memory.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::vec;

use cap_std::fs::ReadDir;
use xcher_core::{FileName, Kind, Size};

use super::chunk::{Chunk, Entry, EscapedName, NotSharedReason};
use super::share::Share;
use super::walk_entry::{
    Decision, EntryKind, FolderState, FoundEntry, decide, list_single_file, open_folder,
};
use super::{Links, Stat, is_partial_folder, wire_name};

/// A listing in progress. It reads the disk, so it belongs on a thread that may block.
///
/// Folders are listed in the order of their names, and so are the entries of a folder with at most 4,096
/// of them; a larger one is listed in sorted runs of that length. A folder without a shared file is
/// listed itself once it is read, unless it has files that cannot be sent: peers would take it for an
/// empty one. A private folder is listed before its contents, so that it is made private before a file
/// is stored in it, and all of its contents are private. Memory does not grow with the number of files,
/// and depth is bounded by the longest name. A folder that was read to its end is not kept open.
#[derive(Debug)]
pub struct Walk {
    /// Shares that are still to be listed.
    shares: vec::IntoIter<(Box<str>, Arc<Share>)>,
    pipe: Option<FileName>,
    text: Option<Entry>,
    current: Option<Arc<Share>>,
    /// The name of the innermost folder, with a slash at its end.
    path: String,
    /// Bytes of `path` that are the share's own name.
    share_name_len: usize,
    folders: Vec<Folder>,
    /// Files in the current share whose names begin with a dot.
    dotted: u64,
    /// Files in the current share that are the program's own.
    own: u64,
}

/// A folder that is being listed.
#[derive(Debug)]
struct Folder {
    /// The length of `path` with this folder at its end.
    path_len: usize,
    /// Entries that were read, sorted so that the next is last.
    entries: Vec<FoundEntry>,
    /// The rest of the folder, if it is not read to its end.
    rest: Option<ReadDir>,
    state: FolderState,
}

/// The most entries of one folder that are read and sorted at a time.
const MAX_RUN_LEN: usize = 4096;
/// The most entries held for all folders of one path. A deeper folder gets the rest of it.
const MAX_HELD_ENTRIES: usize = 4 * MAX_RUN_LEN;
/// The shortest run, however many entries are held.
const MIN_RUN_LEN: usize = 64;

impl Walk {
    pub(super) fn new(
        shares: Vec<(Box<str>, Arc<Share>)>,
        pipe: Option<FileName>,
        text: Option<Entry>,
    ) -> Self {
        Self {
            shares: shares.into_iter(),
            pipe,
            text,
            current: None,
            path: String::new(),
            share_name_len: 0,
            folders: Vec::new(),
            dotted: 0,
            own: 0,
        }
    }

    /// Returns the next files: at most `max` shared and left out together, and the private folders that
    /// contain the last of them.
    ///
    /// A file that cannot be shared, or vanishes meanwhile, is left out; no error ends the listing early.
    pub fn next_chunk(&mut self, max: usize) -> Chunk {
        let mut chunk = Chunk::default();
        chunk.entries.extend(self.text.take());
        if let Some(name) = self.pipe.take() {
            chunk.entries.push(Entry { name, size: Size::UNKNOWN, stat: Stat::default() });
        }
        while chunk.entries.len() + chunk.not_shared.len() < max {
            let Some(folder) = self.folders.last_mut() else {
                if self.report_hidden(&mut chunk) {
                    continue;
                }
                match self.shares.next() {
                    Some((name, share)) => self.start_share(&name, share, &mut chunk),
                    None => {
                        chunk.done = true;
                        break;
                    }
                }
                continue;
            };
            self.path.truncate(folder.path_len);
            if let Some(entry) = folder.entries.pop() {
                self.visit(entry, &mut chunk);
            } else if let Some(Folder { rest, state, .. }) = self.folders.pop() {
                match rest {
                    Some(rest) => self.read_run(rest, state, &mut chunk),
                    None => self.end_folder(&state, &mut chunk),
                }
            }
        }
        chunk
    }

    /// Ends the folder at `path`, and lists it if it is empty.
    fn end_folder(&mut self, state: &FolderState, chunk: &mut Chunk) {
        let is_empty = !state.has_shared && !state.has_unsent;
        if is_empty && let Ok(name) = FileName::parse(self.path.trim_end_matches('/')) {
            let stat = Stat { private: state.is_private, ..state.stat };
            self.list(Entry { name: name.to_owned(), size: Size::Exact(0), stat }, chunk);
        }
        if let Some(above) = self.folders.last_mut() {
            above.state.has_shared |= state.has_shared || is_empty;
            above.state.has_unsent |= state.has_unsent;
        }
    }

    /// Lists an entry of the innermost folder, after the private folders that contain it.
    fn list(&mut self, mut entry: Entry, chunk: &mut Chunk) {
        for folder in &mut self.folders {
            let state = &mut folder.state;
            entry.stat.private |= state.is_private && entry.stat.kind != Kind::Link;
            if !state.stat.private || std::mem::replace(&mut state.is_listed, true) {
                continue;
            }
            // The root of the file system has no name.
            let name = self.path.get(..folder.path_len).map(|path| path.trim_end_matches('/'));
            if let Some(Ok(name)) = name.map(FileName::parse) {
                let (name, size) = (name.to_owned(), Size::Exact(0));
                chunk.entries.push(Entry { name, size, stat: state.stat });
            }
        }
        if let Some(folder) = self.folders.last_mut() {
            folder.state.has_shared = true;
        }
        chunk.entries.push(entry);
    }

    /// Reports how many files of the share that ends are hidden. Their names stay private.
    fn report_hidden(&mut self, chunk: &mut Chunk) -> bool {
        let (dotted, own) = (std::mem::take(&mut self.dotted), std::mem::take(&mut self.own));
        if dotted + own == 0 {
            return false;
        }
        let name = self.path.get(..self.share_name_len).unwrap_or_default().trim_end_matches('/');
        chunk.leave_out(name.as_ref(), name, NotSharedReason::Hidden { dotted, own });
        true
    }

    fn start_share(&mut self, name: &str, share: Arc<Share>, chunk: &mut Chunk) {
        self.path.clear();
        self.share_name_len = 0;
        if share.excludes_itself() {
            return;
        }
        if let Some(file) = &share.file {
            return list_single_file(&share, file.as_ref(), name, chunk);
        }
        self.path.push_str(name);
        if !name.is_empty() {
            self.path.push('/');
        }
        self.share_name_len = self.path.len();
        let root = open_folder(share.root.try_clone());
        self.current = Some(share);
        match root {
            Ok((rest, state)) => self.read_run(rest, state, chunk),
            Err(why) => self.leave_out(why, chunk),
        }
    }

    /// Reads the next run of the folder at `path` and makes it the innermost folder.
    fn read_run(&mut self, mut rest: ReadDir, mut state: FolderState, chunk: &mut Chunk) {
        let held: usize = self.folders.iter().map(|folder| folder.entries.capacity()).sum();
        let run_len = MAX_HELD_ENTRIES.saturating_sub(held).clamp(MIN_RUN_LEN, MAX_RUN_LEN);
        let mut entries = Vec::new();
        let mut ended = false;
        while entries.len() < run_len {
            match rest.next() {
                Some(Ok(entry)) => entries.push(FoundEntry::new(&entry)),
                Some(Err(error)) => {
                    self.leave_out(NotSharedReason::Unreadable(error), chunk);
                    state.has_unsent = true;
                    ended = true;
                }
                None => ended = true,
            }
            if ended {
                break;
            }
        }
        state.is_private |= self.folders.last().is_some_and(|above| above.state.is_private);
        entries.sort_unstable_by(|a, b| b.name.cmp(&a.name));
        let rest = (!ended).then_some(rest);
        self.folders.push(Folder { path_len: self.path.len(), entries, rest, state });
    }

    /// Leaves out the file at `path`, and remembers that for its folder unless the file is missing.
    fn leave_out(&mut self, why: NotSharedReason, chunk: &mut Chunk) {
        if let Some(above) = self.folders.last_mut() {
            above.state.has_unsent |= !why.is_missing();
        }
        let wire = self.path.trim_end_matches('/');
        let path = wire_name::to_path(wire).unwrap_or_else(|| wire.into());
        chunk.leave_out(&path, wire, why);
    }

    /// Returns true if the user excluded an entry of the folder at `path`. The report of left-out files does
    /// not mention it.
    fn is_excluded(&self, share: &Share, entry: &FoundEntry) -> bool {
        if share.rules.excluded.is_none() {
            return false;
        }
        let folder = wire_name::to_path(&self.path[self.share_name_len..]).unwrap_or_default();
        let is_folder = matches!(entry.kind, Ok(EntryKind::Folder));
        share.is_excluded(&folder.join(&entry.name), is_folder)
    }

    /// Handles one entry of the folder at `path`.
    fn visit(&mut self, entry: FoundEntry, chunk: &mut Chunk) {
        let Some(share) = self.current.clone() else { return };
        if entry.name.to_str().is_some_and(is_partial_folder) {
            return;
        }
        if self.is_excluded(&share, &entry) {
            return;
        }
        if share.rules.hides(&entry.name) {
            self.dotted += 1;
            return;
        }
        let Some(part) = wire_name::of_part(&entry.name) else {
            let path = Path::new(&self.path).join(&entry.name);
            let lossy = [&self.path, &*entry.name.to_string_lossy()].concat();
            if let Some(above) = self.folders.last_mut() {
                above.state.has_unsent = true;
            }
            return chunk.leave_out(&path, &lossy, NotSharedReason::NotText);
        };
        self.path.push_str(&part);
        let name = match FileName::parse(&self.path) {
            Ok(name) => name.to_owned(),
            Err(invalid) => {
                // A better name would not make these shared.
                let why = match entry.kind {
                    Ok(EntryKind::Link) if share.rules.links == Links::Skip => {
                        NotSharedReason::Link
                    }
                    Ok(EntryKind::Special) => NotSharedReason::Special,
                    _ => NotSharedReason::InvalidName(invalid.reason),
                };
                return self.leave_out(why, chunk);
            }
        };
        let Some(below) = wire_name::to_path(&self.path[self.share_name_len..]) else { return };
        if let Cow::Owned(_) = part {
            let path = wire_name::to_path(&self.path).unwrap_or_default();
            chunk.escaped.push(EscapedName { path, name: name.clone() });
        }
        match decide(&share, entry.kind, &below, &name) {
            Ok(Decision::Share(size, stat)) => {
                self.list(Entry { name, size: Size::Exact(size), stat }, chunk);
            }
            Ok(Decision::Descend(_, state)) if share.rules.own.contains(state.id) => self.own += 1,
            Ok(Decision::Descend(rest, state)) => {
                if self.folders.iter().any(|above| above.state.id == state.id) {
                    self.leave_out(NotSharedReason::LinkAbove, chunk);
                } else {
                    self.path.push('/');
                    self.read_run(rest, state, chunk);
                }
            }
            Ok(Decision::Own) => self.own += 1,
            Err(why) => self.leave_out(why, chunk),
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
