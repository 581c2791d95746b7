//! Decides for one entry of a folder if and how it is shared.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, DirEntry, Metadata, ReadDir};
use xcher_core::{FileName, Kind as SharedKind, Size};

use super::chunk::{Chunk, Entry, EscapedName, NotSharedReason};
use super::rules::FileId;
use super::share::{Share, has_blocks};
use super::{Links, Stat, leaves_root};

/// An entry of a folder, as it was read.
#[derive(Debug)]
pub(super) struct FoundEntry {
    pub(super) name: OsString,
    pub(super) kind: io::Result<EntryKind>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum EntryKind {
    File { size: u64, has_blocks: bool, stat: Stat, id: FileId },
    Folder,
    Link,
    Special,
}

/// The state of a folder that is being listed, in however many runs it is read.
#[derive(Debug)]
pub(super) struct FolderState {
    pub(super) id: FileId,
    pub(super) stat: Stat,
    /// True if something in it is shared.
    pub(super) has_shared: bool,
    /// True if something in it cannot be sent.
    pub(super) has_unsent: bool,
    /// True if it, or a folder that contains it, is private.
    pub(super) is_private: bool,
    /// True if it was listed itself.
    pub(super) is_listed: bool,
}

/// The decision on an entry.
pub(super) enum Decision {
    Share(u64, Stat),
    Descend(ReadDir, FolderState),
    /// It is the program's own.
    Own,
}

/// Decides if and how the entry at `below` is shared.
pub(super) fn decide(
    share: &Share,
    kind: io::Result<EntryKind>,
    below: &Path,
    name: &FileName,
) -> Result<Decision, NotSharedReason> {
    match kind.map_err(NotSharedReason::Unreadable)? {
        EntryKind::File { id, .. } if share.rules.own.contains(id) => Ok(Decision::Own),
        EntryKind::File { size, has_blocks, stat, .. } => {
            share.check_readable(below, size, has_blocks)?;
            Ok(Decision::Share(size, stat))
        }
        EntryKind::Folder => {
            let (rest, state) = open_folder(share.root.open_dir_nofollow(below))?;
            Ok(Decision::Descend(rest, state))
        }
        EntryKind::Special => Err(NotSharedReason::Special),
        EntryKind::Link => decide_link(share, below, name),
    }
}

fn decide_link(share: &Share, below: &Path, name: &FileName) -> Result<Decision, NotSharedReason> {
    match share.rules.links {
        Links::Skip => Err(NotSharedReason::Link),
        Links::Keep => match share.find(below, name) {
            Some(found) => Ok(Decision::Share(found.size, found.stat)),
            None => Err(NotSharedReason::LinkOut),
        },
        // Resolved from the root: a link may lead anywhere inside it.
        Links::Follow => match share.root.metadata(below) {
            Ok(_) => match share.find(below, name) {
                Some(found) if found.stat.kind == SharedKind::Folder => {
                    let (rest, mut state) = open_folder(share.root.open_dir(below))?;
                    state.is_private |= found.stat.private;
                    Ok(Decision::Descend(rest, state))
                }
                Some(found) => {
                    share.check_readable(&found.real, found.size, found.has_blocks)?;
                    Ok(Decision::Share(found.size, found.stat))
                }
                // A hidden file, for example.
                None => Err(NotSharedReason::LinkOut),
            },
            Err(error) if leaves_root(&error) => Err(NotSharedReason::LinkOut),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(NotSharedReason::DeadLink),
            Err(error) => Err(NotSharedReason::Unreadable(error)),
        },
    }
}

/// Lists a file that is shared by itself.
pub(super) fn list_single_file(share: &Share, file: &Path, name: &str, chunk: &mut Chunk) {
    let named = FileName::parse(name).ok().map(FileName::<&str>::to_owned);
    let found = named.and_then(|name| Some((share.find(file, &name)?, name)));
    let Some((found, named)) = found else {
        let metadata = share.root.symlink_metadata(file);
        let special = |_| NotSharedReason::Special;
        let why = metadata.map_or_else(NotSharedReason::Unreadable, special);
        return chunk.leave_out(file, name, why);
    };
    if let Err(why) = share.check_readable(file, found.size, found.has_blocks) {
        return chunk.leave_out(file, name, why.into());
    }
    if xcher_core::is_escaped(name) {
        chunk.escaped.push(EscapedName { path: file.into(), name: named.clone() });
    }
    chunk.entries.push(Entry { name: named, size: Size::Exact(found.size), stat: found.stat });
}

pub(super) fn open_folder(
    opened: io::Result<Dir>,
) -> Result<(ReadDir, FolderState), NotSharedReason> {
    use cap_fs_ext::MetadataExt as _;
    let read = opened.and_then(|dir| {
        let found = dir.dir_metadata()?;
        // A removed folder would be read as an empty one.
        if cfg!(unix) && found.nlink() == 0 {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok((dir.entries()?, FolderState::new(&found)))
    });
    read.map_err(NotSharedReason::Unreadable)
}

impl FolderState {
    fn new(found: &Metadata) -> Self {
        let (id, stat) = (FileId::of(found), Stat::of(found));
        let is_private = stat.private;
        Self { id, stat, has_shared: false, has_unsent: false, is_private, is_listed: false }
    }
}

impl FoundEntry {
    pub(super) fn new(entry: &DirEntry) -> Self {
        let is_folder = entry.file_type().is_ok_and(|it| it.is_dir());
        let kind = match is_folder {
            true => Ok(EntryKind::Folder),
            false => entry.metadata().map(|metadata| kind_of(&metadata)),
        };
        Self { name: entry.file_name(), kind }
    }
}

fn kind_of(metadata: &Metadata) -> EntryKind {
    if metadata.is_file() {
        let (size, has_blocks) = (metadata.len(), has_blocks(metadata));
        EntryKind::File { size, has_blocks, stat: Stat::of(metadata), id: FileId::of(metadata) }
    } else if metadata.is_dir() {
        EntryKind::Folder
    } else if metadata.is_symlink() {
        EntryKind::Link
    } else {
        EntryKind::Special
    }
}
