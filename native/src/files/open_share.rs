//! Opens a path to share it.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use xcher_core::{FileName, InvalidName};

use super::share::Share;
use super::{OpenError, Rules, ShareError, is_partial_folder, wire_name};

/// Opens a path, and returns it with the name that it is shared under.
pub(super) fn open_share(path: &Path, rules: &Rules) -> Result<(Box<str>, Share), ShareError> {
    let unreadable = |source| ShareError::Unreadable { path: path.into(), source };
    let real = path.canonicalize().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ShareError::Missing { path: path.into() },
        _ => unreadable(source),
    })?;
    let metadata = real.metadata().map_err(unreadable)?;
    if !metadata.is_dir() && !metadata.is_file() {
        return Err(ShareError::Special { path: path.into() });
    }
    if rules.own.contains_path(&real) {
        return Err(ShareError::Own { path: path.into() });
    }
    let name: Box<str> = match path.file_name().or(real.file_name()) {
        None => "".into(),
        Some(base) => {
            let text = wire_name::of_part(base).ok_or(ShareError::NotText { path: path.into() })?;
            FileName::parse(&text).map_err(|InvalidName { reason: why, .. }| {
                ShareError::InvalidName { path: path.into(), why }
            })?;
            text.into()
        }
    };
    if is_partial_folder(&name) {
        return Err(ShareError::PartialFolder { path: path.into() });
    }
    let file = real.file_name().filter(|_| metadata.is_file()).map(OsStr::to_os_string);
    let root = match real.parent() {
        Some(parent) if file.is_some() => parent,
        _ => &real,
    };
    let root = Dir::open_ambient_dir(root, ambient_authority()).map_err(unreadable)?;
    let own_name = path.file_name().or(real.file_name()).unwrap_or_default().into();
    let share = Share { given: path.into(), own_name, root, file, rules: rules.clone() };
    // Checked at the start, where the owner sees the error, and not at a peer's first request.
    match &share.file {
        None => share.root.entries().map(drop).map_err(unreadable)?,
        Some(file) => {
            let opened = share.open_file(file.as_ref(), metadata.len());
            opened.map(drop).map_err(|error| match error {
                OpenError::Unreadable(source) => unreadable(source),
                OpenError::NoSize => ShareError::NoSize { path: path.into() },
                OpenError::NotShared | OpenError::Changed { .. } => {
                    ShareError::Missing { path: path.into() }
                }
            })?;
        }
    }
    Ok((name, share))
}
