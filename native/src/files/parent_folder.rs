//! The folder that a received file is stored in.

use std::io;

use cap_fs_ext::DirExt as _;
use cap_std::fs::Dir;
use xcher_core::FileName;

use super::StoreErrorKind;

/// Opens the parent folder of a name below `root`, and creates the folders that are missing. No link on
/// the way is followed, even one of this user: a peer may have sent it.
pub(super) fn open_parent(root: &Dir, name: &FileName) -> Result<Dir, StoreErrorKind> {
    let mut folder = root.try_clone().map_err(StoreErrorKind::System)?;
    let name = name.as_str();
    for (end, _) in name.match_indices('/') {
        let parent = &name[..end];
        let part = parent.rsplit('/').next().unwrap_or(parent);
        folder = open_or_create(&folder, part)
            .map_err(|error| StoreErrorKind::of_parent(&folder, part, parent, error))?;
    }
    Ok(folder)
}

fn open_or_create(folder: &Dir, part: &str) -> io::Result<Dir> {
    match folder.open_dir_nofollow(part) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match folder.create_dir(part) {
                // Another file in it was faster.
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            folder.open_dir_nofollow(part)
        }
        opened => opened,
    }
}

/// Makes a new name survive a power failure, where the file system can. The file is complete and has its
/// name already, so a refusal here is not a failure of the transfer.
pub(super) fn sync_folder(folder: &Dir) {
    if cfg!(unix) {
        let _ = folder.open(".").and_then(|folder| folder.sync_all());
    }
}
